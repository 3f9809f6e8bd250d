//! Says that nothing has the name that was given, and which name was probably meant.

use std::fmt::Display;

use crate::control::{Choice, MAX_PAGE, query};
use crate::model::{Kind, TenantName};
use crate::suggest::{closest, did_you_mean};

use super::store_client::StoreClient;
use super::style::say;

/// Says that no record of a kind has a name.
pub(super) async fn say_no_record(
    client: &StoreClient,
    kind: Kind,
    tenant: Option<&TenantName>,
    called: &str,
) -> anyhow::Result<()> {
    let asked = query::Records {
        kind,
        tenant: tenant.cloned(),
        choice: Choice::default(),
        after: None,
        limit: MAX_PAGE,
    };
    let rows = client.ask(asked).await?.rows;
    let names = rows.iter().map(|row| row.record.label());
    say_nothing(
        format_args!("No {kind} is called `{called}`."),
        called,
        names,
    );
    Ok(())
}

/// Says a sentence, and then which of some names was probably meant, if any is similar.
pub(super) fn say_nothing<'a>(
    sentence: impl Display,
    called: &str,
    names: impl Iterator<Item = &'a str>,
) {
    match closest(called, names) {
        Some(meant) => {
            let question = did_you_mean(meant).replacen('d', "D", 1);
            say(format_args!("{sentence} {question}"));
        }
        None => say(sentence),
    }
}
