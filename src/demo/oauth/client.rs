//! A registered client: its id, and how it authenticates.

use std::sync::{Mutex, MutexGuard};

use axum::http::StatusCode;
use axum::response::Response;

use super::assertion::Jwk;
use super::{Asked, assertion, refuse};
use crate::lock::lock;
use crate::model::Timestamp;
use crate::secret::Secret;

/// How a client authenticates. A client registered with one method may not use the other.
#[derive(Debug, Clone)]
pub enum ClientProof {
    /// A secret.
    Secret(Secret),
    /// The public half of its key, as a JSON Web Key.
    Key(String),
}

/// A registered client.
#[derive(Debug)]
pub struct Client {
    /// Its id.
    pub id: String,
    proof: Mutex<Proof>,
}

#[derive(Debug)]
enum Proof {
    Secret(Secret),
    Key {
        /// `None` if the client was registered with something else; then no assertion is valid.
        key: Option<Jwk>,
        /// The ids of used assertions, kept until they expire.
        used: Vec<(String, i64)>,
    },
}

impl Client {
    /// Registers a client.
    pub fn new(id: String, proof: ClientProof) -> Self {
        let proof = match proof {
            ClientProof::Secret(secret) => Proof::Secret(secret),
            ClientProof::Key(jwk) => Proof::Key {
                key: serde_json::from_str(&jwk).ok(),
                used: Vec::new(),
            },
        };
        Self {
            id,
            proof: Mutex::new(proof),
        }
    }

    /// Returns the client's secret. Empty if the client has a key.
    pub fn secret(&self) -> Secret {
        match &*self.proof() {
            Proof::Secret(secret) => secret.clone(),
            Proof::Key { .. } => Secret::new(""),
        }
    }

    /// Replaces the client's secret; the old one is wrong from now on.
    pub fn set_secret(&self, secret: Secret) {
        *self.proof() = Proof::Secret(secret);
    }

    /// Authenticates a request, or returns the error to answer with.
    pub fn check(&self, asked: &Asked, now: Timestamp) -> Result<(), Box<Response>> {
        let wrong = match &mut *self.proof() {
            Proof::Secret(secret) => {
                let given = asked.client_secret.as_deref().unwrap_or_default();
                (given != secret.expose()).then_some("client_secret is not valid")
            }
            Proof::Key { key, used } => match key {
                Some(key) => assertion::check(key, &self.id, asked, now, used).err(),
                None => Some("no valid key is registered"),
            },
        };
        match wrong {
            None => Ok(()),
            Some(detail) => Err(Box::new(refuse(
                StatusCode::UNAUTHORIZED,
                "OAUTH-16",
                "Invalid client credentials",
                detail,
            ))),
        }
    }

    fn proof(&self) -> MutexGuard<'_, Proof> {
        lock(&self.proof)
    }
}
