//! The parameters of a request, as StackOne's API defines them.
//!
//! Parameters that we don't know are ignored, as StackOne ignores them: a client may be newer.
//! Values that we cannot follow are errors, since an answer that ignores them would be wrong.

use std::collections::BTreeSet;

use url::form_urlencoded;

use super::error::ApiError;
use crate::control::MAX_PAGE;
use crate::control::query::Expansion;
use crate::model::Timestamp;

/// How many records a page has if the request does not say.
pub(super) const DEFAULT_PAGE: usize = 25;

/// The most bytes of a query string.
pub(super) const MAX_QUERY: usize = 8 * 1024;

/// The parameters of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Params {
    /// The requested top-level fields; `None` for all.
    pub(super) fields: Option<BTreeSet<String>>,
    /// Which of the records that a record mentions are returned in full.
    pub(super) expansion: Expansion,
    /// Whether the source's own answers are wanted, too.
    pub(super) raw: Raw,
    /// Only records that have changed since then.
    pub(super) updated_after: Option<Timestamp>,
    /// How many records a page has at most.
    pub(super) page_size: usize,
    /// Where the page begins; `None` for the first.
    pub(super) next: Option<String>,
    /// Whether deleted records are wanted, too.
    pub(super) deleted: Deleted,
    /// The time that an answer describes; `None` for now.
    pub(super) as_of: Option<Timestamp>,
}

/// Whether deleted records are wanted, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deleted {
    Wanted,
    Unwanted,
}

/// Whether the source's own answers are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Raw {
    Wanted,
    Unwanted,
}

impl Params {
    /// Fails if the time that the answer is to describe has not come yet.
    pub(super) fn of_past(self, now: Timestamp) -> Result<Self, ApiError> {
        match self.as_of {
            Some(at) if at > now => Err(ApiError::invalid("`as_of` is in the future")),
            Some(_) | None => Ok(self),
        }
    }

    /// Reads the query string of a request.
    pub(super) fn read(query: Option<&str>) -> Result<Self, ApiError> {
        let query = query.unwrap_or_default();
        if query.len() > MAX_QUERY {
            let most = format!("the query string has more than {MAX_QUERY} bytes");
            return Err(ApiError::invalid(most));
        }
        let mut params = Self {
            fields: None,
            expansion: Expansion::default(),
            raw: Raw::Unwanted,
            updated_after: None,
            page_size: DEFAULT_PAGE,
            next: None,
            deleted: Deleted::Unwanted,
            as_of: None,
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            params.take(&name, &value)?;
        }
        Ok(params)
    }

    /// Fails if records of an earlier time are asked for with something that is known of the
    /// present alone.
    pub(super) fn of_the_past(&self) -> Result<(), ApiError> {
        let why = match (self.raw, self.deleted, self.updated_after) {
            (Raw::Wanted, _, _) => {
                "`raw` cannot be combined with `as_of`: only what Qlik sent last is kept"
            }
            (_, Deleted::Wanted, _) => {
                "`deleted` cannot be combined with `as_of`: records that were deleted later are \
                 listed as they were at that time"
            }
            (_, _, Some(_)) => "`filter[updated_after]` cannot be combined with `as_of`",
            (Raw::Unwanted, Deleted::Unwanted, None) => return Ok(()),
        };
        Err(ApiError::invalid(why))
    }

    fn take(&mut self, name: &str, value: &str) -> Result<(), ApiError> {
        // Clients send a parameter without a value if they were given none.
        if value.is_empty() {
            return Ok(());
        }
        match name {
            "fields" => self.fields = fields(value),
            "expand" => self.expansion = expansion(value),
            "raw" => {
                self.raw = match is_true(name, value)? {
                    true => Raw::Wanted,
                    false => Raw::Unwanted,
                }
            }
            "deleted" => {
                self.deleted = match is_true(name, value)? {
                    true => Deleted::Wanted,
                    false => Deleted::Unwanted,
                }
            }
            "as_of" => self.as_of = Some(time(name, value)?),
            "filter[updated_after]" | "updated_after" => {
                self.updated_after = Some(time(name, value)?);
            }
            "page_size" => self.page_size = page_size(value)?,
            "next" => self.next = Some(value.to_owned()),
            "page" => {
                let gone = "`page` is not offered: read page by page with `next`";
                return Err(ApiError::invalid(gone));
            }
            proxy if proxy == "proxy" || proxy.starts_with("proxy[") => {
                let why = "`proxy` is not offered: answers come from what is known here, and no \
                           request is sent to Qlik";
                return Err(ApiError::invalid(why));
            }
            filter if filter.starts_with("filter[") => {
                let filter = crate::printable::line(filter);
                let why = format!("there is no `{filter}`; the filter is `filter[updated_after]`");
                return Err(ApiError::invalid(why));
            }
            _unknown => {}
        }
        Ok(())
    }
}

fn fields(value: &str) -> Option<BTreeSet<String>> {
    let fields: BTreeSet<String> = words(value).map(str::to_owned).collect();
    (!fields.is_empty()).then_some(fields)
}

/// Ignores what cannot be expanded: `policies` and `permissions` are always included.
fn expansion(value: &str) -> Expansion {
    let has = |wanted: &str| words(value).any(|word| word == wanted);
    Expansion {
        roles: has("roles"),
        groups: has("groups"),
        effective_roles: has("effective_roles"),
    }
}

fn is_true(name: &str, value: &str) -> Result<bool, ApiError> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        other => Err(ApiError::invalid(format!(
            "`{name}` is `true` or `false`, not `{}`",
            crate::printable::line(other)
        ))),
    }
}

fn time(name: &str, value: &str) -> Result<Timestamp, ApiError> {
    Timestamp::parse(value).ok_or_else(|| {
        ApiError::invalid(format!(
            "`{name}` is a time such as 2026-03-02T09:15:04.120Z, not `{}`",
            crate::printable::line(value)
        ))
    })
}

/// Reads the size of a page. A number above the limit counts as the limit, since a page may always
/// be shorter than was asked for.
fn page_size(value: &str) -> Result<usize, ApiError> {
    let read = whole(value).filter(|n| *n > 0);
    let read = read.ok_or_else(|| {
        ApiError::invalid(format!(
            "`page_size` is a whole number from 1 to {MAX_PAGE}, not `{}`",
            crate::printable::line(value)
        ))
    });
    read.map(|n| n.min(MAX_PAGE))
}

/// Reads a whole number, however long it is. One that is too great counts as the greatest.
pub(in crate::web::api) fn whole(value: &str) -> Option<usize> {
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| value.parse().unwrap_or(usize::MAX))
}

fn words(value: &str) -> impl Iterator<Item = &str> {
    let words = value.split(',').map(str::trim);
    words.filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::web::api::queries::{names_a_place, queries};
    use crate::web::api::unified::described;
    use crate::web::openapi::Parameter;

    fn parameters() -> Vec<Parameter> {
        let mut all = described::list_parameters();
        all.extend(described::parameters());
        all.push(described::deleted());
        // Headers are not part of a query string.
        all.retain(|it| it.name() != "x-account-id");
        all
    }

    #[test]
    fn what_is_described_is_read() {
        for parameter in parameters() {
            let Some(example) = parameter.sent_example() else {
                continue;
            };
            let query = format!("{}={example}", parameter.name());
            let read = Params::read(Some(&query)).unwrap();
            let ignored = Params::read(None).unwrap();
            assert_ne!(read, ignored, "{query}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_read_or_refused_by_name(query in queries(parameters())) {
            if let Err(error) = Params::read(Some(&query)) {
                let (status, message) = error.said();
                prop_assert_eq!(status, 400);
                prop_assert!(names_a_place(message, &query, &["proxy"]), "{}", message);
            }
        }
    }

    #[test]
    fn parameters_are_read_as_clients_send_them() {
        let params = Params::read(Some(
            "fields=id,%20name&expand=roles,groups&raw=true&page_size=1000&next=abc&proxy=\
             &filter%5Bupdated_after%5D=2026-03-02T09:15:04Z&unknown=1",
        ));

        let params = params.unwrap();
        assert_eq!(params.fields, Some(["id".into(), "name".into()].into()));
        assert!(params.expansion.roles && params.expansion.groups);
        assert_eq!((params.raw, params.page_size), (Raw::Wanted, MAX_PAGE));
        assert_eq!(params.next.as_deref(), Some("abc"));
        assert_eq!(
            params.updated_after,
            Timestamp::parse("2026-03-02T09:15:04Z")
        );
        let none = Params::read(None).unwrap();
        assert_eq!((none.page_size, none.fields), (DEFAULT_PAGE, None));
    }

    #[test]
    fn what_cannot_be_followed_is_an_error() {
        for query in [
            "raw=yes",
            "deleted=1",
            "as_of=today",
            "page_size=0",
            "page_size=-1",
            "page_size=x",
            "page=2",
            "proxy[filter]=1",
            "filter[name]=x",
            "filter[updated_after]=yesterday",
            &format!("x={}", "y".repeat(MAX_QUERY)),
        ] {
            assert!(Params::read(Some(query)).is_err(), "{query}");
        }
    }
}
