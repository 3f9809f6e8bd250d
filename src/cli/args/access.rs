//! The arguments of `access` and `spaces`.

use std::path::PathBuf;

use clap::Subcommand;

use crate::control::EventName;

use super::deliveries::{Since, since};
use super::{ListArgs, OutputArgs};

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct AccessArgs {
    #[command(subcommand)]
    pub(in crate::cli) action: Option<AccessAction>,
    #[command(flatten)]
    pub(in crate::cli) list: AccessListArgs,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum AccessAction {
    /// List who holds which role, or who can open a space or an app (this is also what happens
    /// without `list`).
    List(AccessListArgs),
    /// Show each path by which a user holds a role or can open a space, or that there is none.
    Explain(AccessExplainArgs),
    /// List what a user holds by several paths: removing one of them takes nothing away.
    Redundant(AccessRedundantArgs),
    /// List the spaces that a user owns. Other things are not read; a line says what they may be.
    Owned(AccessOwnedArgs),
    /// List to whom licences are assigned, or only those to subjects that no user has.
    Licences(AccessLicencesArgs),
    /// List who gained or lost a right between two times, or holds it by other paths.
    Diff(AccessDiffArgs),
    /// List administrators who have begun no session for some time, or of whom that is not known.
    Stale(AccessStaleArgs),
    /// Write the evidence for an auditor: who holds what, by which paths and since when.
    Review(AccessReviewArgs),
    /// List who came to hold a role, holds it no longer, or holds it by other paths, as each run
    /// found it.
    Changes(AccessChangesArgs),
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct AccessListArgs {
    /// Who holds this role: its name or id.
    #[arg(long, value_name = "ROLE", group = "right")]
    pub(in crate::cli) role: Option<String>,
    /// Who can open this space: its name or id.
    #[arg(long, value_name = "SPACE", group = "right")]
    pub(in crate::cli) space: Option<String>,
    /// Who can open this app: its id.
    #[arg(long, value_name = "APP", group = "right")]
    pub(in crate::cli) app: Option<String>,
    /// What this user holds: the id, name, subject or e-mail address.
    #[arg(long, value_name = "USER", conflicts_with_all = ["right", "potential", "limit"])]
    pub(in crate::cli) user: Option<String>,
    /// Who does not hold the role, but is allowed to assign any role to anybody; with `--space` or
    /// `--app`, who has no access, but could take a role there.
    #[arg(long, requires = "right")]
    pub(in crate::cli) potential: bool,
    #[command(flatten)]
    pub(in crate::cli) time: AsOfArgs,
    /// Draw each user with every role and path instead of a table.
    #[arg(long, conflicts_with_all = ["output", "wide", "columns"])]
    pub(in crate::cli) tree: bool,
    #[command(flatten)]
    pub(in crate::cli) list: ListArgs,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct AccessExplainArgs {
    /// The user: the id, name, subject or e-mail address.
    #[arg(long, value_name = "USER")]
    pub(in crate::cli) user: String,
    /// The role: its name or id.
    #[arg(long, value_name = "ROLE", required_unless_present_any = ["space", "app"])]
    pub(in crate::cli) role: Option<String>,
    /// The space, instead of a role: its name or id.
    #[arg(long, value_name = "SPACE", conflicts_with = "role")]
    pub(in crate::cli) space: Option<String>,
    /// The app, instead of a role: its id.
    #[arg(long, value_name = "APP", conflicts_with_all = ["role", "space"])]
    pub(in crate::cli) app: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) time: AsOfArgs,
    /// Look in this tenant only.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) tenant: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) output: OutputArgs,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct AccessRedundantArgs {
    /// Only this role: the name or id of a role in the tenant, or the name of a role in spaces,
    /// such as `producer`.
    #[arg(long, value_name = "ROLE")]
    pub(in crate::cli) role: Option<String>,
    /// Only users who have access to this space by several paths: its name or id.
    #[arg(long, value_name = "SPACE", conflicts_with = "role")]
    pub(in crate::cli) space: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) time: AsOfArgs,
    #[command(flatten)]
    pub(in crate::cli) list: ListArgs,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct AccessStaleArgs {
    /// For how many days.
    #[arg(long, value_name = "N", default_value_t = 90,
        value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub(in crate::cli) days: u32,
    /// All users, not only administrators.
    #[arg(long)]
    pub(in crate::cli) all: bool,
    #[command(flatten)]
    pub(in crate::cli) time: AsOfArgs,
    #[command(flatten)]
    pub(in crate::cli) list: ListArgs,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct AccessOwnedArgs {
    /// The user: the id, name, subject or e-mail address.
    #[arg(long, value_name = "USER")]
    pub(in crate::cli) user: String,
    #[command(flatten)]
    pub(in crate::cli) time: AsOfArgs,
    #[command(flatten)]
    pub(in crate::cli) list: ListArgs,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct AccessLicencesArgs {
    /// Only those of subjects that no user has in any tenant of the same licence.
    #[arg(long)]
    pub(in crate::cli) orphans: bool,
    /// Assignments of this type, such as `professional` or `analyzer`.
    #[arg(long = "type", value_name = "TYPE")]
    pub(in crate::cli) sort: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) time: AsOfArgs,
    #[command(flatten)]
    pub(in crate::cli) list: ListArgs,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct SpacesArgs {
    /// Only those of this owner: the id, name, subject or e-mail address.
    #[arg(long, value_name = "USER")]
    pub(in crate::cli) owner: Option<String>,
    /// Only spaces of this type.
    #[arg(long = "type", value_name = "TYPE", value_parser = ["shared", "managed", "data"])]
    pub(in crate::cli) sort: Option<String>,
    /// Only spaces whose name contains this.
    #[arg(long, value_name = "PART")]
    pub(in crate::cli) name: Option<String>,
    /// Only spaces that share something by a link, which anybody who has the link may open.
    #[arg(long)]
    pub(in crate::cli) shared_by_link: bool,
    #[command(flatten)]
    pub(in crate::cli) time: AsOfArgs,
    #[command(flatten)]
    pub(in crate::cli) list: ListArgs,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct AccessDiffArgs {
    /// The earlier time, as in `--as-of`.
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub(in crate::cli) from: Since,
    /// The later time (default: now).
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub(in crate::cli) to: Option<Since>,
    /// Only this role: the name or id of a role in the tenant, or the name of a role in spaces,
    /// such as `producer`.
    #[arg(long, value_name = "ROLE")]
    pub(in crate::cli) role: Option<String>,
    /// Only rights in this space: its name or id.
    #[arg(long, value_name = "SPACE")]
    pub(in crate::cli) space: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) list: ListArgs,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct AccessReviewArgs {
    /// The tenant.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) tenant: String,
    /// Only this role: the name or id of a role in the tenant, or the name of a role in spaces,
    /// such as `producer`; may be given several times.
    #[arg(long, value_name = "ROLE")]
    pub(in crate::cli) role: Vec<String>,
    /// Only rights in this space: its name or id.
    #[arg(long, value_name = "SPACE")]
    pub(in crate::cli) space: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) time: AsOfArgs,
    /// The folder for the CSV file and the printable page. Existing files are never overwritten.
    #[arg(long, value_name = "FOLDER")]
    pub(in crate::cli) out: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct AccessChangesArgs {
    /// Only changes found then or later: a time (`2026-03-01T10:00:00Z`), a day in UTC
    /// (`2026-03-01`) or a time span back from now (`30d`).
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub(in crate::cli) since: Option<Since>,
    /// Only changes of this role: the name or id of one in the tenant, or the name of one in
    /// spaces, such as `producer`.
    #[arg(long, value_name = "ROLE")]
    pub(in crate::cli) role: Option<String>,
    /// Only changes of rights in this space: its name or id.
    #[arg(long, value_name = "SPACE")]
    pub(in crate::cli) space: Option<String>,
    /// Only changes of this user: the id, name, subject or e-mail address.
    #[arg(long, value_name = "USER")]
    pub(in crate::cli) user: Option<String>,
    /// Only changes in this event: its sequence number or its id. Lists the users of an event
    /// about many.
    #[arg(long, value_name = "EVENT", conflicts_with = "since")]
    pub(in crate::cli) event: Option<EventName>,
    #[command(flatten)]
    pub(in crate::cli) list: ListArgs,
}

/// The time that an answer describes.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(in crate::cli) struct AsOfArgs {
    /// As it was then: a time (`2026-03-01T10:00:00Z`), a day in UTC (`2026-03-01`) or a time
    /// span back from now (`30d`). The journal must go back that far.
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub(in crate::cli) as_of: Option<Since>,
}
