//! `access --user`: everything that one user holds.

use crate::control::{UserAccess, UserAccessPosition, query};
use crate::model::Timestamp;
use crate::view;

use super::super::Exit;
use super::super::args::{Format, ListArgs};
use super::super::error::CliError;
use super::super::output::{Printer, Row, print_one};
use super::super::pages::{Paged, Whole};
use super::super::store_client::StoreClient;
use super::super::style::{count, say};
use super::asking::{say_of, take_in, users};
use super::cells::{About, cells, columns};
use super::tree::Tree;
use super::{space_words, words};

const NOTHING: &str = "The user holds no role.";

/// Draws the roles and spaces with their paths.
pub(super) async fn draw(
    client: &StoreClient,
    called: &str,
    at: Option<Timestamp>,
    args: ListArgs,
) -> anyhow::Result<Exit> {
    let mut found = all(client, (called, None), at, args.tenant).await?;
    let mut tree = Tree::begin();
    for answer in &mut found {
        let tenant = &answer.envelope.tenant;
        for row in &answer.roles {
            tree.row(tenant, row)?;
        }
        // Drawn spaces are not said again.
        if let (Some(user), Some(spaces)) = (&answer.user, answer.spaces.take()) {
            tree.spaces(tenant, user, &spaces)?;
        }
    }
    tree.end(NOTHING)?;
    found.iter().for_each(say_rest);
    Ok(Exit::Success)
}

/// Prints the roles as a table, JSON or CSV.
pub(super) async fn print(
    client: &StoreClient,
    called: &str,
    at: Option<Timestamp>,
    args: ListArgs,
) -> anyhow::Result<Exit> {
    let found = all(client, (called, None), at, args.tenant).await?;
    if args.table.output.output == Format::Json {
        for answer in &found {
            print_one(Format::Json, &[], &view::user_access(answer))?;
        }
        return Ok(Exit::Success);
    }
    let mut printer = Printer::new(&args.table, columns(About::User))?;
    for answer in &found {
        let tenant = &answer.envelope.tenant;
        for row in &answer.roles {
            printer.row(Row {
                cells: cells(tenant, row),
                json: view::access(tenant, row),
            })?;
        }
    }
    let summary = format!("{}.", count(printer.n_rows(), "role"));
    printer.finish(NOTHING, &summary)?;
    found.iter().for_each(say_rest);
    Ok(Exit::Success)
}

/// Asks about each user with this name. If a role is named, asks only about roles with that name.
pub(super) async fn all(
    client: &StoreClient,
    (called, role): (&str, Option<&str>),
    at: Option<Timestamp>,
    tenant: Option<String>,
) -> anyhow::Result<Vec<UserAccess>> {
    let mut found = Vec::new();
    for (tenant, user) in users(client, called, tenant).await? {
        let ask = |after, limit| query::UserAccess {
            tenant: tenant.clone(),
            user: user.clone(),
            role: role.map(str::to_owned),
            at,
            after,
            limit,
        };
        let (answer, _) = client.whole(usize::MAX, ask, |_| Ok(())).await?;
        found.extend(Some(answer).filter(|answer| answer.user.is_some()));
    }
    if found.is_empty() {
        let then = at.map(|at| format!(" at {at}")).unwrap_or_default();
        let detail =
            format!("no user is called `{called}`{then}; a deleted user is found only by id");
        return Err(CliError::NotThere(detail).into());
    }
    Ok(found)
}

impl Paged for UserAccess {
    type Position = UserAccessPosition;

    fn n_rows(&self) -> usize {
        let spaces = self.spaces.as_ref().map_or(0, |it| it.spaces.len());
        self.roles.len() + self.permissions.len() + self.unseen.len() + spaces
    }

    fn take_next(&mut self) -> Option<UserAccessPosition> {
        self.next.take()
    }
}

impl Whole for UserAccess {
    fn add(&mut self, page: Self) {
        let Self {
            envelope,
            user: _,
            roles,
            permissions,
            unseen,
            can_grant: _,
            spaces,
            last_session: _,
            of_idp,
            next: _,
        } = page;
        self.of_idp.extend(of_idp);
        take_in(&mut self.envelope, envelope.not_known);
        self.roles.extend(roles);
        self.permissions.extend(permissions);
        self.unseen.extend(unseen);
        if let (Some(all), Some(more)) = (&mut self.spaces, spaces) {
            all.names.extend(more.names);
            all.spaces.extend(more.spaces);
        }
    }
}

/// Adds what the table does not say: whether the user can use the roles, and what they allow.
fn say_rest(answer: &UserAccess) {
    let Some(user) = &answer.user else { return };
    if let Some(barrier) = user.barrier {
        say(format_args!(
            "{} cannot use any of it at present: {}.",
            user.label,
            barrier.word()
        ));
    }
    let of_idp: Vec<&str> = answer.of_idp.values().map(String::as_str).collect();
    if let Some(seen) = words::seen(answer, &of_idp) {
        say(format_args!("{seen}"));
    }
    if let Some(role) = &answer.can_grant {
        say(format_args!(
            "{} could assign any other role to this account, by {}.",
            user.label,
            view::role_name(role)
        ));
    }
    if let Some(spaces) = &answer.spaces {
        for of_user in &spaces.spaces {
            say(format_args!(
                "{}",
                space_words::of_user(&user.label, &spaces.names, of_user)
            ));
        }
    }
    if !answer.permissions.is_empty() {
        say(format_args!(
            "The roles allow {}; `--output json` lists them, each with the roles that grant it.",
            count(answer.permissions.len(), "thing")
        ));
    }
    say_of(&crate::control::Envelope {
        // Each of these is a row of the table already.
        everybody: Vec::new(),
        ..answer.envelope.clone()
    });
}
