//! The arguments of the command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

mod access;
mod backup;
mod deliveries;
mod events;
mod export;
mod findings;
mod records;
mod tokens;

pub(super) use access::{
    AccessAction, AccessArgs, AccessChangesArgs, AccessDiffArgs, AccessExplainArgs,
    AccessLicencesArgs, AccessListArgs, AccessOwnedArgs, AccessRedundantArgs, AccessReviewArgs,
    AccessStaleArgs, SpacesArgs,
};
pub(super) use backup::{BackupArgs, RestoreArgs};
pub(super) use deliveries::{
    DeliveriesAction, DeliveriesArgs, DeliveryListArgs, EndpointsAction, EndpointsArgs, ReplayArgs,
    Since,
};

pub(super) use events::{EventListArgs, EventsAction, EventsArgs};
pub(super) use export::{ExportArgs, ExportFormat};
pub(super) use findings::{FindingListArgs, FindingsAction, FindingsArgs};
pub(super) use records::{IdleArgs, RecordsArgs, RecordsAsked, RolesArgs, ShowArgs, UsersArgs};
pub(super) use tokens::{CreateTokenArgs, TokenAction, TokenListArgs};

use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::connector::qlik::TenantHost;
use crate::model::Kind;

/// Keeps a faithful copy of who may do what in Qlik Cloud tenants, and tells webhooks when
/// it changes.
#[derive(Debug, Parser)]
#[command(name = "qlik-roster", version, arg_required_else_help = true)]
pub(super) struct Args {
    /// The configuration (default: `$QLIK_ROSTER_CONFIG`, else `./qlik-roster.toml` or
    /// `/etc/qlik-roster/qlik-roster.toml`).
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(super) command: CommandArgs,
}

#[derive(Debug, Subcommand)]
pub(super) enum CommandArgs {
    /// Show the product working: an emulated tenant, the real daemon, a verifying receiver.
    Demo(DemoArgs),
    /// Write a configuration that works, and a secret to sign with; asks for anything not given.
    Init(InitArgs),
    /// Connect to each tenant, and to each endpoint if asked to, and say what works.
    Check(CheckArgs),
    /// Run the daemon: sync on schedule, deliver events as they come.
    Serve,
    /// Ask the running daemon whether it is alive, for the health check of a container.
    Health,
    /// Let the running daemon read its configuration and its secrets again.
    Reload(OutputArgs),
    /// Do one run for each tenant, then deliver until nothing is due.
    Sync(SyncArgs),
    /// Show the tenants: whether each is read, and how its runs went.
    Tenants(TenantsArgs),
    /// Show the overall state: tenants, held removals, endpoints.
    Status(TableArgs),
    /// Show how much disk space the store takes, check it, or free what it does not need.
    Store {
        #[command(subcommand)]
        action: StoreAction,
    },
    /// Write a backup of the store, also while the daemon runs.
    Backup(BackupArgs),
    /// Make the store of a backup, in an empty folder.
    Restore(RestoreArgs),
    /// List held removals, show them, approve or reject them.
    Plan(PlanArgs),
    /// List or show users.
    Users(UsersArgs),
    /// List or show roles.
    Roles(RolesArgs),
    /// List or show groups.
    Groups(RecordsArgs),
    /// List spaces, each with its owner.
    Spaces(SpacesArgs),
    /// Show who holds which role and by which paths, now or at an earlier time.
    Access(AccessArgs),
    /// List accounts that somebody should look at, and why; accept those that may stay as they are.
    Findings(FindingsArgs),
    /// Write tables of users, roles, groups, rights and findings, as CSV or JSON.
    Export(ExportArgs),
    /// List or show runs.
    Runs(RunsArgs),
    /// List or show the events of the journal.
    Events(EventsArgs),
    /// List delivery attempts, what is waiting for another, and what was given up on.
    Deliveries(DeliveriesArgs),
    /// Send events again: one, all since a time, or all that were given up on.
    Replay(ReplayArgs),
    /// Print the completions for a shell, such as `bash`.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Write the manual pages into a folder.
    Man {
        /// The folder, which is created if it does not exist.
        folder: PathBuf,
    },
    /// List endpoints; test, enable or disable one, send it everything, or renew its secret.
    Endpoints(EndpointsArgs),
    /// Make, list and revoke the tokens by which programs read what is known, over HTTP.
    Token {
        #[command(subcommand)]
        action: TokenAction,
    },
}

impl CommandArgs {
    /// Returns whether somebody waits for it to end.
    pub(super) fn is_awaited(&self) -> bool {
        match self {
            Self::Demo(_)
            | Self::Init(_)
            | Self::Serve
            | Self::Health
            | Self::Completions { .. }
            | Self::Man { .. } => false,
            Self::Check(_)
            | Self::Reload(_)
            | Self::Sync(_)
            | Self::Tenants(_)
            | Self::Status(_)
            | Self::Store { .. }
            | Self::Backup(_)
            | Self::Restore(_)
            | Self::Plan(_)
            | Self::Users(_)
            | Self::Roles(_)
            | Self::Groups(_)
            | Self::Spaces(_)
            | Self::Access(_)
            | Self::Findings(_)
            | Self::Export(_)
            | Self::Runs(_)
            | Self::Events(_)
            | Self::Deliveries(_)
            | Self::Replay(_)
            | Self::Endpoints(_)
            | Self::Token { .. } => true,
        }
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct DemoArgs {
    /// Users of the emulated tenant.
    #[arg(long, default_value_t = 500, value_parser = users)]
    pub(super) users: u32,
    /// End after this time (`20s`, `2m`), with everyday life after the stories (default: end after
    /// the stories).
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub(super) duration: Option<Duration>,
    /// Print lines, even on a terminal.
    #[arg(long)]
    pub(super) plain: bool,
    /// How long to wait between two things that happen, so that a person can follow.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "1s")]
    pub(super) pace: Duration,
    /// The seed of the story: the same seed gives the same story.
    #[arg(long, default_value_t = 1, value_parser = number::<u64>)]
    pub(super) seed: u64,
}

#[derive(Debug, clap::Args)]
pub(super) struct InitArgs {
    /// Where to write it; `-` for standard output.
    #[arg(default_value = "qlik-roster.toml")]
    pub(super) file: PathBuf,
    /// The tenant's host name, or its address as the browser shows it.
    #[arg(long, value_parser = TenantHost::parse)]
    pub(super) host: Option<TenantHost>,
    /// The id of the tenant's OAuth client.
    #[arg(long, value_name = "ID")]
    pub(super) client_id: Option<String>,
    /// The file with the client's secret, beside the configuration.
    #[arg(long, value_name = "FILE", default_value = CLIENT_SECRET)]
    pub(super) client_secret_file: String,
    /// The webhook to send events to; a secret to sign with is made for it.
    #[arg(long, value_name = "URL")]
    pub(super) endpoint: Option<String>,
    /// Write every setting with its explanation.
    #[arg(long)]
    pub(super) full: bool,
}

/// What the file with the client's secret is called, unless said otherwise.
const CLIENT_SECRET: &str = "client-secret";

impl InitArgs {
    /// Returns whether no option says what to fill in.
    pub(super) fn says_nothing(&self) -> bool {
        let Self {
            file: _,
            host,
            client_id,
            client_secret_file,
            endpoint,
            full: _,
        } = self;
        let is_usual = client_secret_file == CLIENT_SECRET;
        host.is_none() && client_id.is_none() && endpoint.is_none() && is_usual
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    /// Check this tenant only.
    #[arg(long, value_name = "NAME")]
    pub(super) tenant: Option<String>,
    /// Also send a signed test event to each webhook.
    #[arg(long)]
    pub(super) endpoints: bool,
    #[command(flatten)]
    pub(super) table: TableArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct SyncArgs {
    /// Sync this tenant only.
    #[arg(long, value_name = "NAME")]
    pub(super) tenant: Option<String>,
    /// Do everything except commit and deliver, and show what would change.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Of what would change, show only events of this type, such as `user.updated`, or of several,
    /// `user.*`, `*.deleted`.
    #[arg(long = "type", value_name = "TYPE", requires = "dry_run")]
    pub(super) event_type: Option<String>,
    /// Of what would change, show only users, roles or groups: `user`.
    #[arg(long, value_name = "KIND", requires = "dry_run")]
    pub(super) kind: Option<Kind>,
    /// Of what would change, show only records whose name, e-mail or id contains this.
    #[arg(long, value_name = "PART", requires = "dry_run")]
    pub(super) name: Option<String>,
    /// Do not deliver afterwards.
    #[arg(long)]
    pub(super) no_deliver: bool,
    #[command(flatten)]
    pub(super) table: TableArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct TenantsArgs {
    #[command(flatten)]
    pub(super) table: TableArgs,
}

#[derive(Debug, Clone, clap::Args)]
pub(super) struct ListArgs {
    /// Look in this tenant only.
    #[arg(long, value_name = "NAME")]
    pub(super) tenant: Option<String>,
    /// Show at most this many rows (default: all).
    #[arg(long, value_name = "N", value_parser = from_one)]
    limit: Option<NonZeroUsize>,
    #[command(flatten)]
    pub(super) table: TableArgs,
}

impl ListArgs {
    /// Returns how many rows are wanted at most; `None` for all.
    pub(super) fn limit(&self) -> Option<usize> {
        self.limit.map(NonZeroUsize::get)
    }
}

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct RunsArgs {
    #[command(subcommand)]
    pub(super) action: Option<RunsAction>,
    #[command(flatten)]
    pub(super) list: RunListArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct RunListArgs {
    /// Only runs that failed or were interrupted.
    #[arg(long)]
    pub(super) failed: bool,
    #[command(flatten)]
    pub(super) list: ListArgs,
}

#[derive(Debug, Subcommand)]
pub(super) enum RunsAction {
    /// List runs, newest first (this is also what happens without `list`).
    List(RunListArgs),
    /// Show one run, with what it could not read.
    Show {
        /// The run, such as `run-7`.
        run: String,
        #[command(flatten)]
        output: OutputArgs,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum StoreAction {
    /// Show how much disk space it takes, and what keeps the journal long.
    Show(OutputArgs),
    /// Check every value, and whether the values agree. Changes nothing.
    Check(OutputArgs),
    /// Free disk space that it does not need. A running daemon does it while it serves.
    Compact(OutputArgs),
    /// Acknowledge what was lost with a damaged store; until then `status` and `sync` report it.
    Accept(TableArgs),
}

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct PlanArgs {
    #[command(subcommand)]
    pub(super) action: Option<PlanAction>,
    #[command(flatten)]
    pub(super) list: ListArgs,
}

#[derive(Debug, Subcommand)]
pub(super) enum PlanAction {
    /// List held plans, newest first (this is also what happens without `list`).
    List(ListArgs),
    /// Show what a plan would remove: in total, then record by record.
    Show(PlanShowArgs),
    /// Apply the removals of a plan, now.
    Approve {
        /// The plan, such as `plan-7`.
        plan: String,
        #[command(flatten)]
        table: TableArgs,
    },
    /// Keep everything as it is, as long as Qlik shows the same removals.
    Reject {
        /// The plan, such as `plan-7`.
        plan: String,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct PlanShowArgs {
    /// The plan, such as `plan-7`.
    pub(super) plan: String,
    /// Show only the removals of users, roles or groups: `user`.
    #[arg(long, value_name = "KIND")]
    pub(super) kind: Option<Kind>,
    /// Show only the removals of records whose name contains this.
    #[arg(long, value_name = "PART")]
    pub(super) name: Option<String>,
    /// Show every line on a terminal, even of a long plan.
    #[arg(long)]
    pub(super) all: bool,
    #[command(flatten)]
    pub(super) table: TableArgs,
}

/// How a list is printed.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct TableArgs {
    #[command(flatten)]
    pub(super) output: OutputArgs,
    /// Show all columns of a table and cut nothing, however long the lines get.
    #[arg(long)]
    pub(super) wide: bool,
    /// Show these columns of a table or CSV, in this order: `name,email`.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(super) columns: Vec<String>,
}

impl From<Format> for TableArgs {
    fn from(output: Format) -> Self {
        Self {
            output: OutputArgs { output },
            wide: false,
            columns: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct OutputArgs {
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(super) output: Format,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A table for people.
    Table,
    /// One JSON array.
    Json,
    /// One JSON object a line.
    Jsonl,
    /// Comma-separated values with a header.
    Csv,
}

/// Reads a whole number.
fn number<T: FromStr>(text: &str) -> Result<T, &'static str> {
    let read = text.parse();
    read.or(Err("a whole number is expected, such as `20`"))
}

/// Reads a whole number that is not zero.
fn from_one(text: &str) -> Result<NonZeroUsize, &'static str> {
    let read = text.parse();
    read.or(Err("a whole number of 1 or more is expected, such as `20`"))
}

/// Reads how many users the emulated tenant has.
fn users(text: &str) -> Result<u32, &'static str> {
    let read = text.parse().ok();
    read.filter(|n| (10..=2_000_000).contains(n))
        .ok_or("a whole number from 10 to 2000000 is expected")
}

/// Reads a time such as `20s`, `5m` or `2h`.
fn duration(text: &str) -> Result<Duration, String> {
    let split = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "s" | "" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err("a time such as `20s`, `5m` or `2h` is expected".to_owned()),
    };
    let number: u64 = number
        .parse()
        .map_err(|_not_a_number| "a time such as `20s`, `5m` or `2h` is expected".to_owned())?;
    Ok(Duration::from_secs(number.saturating_mul(seconds)))
}
