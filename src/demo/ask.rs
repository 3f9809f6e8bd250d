//! A client for the tests of this layer.

use reqwest::redirect::Policy;

/// Returns a client that follows no redirect.
#[expect(
    clippy::disallowed_methods,
    reason = "the demo's own tests must not depend on the connector's client"
)]
pub fn client() -> reqwest::Client {
    // An error means that another test was first.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .build()
        .expect("plain settings make a client")
}
