//! How an emulated console behaves.

use crate::demo::oauth::ClientProof;
use crate::secret::Secret;

/// How a console behaves.
#[derive(Debug, Clone)]
pub struct ConsoleOptions {
    /// The id of the organization's client.
    pub client_id: String,
    /// How the client authenticates.
    pub proof: ClientProof,
    /// The organization's one subscription.
    pub subscription: String,
    /// Whether a listing must name it.
    pub required: Required,
    /// The most tenants on a page, whatever limit was asked for.
    pub page: usize,
}

/// Whether a listing must name the subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Required {
    /// As the reference says.
    Yes,
    /// As the tutorial does.
    No,
}

impl Default for ConsoleOptions {
    fn default() -> Self {
        Self {
            client_id: "0rgan1zat10n".into(),
            proof: ClientProof::Secret(Secret::new("c0ns0le-s3cret")),
            subscription: "5ubscr1pt10n".into(),
            required: Required::Yes,
            page: 100,
        }
    }
}
