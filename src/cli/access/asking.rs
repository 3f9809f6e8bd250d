//! What the answers of `access` have in common: which time, tenants and users they are about, and
//! what is printed besides the rows.

use std::collections::BTreeSet;

use crate::clock::Clock;
use crate::control::{Envelope, LinkedRow, NotKnown, Standing, query};
use crate::model::{Id, Kind, TenantName, Thousands, Timestamp, UserId};
use crate::view;

use super::super::args::Since;
use super::super::error::CliError;
use super::super::error_codes;
use super::super::store_client::StoreClient;
use super::super::style::say;
use super::words;

/// Returns the time that somebody means. A time in the future is refused.
pub(in crate::cli) fn time(asked: Option<Since>) -> Result<Option<Timestamp>, CliError> {
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

/// The tenants that a question is about, by name.
pub(super) struct Tenants {
    /// Those about which something is known.
    pub(super) known: Vec<TenantName>,
    /// Those that were never reached.
    pub(super) unread: Vec<TenantName>,
}

/// How much of what was asked about is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    All,
    Part,
}

impl Known {
    /// Returns how much these answers know. They know only a part if some tenants are `unread`.
    pub(super) fn of<'a>(
        unread: &[TenantName],
        mut answers: impl Iterator<Item = &'a Envelope>,
    ) -> Self {
        match unread.is_empty() && answers.all(Envelope::is_complete) {
            true => Self::All,
            false => Self::Part,
        }
    }
}

/// Returns the tenants to ask about, by name. Reports those about which nothing is known.
pub(super) async fn tenants(
    client: &StoreClient,
    tenant: Option<String>,
) -> anyhow::Result<Vec<TenantName>> {
    Ok(all_tenants(client, tenant).await?.known)
}

/// Returns all tenants that a question is about. Reports those about which nothing is known.
pub(super) async fn all_tenants(
    client: &StoreClient,
    tenant: Option<String>,
) -> anyhow::Result<Tenants> {
    let tenant = tenant.map(TenantName);
    let ask = |after, limit| query::Tenants {
        tenant: tenant.clone(),
        after,
        limit,
    };
    let rows = client.all(usize::MAX, ask).await?.into_iter();
    let (known, unread): (Vec<_>, Vec<_>) = rows.partition(|row| row.id.is_some());
    for row in &unread {
        let why = match &row.standing {
            Standing::NeverReached { why: Some(why) } | Standing::Failing { why } => why,
            Standing::Paused(_) => "it is paused",
            Standing::NeverReached { why: None } | Standing::Active => "no run of it has ended",
        };
        let name = &row.name;
        say(format_args!(
            "Nothing is known of `{name}`, which was never read: {why}."
        ));
    }
    let names = |rows: Vec<LinkedRow>| rows.into_iter().map(|row| row.name).collect();
    Ok(Tenants {
        known: names(known),
        unread: names(unread),
    })
}

/// Finds the users with this name, each with its tenant. A user who is gone by now is found by id
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

/// We name at most this many things that are not known. `More` stands for the rest, which may be
/// as long as the list of users.
const MAX_NAMED: usize = 100;

/// Adds what another page does not know to what the pages before it did not know.
pub(super) fn take_in(envelope: &mut Envelope, page: BTreeSet<NotKnown>) {
    let not_known = &mut envelope.not_known;
    for what in page {
        let is_named = match &what {
            NotKnown::User { .. }
            | NotKnown::RolesOfGroup { .. }
            | NotKnown::PartOfSpace { .. }
            | NotKnown::LongList { .. } => true,
            NotKnown::WholeTenant
            | NotKnown::Roles
            | NotKnown::Spaces
            | NotKnown::UnreadSpaces { .. }
            | NotKnown::Shares { .. }
            | NotKnown::Sessions { .. }
            | NotKnown::Licences { .. }
            | NotKnown::OtherThings
            | NotKnown::PersonalSpaces
            | NotKnown::App { .. }
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
