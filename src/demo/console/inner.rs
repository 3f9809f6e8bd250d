//! What the answers of an emulated console share.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};

use super::options::Required;
use crate::clock::Clock;
use crate::demo::oauth::Client;
use crate::lock::lock;

/// What the answers share.
#[derive(Debug)]
pub struct Inner {
    pub client: Client,
    pub subscription: String,
    pub required: Required,
    pub page: usize,
    pub rows: Mutex<Vec<Row>>,
    pub tokens: Mutex<BTreeSet<String>>,
    pub failing: Mutex<Option<StatusCode>>,
    pub n_listings: AtomicU64,
    pub clock: Clock,
}

/// A tenant as the console knows it.
#[derive(Debug, Clone)]
pub struct Row {
    pub id: String,
    pub name: String,
    pub hosts: Vec<String>,
    pub region: String,
    pub status: String,
}

impl Inner {
    pub fn admits(&self, headers: &HeaderMap) -> bool {
        let token = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        token.is_some_and(|token| lock(&self.tokens).contains(token))
    }

    pub fn rows(&self) -> Vec<Row> {
        lock(&self.rows).clone()
    }
}
