//! An emulated console of an organization: it lists tenants, and reads none.
//!
//! The answers that are choices of ours, since Qlik contradicts itself or does not say:
//!
//! - `subscriptionId` is marked as required in the reference and left out in the tutorial: it is
//!   required, unless told otherwise.
//! - The cursor of a next link is `next` in the reference and `offset` in the tutorial: each in
//!   turn, and one is not accepted in place of the other.
//! - Links show hosts that nobody can reach.
//! - Host names come with scheme and port, since emulated tenants listen on ports of their own:
//!   the one thing that no real console does.

mod filter;
mod inner;
mod listing;
mod options;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use serde_json::json;

use super::EmulatedTenant;
use super::oauth::{Asked, Client, unknown_client};
use super::serve::Served;
use super::tenant::reply::{Service, error, json_text};
use super::tenant::tokens::jwt_like;
use crate::clock::Clock;
use crate::lock::lock;
use crate::model::TenantId;
use crate::secret::Secret;

pub use options::{ConsoleOptions, Required};

use inner::{Inner, Row};

/// A body larger than this is not a request for a token.
const MAX_BODY: usize = 64 * 1024;
const SCOPE: &str = "cloud-console.tenants:read";

/// A console that listens on loopback until it is stopped or dropped.
#[derive(Debug)]
pub struct EmulatedConsole {
    inner: Arc<Inner>,
    served: Served,
}

impl EmulatedConsole {
    /// Starts to listen; it has no tenant yet.
    pub async fn start(options: ConsoleOptions, clock: Clock) -> io::Result<Self> {
        let (served, inner) = Served::start(None, |_shutdown| {
            let inner = Arc::new(Inner {
                client: Client::new(options.client_id, options.proof),
                subscription: options.subscription,
                required: options.required,
                page: options.page.max(1),
                rows: Mutex::default(),
                tokens: Mutex::default(),
                failing: Mutex::default(),
                n_listings: AtomicU64::new(0),
                clock,
            });
            let router = Router::new()
                .fallback(answer)
                .with_state(Arc::clone(&inner));
            (router, inner)
        })
        .await?;
        Ok(Self { inner, served })
    }

    /// Returns where it listens: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        self.served.url()
    }

    /// Returns the id of the organization's client.
    pub fn client_id(&self) -> &str {
        &self.inner.client.id
    }

    /// Returns the client's secret.
    pub fn client_secret(&self) -> Secret {
        self.inner.client.secret()
    }

    /// Returns the organization's subscription.
    pub fn subscription(&self) -> &str {
        &self.inner.subscription
    }

    /// Lists a tenant from now on.
    pub fn add(&self, tenant: &EmulatedTenant) {
        lock(&self.inner.rows).push(Row {
            id: tenant.tenant_id().0,
            name: tenant.name().to_owned(),
            hosts: tenant.urls(),
            region: tenant.region().to_owned(),
            status: "active".into(),
        });
    }

    /// Gives a tenant a status: `active`, `disabled`, `deactivated` or `deleted`.
    pub fn set_status(&self, tenant: &TenantId, status: &str) {
        for row in lock(&self.inner.rows).iter_mut() {
            if row.id == tenant.0 {
                status.clone_into(&mut row.status);
            }
        }
    }

    /// Stops listing a tenant.
    pub fn remove(&self, tenant: &TenantId) {
        lock(&self.inner.rows).retain(|row| row.id != tenant.0);
    }

    /// Answers every listing with an error of this status; `None` to answer normally.
    pub fn fail(&self, status: Option<u16>) {
        let status = status.and_then(|status| StatusCode::from_u16(status).ok());
        *lock(&self.inner.failing) = status;
    }

    /// Returns how often the tenants were listed, page by page.
    pub fn n_listings(&self) -> u64 {
        self.inner.n_listings.load(Ordering::SeqCst)
    }

    /// Stops listening.
    pub async fn stop(self) {
        self.served.stop().await;
    }
}

async fn answer(Shared(console): Shared<Arc<Inner>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    match (&head.method, head.uri.path()) {
        (&Method::POST, "/oauth/token") => {
            let body = axum::body::to_bytes(body, MAX_BODY).await;
            token(&console, &head.headers, &body.unwrap_or_default())
                .unwrap_or_else(|refused| *refused)
        }
        (&Method::GET, "/api/core/tenants") => {
            console.n_listings.fetch_add(1, Ordering::SeqCst);
            let failing = *lock(&console.failing);
            if let Some(status) = failing {
                return error(Service::Tenants, status, "Failed", "");
            }
            if !console.admits(&head.headers) {
                return error(Service::Edge, StatusCode::UNAUTHORIZED, "Unauthorized", "");
            }
            let query = head.uri.query().unwrap_or_default();
            listing::answer(&console, query).unwrap_or_else(|refused| *refused)
        }
        _ => error(Service::Edge, StatusCode::NOT_FOUND, "Not found", ""),
    }
}

fn token(console: &Inner, headers: &HeaderMap, body: &[u8]) -> Result<Response, Box<Response>> {
    let asked = Asked::read(headers, body)?;
    asked.grant()?;
    if asked.client_id != console.client.id {
        return Err(Box::new(unknown_client()));
    }
    console.client.check(&asked, console.clock.now())?;
    let scope = asked.scopes(&[SCOPE.to_owned()])?;
    let mut tokens = lock(&console.tokens);
    let token = jwt_like(0xc0, tokens.len() as u64);
    tokens.insert(token.clone());
    let answer = json!({
        "access_token": token, "token_type": "Bearer", "expires_in": 21_600, "scope": scope,
    });
    Ok(json_text(StatusCode::OK, answer.to_string().into()))
}

#[cfg(test)]
mod tests;
