//! The arguments of the commands for findings.

use clap::Subcommand;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::ListArgs;
use crate::control::{ConcernCode, Severity};

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct FindingsArgs {
    #[command(subcommand)]
    pub(in crate::cli) action: Option<FindingsAction>,
    #[command(flatten)]
    pub(in crate::cli) list: FindingListArgs,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum FindingsAction {
    /// List findings (this is also what happens without `list`).
    List(FindingListArgs),
    /// Accept findings as they are: they are no longer listed, unless they grow.
    Accept {
        /// The findings, such as `f-3fa9c2e17b`.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
        /// Why they may stay as they are.
        #[arg(long, value_name = "TEXT")]
        why: String,
        /// Who accepts it (default: the name of your user account).
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
    /// Reopen accepted findings.
    Reopen {
        /// The findings, such as `f-3fa9c2e17b`.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct FindingListArgs {
    /// Findings of this sort only; may be given several times.
    #[arg(long, value_name = "CODE", value_parser = concern_codes())]
    pub(in crate::cli) code: Vec<ConcernCode>,
    /// Only findings of at least this severity.
    #[arg(long, value_name = "SEVERITY", value_parser = severities(), default_value = "notice")]
    pub(in crate::cli) min: Severity,
    /// Only findings that were accepted, with who accepted them, when and why.
    #[arg(long)]
    pub(in crate::cli) accepted: bool,
    #[command(flatten)]
    pub(in crate::cli) list: ListArgs,
}

/// Accepts a code as it is printed, or only the part after its full stop.
fn concern_codes() -> impl TypedValueParser<Value = ConcernCode> {
    let short = |code: &'static str| code.split_once('.').map_or(code, |(_, short)| short);
    let values =
        ConcernCode::ALL.map(|code| PossibleValue::new(code.code()).alias(short(code.code())));
    PossibleValuesParser::new(values).try_map(move |text| {
        let found = ConcernCode::ALL
            .into_iter()
            .find(|code| code.code() == text || short(code.code()) == text);
        found.ok_or("no such code")
    })
}

fn severities() -> impl TypedValueParser<Value = Severity> {
    PossibleValuesParser::new(Severity::ALL.map(Severity::word)).try_map(|text| {
        let found = Severity::ALL
            .into_iter()
            .find(|severity| severity.word() == text);
        found.ok_or("no such severity")
    })
}
