//! `token`: makes, lists and revokes the tokens by which programs read what is known, over HTTP.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use crate::control::{CreatedToken, TokenRow, command, query};
use crate::daemon::Hooks;
use crate::model::{TenantName, TokenId};
use crate::view;

use super::args::{CreateTokenArgs, Format, TokenAction, TokenListArgs};
use super::error::CliError;
use super::output::{Printer, Row};
use super::store_client::StoreClient;
use super::style::{Tone, count, say};
use super::table::{Cell, Column};
use super::{Exit, actor};

const COLUMNS: &[Column] = &[
    Column::new("ID", 0),
    Column::new("NAME", 0).shrinkable(12),
    Column::new("SCOPES", 1),
    Column::new("TENANTS", 2).shrinkable(12),
    Column::new("LAST USED", 1),
    Column::new("EXPIRES", 3),
    Column::new("MADE", 4),
    Column::new("BY", 4).shrinkable(8),
];

/// The most characters that a name may have: it appears in a row of a table.
const MAX_NAME: usize = 100;

/// A day.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) async fn run(config: Option<&Path>, action: TokenAction) -> anyhow::Result<Exit> {
    let config = super::begin::load(config)?;
    let client = StoreClient::open(&config, Hooks::none()).await?;
    let exit = match action {
        TokenAction::Create(args) => create(&client, args).await,
        TokenAction::List(args) => list(&client, args).await,
        TokenAction::Revoke { ids } => revoke(&client, &ids).await,
    };
    client.close().await?;
    exit
}

async fn create(client: &StoreClient, args: CreateTokenArgs) -> anyhow::Result<Exit> {
    let CreateTokenArgs {
        name,
        scope,
        tenant,
        days,
        output,
    } = args;
    let name = name.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME {
        let wrong = format!("a token's name has from 1 to {MAX_NAME} characters");
        return Err(CliError::usage(wrong).into());
    }
    let create = command::CreateToken {
        name: name.to_owned(),
        scopes: scope.into_iter().collect(),
        tenants: tenant.into_iter().map(TenantName).collect(),
        lifetime: days.map(|days| DAY * days.get()),
    };
    let CreatedToken { row, text } = client.order(actor::own(), create).await?;
    let mut out = std::io::stdout().lock();
    match output.output {
        Format::Json | Format::Jsonl => {
            let json = view::created_token(&row, &text);
            writeln!(out, "{json}")?;
        }
        Format::Table | Format::Csv => {
            writeln!(out, "{}", text.expose())?;
            let until = row.expires_at.map_or_else(
                || "until it is revoked".to_owned(),
                |end| format!("until {end}"),
            );
            say(format_args!(
                "This is token {} (`{}`): it allows {} of {}, {until}. It is not shown again. \
                 `qlik-roster token revoke {}` ends it.",
                row.id,
                row.name,
                scopes(&row),
                tenants(&row),
                row.id
            ));
        }
    }
    Ok(Exit::Success)
}

async fn list(client: &StoreClient, args: TokenListArgs) -> anyhow::Result<Exit> {
    let TokenListArgs { name, table } = args;
    let asked = |after, limit| query::Tokens {
        name: name.clone(),
        after,
        limit,
    };
    let mut pages = client.pages(usize::MAX, asked).await?;
    let mut printer = Printer::new(&table, COLUMNS)?;
    while let Some(page) = pages.next().await? {
        for token in page.rows {
            printer.row(row(&token))?;
        }
    }
    let nothing = match name {
        Some(_) => "No such token.",
        None => "There is no token. `qlik-roster token create NAME --scope read` makes one.",
    };
    let summary = format!("{}.", count(printer.n_rows(), "token"));
    printer.finish(nothing, &summary)?;
    Ok(Exit::Success)
}

async fn revoke(client: &StoreClient, ids: &[String]) -> anyhow::Result<Exit> {
    // All ids are parsed before the first token is revoked.
    let ids = ids.iter().map(|id| id.parse().map_err(CliError::usage));
    let ids: Vec<TokenId> = ids.collect::<Result<_, _>>()?;
    for id in ids {
        let row = client
            .order(actor::own(), command::RevokeToken { id })
            .await?;
        say(format_args!(
            "Token {id} (`{}`) is revoked: it is refused from now on.",
            row.name
        ));
    }
    Ok(Exit::Success)
}

fn row(token: &TokenRow) -> Row {
    let expires = match (token.expires_at, token.is_expired) {
        (None, _) => Cell::from("never"),
        (Some(end), true) => Cell::from(format!("expired {end}")).toned(Some(Tone::Bad)),
        (Some(end), false) => Cell::from(end),
    };
    let last = match token.last_used_at {
        None => Cell::from("never"),
        Some(at) => Cell::from(at),
    };
    Row {
        cells: vec![
            token.id.to_string().into(),
            token.name.clone().into(),
            scopes(token).into(),
            tenants(token).into(),
            last,
            expires,
            token.created_at.into(),
            token.created_by.clone().into(),
        ],
        json: view::token(token),
    }
}

fn scopes(token: &TokenRow) -> String {
    let words: Vec<&str> = token.scopes.iter().map(|scope| scope.word()).collect();
    words.join(", ")
}

fn tenants(token: &TokenRow) -> String {
    let Some(tenants) = &token.tenants else {
        return "all tenants".to_owned();
    };
    let names = tenants.iter();
    let names = names.map(|(id, name)| name.as_ref().map_or(id.0.as_str(), |name| name.0.as_str()));
    names.collect::<Vec<_>>().join(", ")
}
