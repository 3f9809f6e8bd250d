//! What all routes for programs share.

use std::sync::Arc;

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use serde::Serialize;

use crate::control::Control;

use super::throttle::Throttle;

/// What answers requests, and what slows down clients with wrong tokens.
#[derive(Debug)]
pub(super) struct Api {
    pub(super) control: Arc<Control>,
    pub(super) throttle: Throttle,
    /// The scheme of the address at which it is served: `https`, or `http`.
    pub(super) scheme: &'static str,
}

impl Api {
    /// Returns it with no failures counted.
    pub(super) fn new(control: Arc<Control>, scheme: &'static str) -> Self {
        Self {
            control,
            throttle: Throttle::default(),
            scheme,
        }
    }
}

/// Answers with JSON. It is written into a vector, which takes half the time of the buffer that
/// `axum::Json` writes into.
pub(super) fn json(answer: &impl Serialize) -> Response {
    let body = serde_json::to_vec(answer).expect("keys of answers are texts");
    let mut response = Response::new(Body::from(body));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}
