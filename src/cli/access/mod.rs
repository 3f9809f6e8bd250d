//! `access` and `spaces`: who may do what, by which path, now or at an earlier time.

mod answers;
mod asking;
mod cells;
mod changes;
mod diff;
mod explain;
mod explain_space;
mod idle;
mod licences;
mod list;
mod review;
mod space;
mod space_words;
mod stale;
mod spaces;
mod tree;
mod user;
mod words;

use std::path::Path;

use crate::daemon::Hooks;

use super::Exit;
use super::args::{AccessAction, AccessArgs, IdleArgs, SpacesArgs};
use super::store_client::StoreClient;

pub(super) use asking::time;
pub(super) use words::not_known;

pub(super) async fn run(config: Option<&Path>, args: AccessArgs) -> anyhow::Result<Exit> {
    let config = super::begin::load(config)?;
    let client = StoreClient::open(&config, Hooks::none()).await?;
    let exit = match args.action {
        None => list::run(&client, args.list).await,
        Some(AccessAction::List(args)) => list::run(&client, args).await,
        Some(AccessAction::Explain(args)) => explain::run(&client, args).await,
        Some(AccessAction::Redundant(args)) => list::redundant(&client, args).await,
        Some(AccessAction::Stale(args)) => stale::run(&client, args).await,
        Some(AccessAction::Licences(args)) => licences::run(&client, args).await,
        Some(AccessAction::Owned(args)) => spaces::owned(&client, args).await,
        Some(AccessAction::Diff(args)) => diff::run(&client, args).await,
        Some(AccessAction::Review(args)) => review::run(&client, args).await,
        Some(AccessAction::Changes(args)) => changes::run(&client, args).await,
    };
    client.close().await?;
    exit
}

/// Lists users who have not been seen for some time.
pub(super) async fn idle(client: &StoreClient, args: IdleArgs) -> anyhow::Result<Exit> {
    idle::run(client, args).await
}

/// Lists spaces.
pub(super) async fn spaces(config: Option<&Path>, args: SpacesArgs) -> anyhow::Result<Exit> {
    let config = super::begin::load(config)?;
    let client = StoreClient::open(&config, Hooks::none()).await?;
    let exit = spaces::list(&client, args).await;
    client.close().await?;
    exit
}
