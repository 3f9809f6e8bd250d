//! The arguments of the commands for tokens.

use std::num::NonZeroU32;

use clap::Subcommand;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::{OutputArgs, TableArgs};
use crate::model::Scope;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum TokenAction {
    /// Make a token and print it. It is shown only this once.
    Create(CreateTokenArgs),
    /// List tokens, with their last use.
    List(TokenListArgs),
    /// Revoke tokens: from now on they are refused.
    Revoke {
        /// The tokens, such as `t-3fa9c2e17b04`.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct CreateTokenArgs {
    /// A name that says what the token is for, such as `power-bi`.
    pub(in crate::cli) name: String,
    /// What it allows: to read records and reports, to read SCIM resources, to read events, or
    /// everything; may be given several times.
    #[arg(long, required = true, value_name = "SCOPE", value_parser = scopes())]
    pub(in crate::cli) scope: Vec<Scope>,
    /// A tenant that may be read with it; may be given several times (default: all tenants, also
    /// those added later).
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) tenant: Vec<String>,
    /// For how many days it is valid (default: until it is revoked).
    #[arg(long, value_name = "N", value_parser = days)]
    pub(in crate::cli) days: Option<NonZeroU32>,
    #[command(flatten)]
    pub(in crate::cli) output: OutputArgs,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct TokenListArgs {
    /// Only tokens whose name contains this.
    #[arg(long, value_name = "PART")]
    pub(in crate::cli) name: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) table: TableArgs,
}

fn scopes() -> impl TypedValueParser<Value = Scope> {
    let values = Scope::ALL.map(|scope| PossibleValue::new(scope.word()));
    PossibleValuesParser::new(values).try_map(|text| {
        let found = Scope::ALL.into_iter().find(|scope| scope.word() == text);
        found.ok_or("no such scope")
    })
}

/// Reads a number of days, at most ten years.
fn days(text: &str) -> Result<NonZeroU32, &'static str> {
    let read = text.parse().ok();
    let expected = "a whole number from 1 to 3650 is expected";
    read.filter(|n: &NonZeroU32| n.get() <= 3_650)
        .ok_or(expected)
}
