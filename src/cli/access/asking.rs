//! What the answers of `access` have in common: which time, tenants and users they are about, and
//! what is printed besides the rows.

use std::collections::BTreeSet;

use crate::clock::Clock;
use crate::control::{Envelope, NotKnown, query};
use crate::model::{Id, Kind, TenantName, Thousands, Timestamp, UserId};
use crate::view;

use super::super::args::Since;
use super::super::error::CliError;
use super::super::error_codes;
use super::super::store_client::StoreClient;
use super::super::style::say;
use super::words;

/// Returns the time that somebody means. A time in the future is refused.
pub(super) fn time(asked: Option<Since>) -> Result<Option<Timestamp>, CliError> {
    let now = Clock::system().now();
    let time = asked.map(|since| since.time(now));
    match time {
        Some(time) if time > now => {
            let why = format!("{time} is in the future; give a time in the past");
            Err(CliError::Usage(why))
        }
        Some(_) | None => Ok(time),
    }
}

/// Returns the tenants to ask about, by name.
pub(super) async fn tenants(
    client: &StoreClient,
    tenant: Option<String>,
) -> anyhow::Result<Vec<TenantName>> {
    let tenant = tenant.map(TenantName);
    let ask = |after, limit| query::Tenants {
        tenant: tenant.clone(),
        after,
        limit,
    };
    let rows = client.all(usize::MAX, ask).await?.into_iter();
    // Nothing is known about a tenant that was never reached.
    let known = rows.filter(|row| row.id.is_some());
    Ok(known.map(|row| row.name).collect())
}

/// Finds the users of that name, each with its tenant. A user who is gone by now is found by id
/// only.
pub(super) async fn users(
    client: &StoreClient,
    called: &str,
    tenant: Option<String>,
) -> anyhow::Result<Vec<(TenantName, UserId)>> {
    let asked = |after, limit| query::Find {
        kind: Kind::User,
        tenant: tenant.clone().map(TenantName),
        called: called.to_owned(),
        after,
        limit,
    };
    let found = client.all(usize::MAX, asked).await?;
    let found: Vec<_> = found
        .into_iter()
        .map(|row| (row.tenant, UserId(row.record.id().clone())))
        .collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let Ok(id) = Id::parse(called) else {
        return Ok(found);
    };
    let tenants = tenants(client, tenant).await?.into_iter();
    Ok(tenants.map(|name| (name, UserId(id.clone()))).collect())
}

/// Returns whether the question failed because nothing is known about the tenant at the requested
/// time. The answers about other tenants are still worth having.
pub(super) fn is_not_covered(failure: &anyhow::Error) -> bool {
    error_codes::code(failure) == "history.not-covered"
}

/// How many things that are not known are named. `More` stands for the rest, which may be as long
/// as the list of users.
const MAX_NAMED: usize = 100;

/// Adds what another page does not know to what the pages before it did not know.
pub(super) fn take_in(envelope: &mut Envelope, page: BTreeSet<NotKnown>) {
    let not_known = &mut envelope.not_known;
    for what in page {
        let is_named = match &what {
            NotKnown::User { .. }
            | NotKnown::RolesOfGroup { .. }
            | NotKnown::PartOfSpace { .. } => true,
            NotKnown::WholeTenant
            | NotKnown::Roles
            | NotKnown::Spaces
            | NotKnown::Sessions { .. }
            | NotKnown::Licences { .. }
            | NotKnown::OtherThings
            | NotKnown::More
            | NotKnown::Rest
            | NotKnown::History => false,
        };
        if is_named && not_known.len() >= MAX_NAMED && !not_known.contains(&what) {
            not_known.insert(NotKnown::More);
        } else {
            not_known.insert(what);
        }
    }
}

/// Says what an answer does not know, and what all users hold.
pub(super) fn say_of(envelope: &Envelope) {
    for everybody in &envelope.everybody {
        say(format_args!(
            "All {} users of `{}` hold {}, {}.",
            Thousands(everybody.users),
            envelope.tenant,
            view::role_name(&everybody.role),
            words::everybodys(&everybody.paths)
        ));
    }
    for lacking in &envelope.not_known {
        say(format_args!(
            "`{}`: {}",
            envelope.tenant,
            words::not_known(lacking)
        ));
    }
}
