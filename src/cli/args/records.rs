//! The arguments of the commands for users, roles and groups.

use clap::Subcommand;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::deliveries::{Since, since};
use super::{ListArgs, OutputArgs};
use crate::control::Choice;
use crate::model::UserStatus;

/// What is asked of records, of whichever kind.
#[derive(Debug)]
pub(in crate::cli) enum RecordsAsked {
    /// Those that match the filters.
    List(Choice, ListArgs),
    /// Those with this name.
    Show(ShowArgs),
    /// Users who have not been seen for some time.
    Idle(IdleArgs),
}

/// Which users have not been seen for some time.
#[derive(Debug)]
pub(in crate::cli) struct IdleArgs {
    /// The number of days for which they have not been seen.
    pub(in crate::cli) days: u32,
    /// Only users with a licence.
    pub(in crate::cli) licensed: bool,
    /// The time that is asked about; `None` means now.
    pub(in crate::cli) as_of: Option<Since>,
    pub(in crate::cli) list: ListArgs,
}

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct UsersArgs {
    #[command(subcommand)]
    action: Option<UsersAction>,
    #[command(flatten)]
    choice: UserChoice,
    #[command(flatten)]
    list: ListArgs,
}

#[derive(Debug, Subcommand)]
enum UsersAction {
    /// List them (this is also what happens without `list`).
    List {
        #[command(flatten)]
        choice: UserChoice,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Show users by id, name, subject or e-mail; without an exact match, by a part of one.
    Show(ShowArgs),
}

#[derive(Debug, clap::Args)]
struct UserChoice {
    /// Those who hold this role, directly or by a group: its name or id.
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    /// Those in this group: its name or id.
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// Users with this status.
    #[arg(long, value_name = "STATUS", value_parser = statuses())]
    status: Option<UserStatus>,
    /// Users whose e-mail address contains this, such as `@example.com`.
    #[arg(long, value_name = "PART")]
    email: Option<String>,
    /// Bot users only.
    #[arg(long)]
    bot: bool,
    /// Users who have begun no session for this many days, such as `90d`, or of whom that is not
    /// known.
    #[arg(long, value_name = "DAYS", value_parser = days,
        conflicts_with_all = ["role", "group", "status", "email", "bot"])]
    idle: Option<u32>,
    /// Of these, only users to whom a licence is assigned, also those who cannot log in: it could
    /// be freed.
    #[arg(long, requires = "idle")]
    licensed: bool,
    /// With `--idle`, as it was then: a time (`2026-03-01T10:00:00Z`), a day in UTC (`2026-03-01`)
    /// or a time span back from now (`30d`). The journal must go back that far.
    #[arg(long, value_name = "TIME", value_parser = since, requires = "idle")]
    as_of: Option<Since>,
}

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct RecordsArgs {
    #[command(subcommand)]
    action: Option<RecordsAction>,
    #[command(flatten)]
    list: ListArgs,
}

#[derive(Debug, Subcommand)]
enum RecordsAction {
    /// List them (this is also what happens without `list`).
    List(ListArgs),
    /// Show those with this id or name; without an exact match, those that contain it.
    Show(ShowArgs),
}

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct RolesArgs {
    #[command(subcommand)]
    action: Option<RolesAction>,
    #[command(flatten)]
    list: ListArgs,
}

#[derive(Debug, Subcommand)]
enum RolesAction {
    /// List them (this is also what happens without `list`).
    List(ListArgs),
    /// Show those with this id or name; without an exact match, those that contain it.
    Show {
        #[command(flatten)]
        show: ShowArgs,
        /// Of the groups that give the role, name only those whose name contains this.
        #[arg(long, value_name = "PART")]
        given_by: Option<String>,
    },
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ShowArgs {
    /// The id, name, subject or e-mail, or a part of one.
    pub(in crate::cli) called: String,
    /// Look in this tenant only.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) tenant: Option<String>,
    /// Print the source's own record, as received when it last changed.
    #[arg(long)]
    pub(in crate::cli) raw: bool,
    /// Of the groups that give a role, those whose name contains this.
    #[arg(skip)]
    pub(in crate::cli) given_by: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) output: OutputArgs,
}

impl RecordsAsked {
    fn users(choice: UserChoice, list: ListArgs) -> Self {
        let (licensed, as_of) = (choice.licensed, choice.as_of);
        match choice.idle {
            Some(days) => Self::Idle(IdleArgs {
                days,
                licensed,
                as_of,
                list,
            }),
            None => Self::List(choice.into(), list),
        }
    }
}

impl From<UsersArgs> for RecordsAsked {
    fn from(args: UsersArgs) -> Self {
        match args.action {
            None => Self::users(args.choice, args.list),
            Some(UsersAction::List { choice, list }) => Self::users(choice, list),
            Some(UsersAction::Show(args)) => Self::Show(args),
        }
    }
}

impl From<RecordsArgs> for RecordsAsked {
    fn from(args: RecordsArgs) -> Self {
        match args.action {
            None => Self::List(Choice::default(), args.list),
            Some(RecordsAction::List(list)) => Self::List(Choice::default(), list),
            Some(RecordsAction::Show(args)) => Self::Show(args),
        }
    }
}

impl From<RolesArgs> for RecordsAsked {
    fn from(args: RolesArgs) -> Self {
        match args.action {
            None => Self::List(Choice::default(), args.list),
            Some(RolesAction::List(list)) => Self::List(Choice::default(), list),
            Some(RolesAction::Show { show, given_by }) => Self::Show(ShowArgs { given_by, ..show }),
        }
    }
}

impl From<UserChoice> for Choice {
    fn from(choice: UserChoice) -> Self {
        let UserChoice {
            role,
            group,
            status,
            email,
            bot,
            idle: _,
            licensed: _,
            as_of: _,
        } = choice;
        Self {
            role,
            group,
            status,
            email,
            only_bots: bot,
            text: None,
        }
    }
}

/// Reads a number of days, such as `90d`.
fn days(text: &str) -> Result<u32, &'static str> {
    let number = text.strip_suffix('d').unwrap_or(text);
    let days = number.parse().ok().filter(|days| (1..=3650).contains(days));
    days.ok_or("a number of days from `1d` to `3650d` is expected, such as `90d`")
}

/// Accepts our words for a status, and Qlik's.
fn statuses() -> impl TypedValueParser<Value = UserStatus> {
    let words = [
        PossibleValue::new("enabled").alias("active"),
        PossibleValue::new("disabled"),
        PossibleValue::new("pending").alias("invited"),
    ];
    PossibleValuesParser::new(words).try_map(|text| match text.as_str() {
        "enabled" | "active" => Ok(UserStatus::Enabled),
        "disabled" => Ok(UserStatus::Disabled),
        "pending" | "invited" => Ok(UserStatus::Pending),
        _ => Err("no such status"),
    })
}
