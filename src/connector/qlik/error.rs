//! What can go wrong when we ask Qlik, and what an operator can do about it.

use std::fmt;
use std::time::Duration;

use super::unreachable;
use crate::obstacle::Obstacle;

/// Qlik could not be read.
///
/// No variant holds or shows a body, a token or an address: of Qlik's own words it shows only the
/// error code, the title (cut and cleaned) and the trace id.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No connection to the tenant could be made.
    #[error("{doing}")]
    Unreachable {
        /// What we were doing.
        doing: &'static str,
        /// What prevented it.
        #[source]
        obstacle: Obstacle,
    },
    /// The answer did not come in time.
    #[error("{doing}: no answer in time")]
    TimedOut {
        /// What we were doing.
        doing: &'static str,
    },
    /// The connection ended in the middle of the request or of its answer.
    #[error("{doing}: the connection was cut")]
    Cut {
        /// What we were doing.
        doing: &'static str,
    },
    /// The answer is not JSON, or is JSON that was cut off.
    #[error("{doing}: the answer is {found}")]
    Undecodable {
        /// What we were doing.
        doing: &'static str,
        /// What it is instead.
        found: &'static str,
    },
    /// The answer is JSON, but not what is documented.
    #[error("{doing}: the answer is not as documented: {what}")]
    Unexpected {
        /// What we were doing.
        doing: &'static str,
        /// What is wrong with it, by field, without a value.
        what: String,
    },
    /// The answer's body is larger than we accept.
    #[error("{doing}: the answer is larger than {limit} bytes")]
    TooLarge {
        /// What we were doing.
        doing: &'static str,
        /// The most that we accept.
        limit: usize,
    },
    /// The answer points elsewhere, where our credentials must not go.
    #[error("{doing}: redirected {to}")]
    Redirected {
        /// What we were doing.
        doing: &'static str,
        /// The host that it points to, or a word for what is wrong with the address.
        to: String,
    },
    /// The client's assertion could not be signed.
    #[error("{doing}: the assertion could not be signed")]
    Unsigned {
        /// What we were doing.
        doing: &'static str,
    },
    /// Qlik answered with an error.
    #[error("{doing}: {refusal} ({problem})")]
    Refused {
        /// What we were doing.
        doing: &'static str,
        /// What the error means.
        refusal: Refusal,
        /// What Qlik said about it.
        problem: Box<Problem>,
    },
    /// Qlik refused its own cursor each time that the listing was started again.
    #[error("{doing}: a cursor was refused in each of {times} listings ({problem})")]
    CursorExpired {
        /// What we were doing.
        doing: &'static str,
        /// How often the listing was started.
        times: u32,
        /// What Qlik said about it.
        problem: Box<Problem>,
    },
    /// A listing repeated a cursor: it would never end.
    #[error("{doing}: the listing repeats a cursor after {pages} pages")]
    RepeatedCursor {
        /// What we were doing.
        doing: &'static str,
        /// How many pages were read.
        pages: u64,
    },
    /// A listing has more pages than any tenant can have.
    #[error("{doing}: the listing has more than {limit} pages")]
    TooManyPages {
        /// What we were doing.
        doing: &'static str,
        /// The bound.
        limit: u64,
    },
    /// A listing has more records than any tenant can have.
    #[error("{doing}: the listing has more than {limit} records")]
    TooManyRecords {
        /// What we were doing.
        doing: &'static str,
        /// The bound.
        limit: u64,
    },
}

/// What an error of Qlik means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The token endpoint does not know the client.
    UnknownClient,
    /// The client's secret is wrong.
    WrongSecret,
    /// The client's key is not the one that Qlik knows, or clocks differ.
    WrongKey,
    /// The client's consent method is not Trusted.
    ConsentNotTrusted,
    /// The client is not allowed to act for itself (machine to machine).
    M2mNotAllowed,
    /// The client lacks a scope.
    ScopeMissing,
    /// The client's own user is disabled, or it holds too many tokens.
    ClientBlocked,
    /// The token endpoint refuses, and does not say why in words that we know.
    NoToken,
    /// The token or key is not accepted.
    NotAccepted,
    /// The token or key is accepted, but does not permit reading this.
    Forbidden,
    /// The client is not allowed to list these tenants: it does not belong to an organization, or
    /// the subscription belongs to another one.
    NotTheOrganizations,
    /// There is no such tenant.
    NoTenant,
    /// Too many requests, even after waiting.
    RateLimited,
    /// Qlik has a problem of its own.
    Unavailable,
    /// Qlik does not accept the request.
    Rejected,
}

/// An error as Qlik worded it, cleaned: nothing in it is personal or secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// Qlik's code for it, such as `OAUTH-14`.
    pub code: Option<String>,
    /// Qlik's title of it.
    pub title: Option<String>,
    /// The id that Qlik's support asks for.
    pub trace_id: Option<String>,
    /// How long Qlik asks us to wait.
    pub retry_after: Option<Duration>,
    /// Whether it came in the form that Qlik documents, so that it comes from Qlik itself
    /// and not from something in between.
    pub enveloped: bool,
}

impl ReadError {
    /// Every code that [`ReadError::code`] can return.
    pub const CODES: [&'static str; 30] = [
        "qlik.host-not-found",
        "qlik.tls",
        "qlik.proxy",
        "qlik.connection",
        "qlik.timeout",
        "qlik.cut",
        "qlik.undecodable",
        "qlik.unexpected-answer",
        "qlik.too-large",
        "qlik.redirected",
        "qlik.unsigned",
        "qlik.unknown-client",
        "qlik.wrong-secret",
        "qlik.wrong-key",
        "qlik.consent-not-trusted",
        "qlik.m2m-not-allowed",
        "qlik.scope-missing",
        "qlik.client-blocked",
        "qlik.no-token",
        "qlik.not-accepted",
        "qlik.forbidden",
        "qlik.not-the-organizations",
        "qlik.no-tenant",
        "qlik.rate-limited",
        "qlik.unavailable",
        "qlik.rejected",
        "qlik.cursor-expired",
        "qlik.repeated-cursor",
        "qlik.too-many-pages",
        "qlik.too-many-records",
    ];

    /// Returns the stable code of the error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { obstacle, .. } => unreachable::code(obstacle),
            Self::TimedOut { .. } => "qlik.timeout",
            Self::Cut { .. } => "qlik.cut",
            Self::Undecodable { .. } => "qlik.undecodable",
            Self::Unexpected { .. } => "qlik.unexpected-answer",
            Self::TooLarge { .. } => "qlik.too-large",
            Self::Redirected { .. } => "qlik.redirected",
            Self::Unsigned { .. } => "qlik.unsigned",
            Self::Refused { refusal, .. } => refusal.code(),
            Self::CursorExpired { .. } => "qlik.cursor-expired",
            Self::RepeatedCursor { .. } => "qlik.repeated-cursor",
            Self::TooManyPages { .. } => "qlik.too-many-pages",
            Self::TooManyRecords { .. } => "qlik.too-many-records",
        }
    }

    /// Returns whether the same request may succeed if it is sent again.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { obstacle, .. } => unreachable::is_transient(obstacle),
            Self::TimedOut { .. } | Self::Cut { .. } | Self::Undecodable { .. } => true,
            Self::Refused { refusal, .. } => match refusal {
                Refusal::RateLimited | Refusal::Unavailable => true,
                Refusal::UnknownClient
                | Refusal::WrongSecret
                | Refusal::WrongKey
                | Refusal::ConsentNotTrusted
                | Refusal::M2mNotAllowed
                | Refusal::ScopeMissing
                | Refusal::ClientBlocked
                | Refusal::NoToken
                | Refusal::NotAccepted
                | Refusal::Forbidden
                | Refusal::NotTheOrganizations
                | Refusal::NoTenant
                | Refusal::Rejected => false,
            },
            Self::Unexpected { .. }
            | Self::TooLarge { .. }
            | Self::Redirected { .. }
            | Self::Unsigned { .. }
            | Self::CursorExpired { .. }
            | Self::RepeatedCursor { .. }
            | Self::TooManyPages { .. }
            | Self::TooManyRecords { .. } => false,
        }
    }

    /// Returns whether the answer was larger than we accept, so that asking for less may help.
    pub fn is_too_large(&self) -> bool {
        matches!(self, Self::TooLarge { .. })
    }

    /// Returns whether the credentials are valid, but do not permit reading what was asked for.
    pub fn is_forbidden(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                refusal: Refusal::Forbidden,
                ..
            }
        )
    }

    /// Returns whether we, or others that share our budget, sent too many requests.
    pub fn is_rate_limited(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                refusal: Refusal::RateLimited,
                ..
            }
        )
    }

    /// Returns what Qlik said; `None` if it did not answer with an error.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused { problem, .. } | Self::CursorExpired { problem, .. } => Some(problem),
            Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::Cut { .. }
            | Self::Undecodable { .. }
            | Self::Unexpected { .. }
            | Self::TooLarge { .. }
            | Self::Redirected { .. }
            | Self::Unsigned { .. }
            | Self::RepeatedCursor { .. }
            | Self::TooManyPages { .. }
            | Self::TooManyRecords { .. } => None,
        }
    }

    /// Returns how long Qlik asks us to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        self.problem().and_then(|problem| problem.retry_after)
    }

    /// Returns what an operator can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Unreachable { obstacle, .. } => unreachable::remedy(obstacle),
            Self::TimedOut { .. } | Self::Cut { .. } => {
                "the next run tries again; if this continues, look at the network and at \
                 status.qlikcloud.com"
            }
            Self::Undecodable { .. } => {
                "something other than Qlik may be answering: check the tenant's host, and whether \
                 there is a proxy or a login page in between"
            }
            Self::Unexpected { .. } => {
                "check that the host is a Qlik Cloud tenant; if it is, Qlik's answers may have \
                 changed: report this with the trace id"
            }
            Self::TooLarge { .. } => "check that the host is a Qlik Cloud tenant",
            Self::Redirected { .. } => {
                "give the tenant's original host name, as the tenant's Administration page shows it"
            }
            Self::Unsigned { .. } => "the system provides no random numbers: look at its log",
            Self::Refused { refusal, .. } => refusal.remedy(),
            Self::CursorExpired { .. } => {
                "nothing was deleted, and the next run tries again soon; if this continues, raise \
                 rate_share, so that a listing takes less time, and tell Qlik's support the trace \
                 id"
            }
            Self::RepeatedCursor { .. } => {
                "nothing was deleted; the next run tries again, and if this continues, Qlik's \
                 listing is broken: tell Qlik's support"
            }
            Self::TooManyPages { .. } | Self::TooManyRecords { .. } => {
                "nothing was deleted; if the tenant really is that large, raise the limit"
            }
        }
    }
}

impl Refusal {
    fn code(self) -> &'static str {
        match self {
            Self::UnknownClient => "qlik.unknown-client",
            Self::WrongSecret => "qlik.wrong-secret",
            Self::WrongKey => "qlik.wrong-key",
            Self::ConsentNotTrusted => "qlik.consent-not-trusted",
            Self::M2mNotAllowed => "qlik.m2m-not-allowed",
            Self::ScopeMissing => "qlik.scope-missing",
            Self::ClientBlocked => "qlik.client-blocked",
            Self::NoToken => "qlik.no-token",
            Self::NotAccepted => "qlik.not-accepted",
            Self::Forbidden => "qlik.forbidden",
            Self::NotTheOrganizations => "qlik.not-the-organizations",
            Self::NoTenant => "qlik.no-tenant",
            Self::RateLimited => "qlik.rate-limited",
            Self::Unavailable => "qlik.unavailable",
            Self::Rejected => "qlik.rejected",
        }
    }

    fn remedy(self) -> &'static str {
        match self {
            Self::UnknownClient => {
                "check the client id, and that the OAuth client belongs to this tenant or its \
                 region; an organization's client cannot read a tenant: name a region's connection \
                 in `read_with`"
            }
            Self::WrongSecret => {
                "check the client id and secret; a new secret can be made in Administration, \
                 OAuth, under the client"
            }
            Self::WrongKey => {
                "check that the client has Private key JWT among its authentication methods and \
                 the key's public half under `key_id`, that the host is the tenant's own, and \
                 this machine's clock"
            }
            Self::ConsentNotTrusted => {
                "in Administration, OAuth, choose Change consent method on the client and set \
                 it to Trusted"
            }
            Self::M2mNotAllowed => {
                "in Administration, OAuth, edit the client (type Web) and tick Allow \
                 Machine-to-Machine (M2M)"
            }
            Self::ScopeMissing => "give the OAuth client the scope admin_classic",
            Self::ClientBlocked => {
                "enable the client's bot user (subject qlikbot\\ and the client id) in \
                 Administration, Users, or wait until old tokens have run out"
            }
            Self::NoToken => {
                "check the client id and secret, that the client is a Web client with \
                 Machine-to-Machine (M2M) allowed, and that its consent method is Trusted"
            }
            Self::NotAccepted => {
                "check that the API key has not expired or been revoked, or that the OAuth \
                 client still exists in this tenant"
            }
            Self::Forbidden => {
                "give the OAuth client the scope admin_classic, or the API key's owner the role \
                 TenantAdmin"
            }
            Self::NotTheOrganizations => {
                "check that the client is an organization's, made at the console, and that \
                 `subscription` is set to one of that organization's"
            }
            Self::NoTenant => {
                "check the tenant's host, region included (acme.eu.qlikcloud.com): no tenant \
                 answers to it"
            }
            Self::RateLimited => {
                "another tool may share this client's budget: give qlik-roster its own, or lower \
                 rate_share"
            }
            Self::Unavailable => "the next run tries again; see status.qlikcloud.com",
            Self::Rejected => "report this with the code and the trace id",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownClient => "the OAuth client is not known",
            Self::WrongSecret => "the client secret is wrong",
            Self::WrongKey => "the client's signature is not accepted",
            Self::ConsentNotTrusted => "the client's consent method is not Trusted",
            Self::M2mNotAllowed => "the client is not allowed to act machine to machine",
            Self::ScopeMissing => "the client lacks a scope",
            Self::ClientBlocked => "the client's user is disabled or holds too many tokens",
            Self::NoToken => "no token was given",
            Self::NotAccepted => "the credentials are not accepted",
            Self::Forbidden => "the credentials are not allowed to read this",
            Self::NotTheOrganizations => "the client is not allowed to list these tenants",
            Self::NoTenant => "there is no such tenant",
            Self::RateLimited => "too many requests",
            Self::Unavailable => "Qlik has a problem",
            Self::Rejected => "Qlik does not accept the request",
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.status)?;
        if let Some(code) = &self.code {
            write!(f, ", {code}")?;
        }
        if let Some(title) = &self.title {
            write!(f, ", \"{title}\"")?;
        }
        if let Some(trace_id) = &self.trace_id {
            write!(f, ", trace id {trace_id}")?;
        }
        Ok(())
    }
}
