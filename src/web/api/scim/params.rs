//! The parameters of a request, from its query string or from a search in its body (RFC 7644, 3.4).
//!
//! Parameters that we don't know are ignored: a client may be newer. Values that we cannot follow
//! are errors, since an answer that ignores them would be wrong.

use axum::http::StatusCode;
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::error::{ScimError, ScimErrorType};
use crate::control::{MAX_PAGE, ScimOrder};
use crate::model::scim::{AttributePath, ScimFilter, Wanted};
use crate::printable;

/// How many resources a page has if the request does not say.
pub(super) const DEFAULT_PAGE: usize = 100;

/// The schema of a search.
pub(super) const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// The most bytes of a query string. A longer search has a body.
const MAX_QUERY: usize = 8 * 1024;

/// The most attributes that `attributes` or `excludedAttributes` may name: more than all schemas
/// have.
const MAX_ATTRIBUTES: usize = 200;

/// The parameters of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Params {
    pub(super) filter: Option<ScimFilter>,
    pub(super) wanted: Wanted,
    pub(super) sort_by: Option<AttributePath>,
    pub(super) order: ScimOrder,
    /// The number of the first resource, from 1.
    pub(super) start: u64,
    /// How many resources a page has at most; `None` if the request does not say.
    pub(super) count: Option<usize>,
    /// Where the page begins; `None` if pages are counted, and empty for the first.
    pub(super) cursor: Option<String>,
}

/// The parameters as texts.
#[derive(Debug, Default)]
struct Texts {
    filter: Option<String>,
    attributes: Vec<String>,
    excluded: Vec<String>,
    sort_by: Option<String>,
    sort_order: Option<String>,
    start_index: Option<String>,
    count: Option<String>,
    cursor: Option<String>,
}

impl Params {
    /// Reads a query string.
    pub(super) fn of_query(query: Option<&str>) -> Result<Self, ScimError> {
        let query = query.unwrap_or_default();
        if query.len() > MAX_QUERY {
            return Err(ScimError::new(
                StatusCode::URI_TOO_LONG,
                format!("the query string has more than {MAX_QUERY} bytes; use `POST /.search`"),
            ));
        }
        let mut texts = Texts::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if texts.has_one(&name) {
                let detail = format!("`{}` was sent more than once", printable::line(&name));
                return Err(ScimError::invalid(ScimErrorType::InvalidValue, detail));
            }
            texts.take(&name, vec![value.into_owned()]);
        }
        texts.read()
    }

    /// Reads the body of a search.
    pub(super) fn of_body(body: &[u8]) -> Result<Self, ScimError> {
        let wrong = |detail: String| ScimError::invalid(ScimErrorType::InvalidSyntax, detail);
        let body: Value = serde_json::from_slice(body)
            .map_err(|error| wrong(format!("the body is not JSON: {error}")))?;
        let Value::Object(fields) = body else {
            return Err(wrong("the body is not an object".to_owned()));
        };
        if !is_search(&fields) {
            return Err(wrong(format!("`schemas` of a search is `{SEARCH}`")));
        }
        let mut texts = Texts::default();
        for (name, value) in fields {
            if Texts::is_known(&name)
                && let Some(values) = texts_of(&name, &value).ok_or_else(|| {
                    let name = printable::line(&name);
                    wrong(format!("`{name}` has a value of the wrong type"))
                })?
            {
                texts.take(&name, values);
            }
        }
        texts.read()
    }
}

/// Returns whether a body is a search, or does not say what it is (RFC 7644, 3.4.3).
fn is_search(fields: &Map<String, Value>) -> bool {
    let mut named = fields.iter();
    let named = named.find(|(name, _)| name.eq_ignore_ascii_case("schemas"));
    let Some((_, schemas)) = named.filter(|(_, schemas)| !schemas.is_null()) else {
        return true;
    };
    let mut schemas = schemas.as_array().into_iter().flatten();
    schemas.any(|it| {
        it.as_str()
            .is_some_and(|it| it.eq_ignore_ascii_case(SEARCH))
    })
}

/// Returns a parameter of a body as texts. The outer `None` if it cannot be one, the inner if it
/// has no value.
#[expect(clippy::option_option, reason = "no value is not a wrong one")]
fn texts_of(name: &str, value: &Value) -> Option<Option<Vec<String>>> {
    let is_one_of = |names: [&str; 2]| names.iter().any(|it| it.eq_ignore_ascii_case(name));
    match value {
        Value::Null => Some(None),
        Value::String(text) => Some(Some(vec![text.clone()])),
        Value::Number(number) if is_one_of(["startIndex", "count"]) => {
            Some(Some(vec![number.to_string()]))
        }
        Value::Array(list) if is_one_of(["attributes", "excludedAttributes"]) => {
            let list = list.iter().map(|it| it.as_str().map(str::to_owned));
            list.collect::<Option<Vec<_>>>().map(Some)
        }
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

impl Texts {
    const NAMES: [&'static str; 8] = [
        "filter",
        "attributes",
        "excludedAttributes",
        "sortBy",
        "sortOrder",
        "startIndex",
        "count",
        "cursor",
    ];

    fn is_known(name: &str) -> bool {
        Self::NAMES.iter().any(|it| it.eq_ignore_ascii_case(name))
    }

    /// Returns whether a parameter that can have one value has it already. An empty one does not
    /// count.
    fn has_one(&self, name: &str) -> bool {
        let one = match name.to_ascii_lowercase().as_str() {
            "filter" => &self.filter,
            "sortby" => &self.sort_by,
            "sortorder" => &self.sort_order,
            "startindex" => &self.start_index,
            "count" => &self.count,
            "cursor" => &self.cursor,
            _other => return false,
        };
        one.as_ref().is_some_and(|value| !value.is_empty())
    }

    /// Takes the values of a parameter. Names are compared as SCIM compares those of attributes.
    fn take(&mut self, name: &str, values: Vec<String>) {
        let one = |values: Vec<String>| values.into_iter().next();
        match name.to_ascii_lowercase().as_str() {
            "filter" => self.filter = one(values),
            "attributes" => self.attributes.extend(values),
            "excludedattributes" => self.excluded.extend(values),
            "sortby" => self.sort_by = one(values),
            "sortorder" => self.sort_order = one(values),
            "startindex" => self.start_index = one(values),
            "count" => self.count = one(values),
            "cursor" => self.cursor = one(values),
            _unknown => {}
        }
    }

    fn read(self) -> Result<Params, ScimError> {
        let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let filter = given(self.filter).map(|text| text.parse());
        let sort_by = given(self.sort_by).map(|text| {
            AttributePath::read(text.trim()).ok_or_else(|| {
                let text = printable::line(&text).into_owned();
                let detail = format!("`sortBy` is the name of an attribute, not `{text}`");
                ScimError::invalid(ScimErrorType::InvalidPath, detail)
            })
        });
        let count = count(given(self.count).as_deref(), self.cursor.as_deref())?;
        Ok(Params {
            filter: filter.transpose()?,
            wanted: wanted(&self.attributes, &self.excluded)?,
            sort_by: sort_by.transpose()?,
            order: order(given(self.sort_order).as_deref())?,
            start: start(given(self.start_index).as_deref())?,
            count,
            cursor: self.cursor,
        })
    }
}

fn wanted(attributes: &[String], excluded: &[String]) -> Result<Wanted, ScimError> {
    let read = |texts: &[String]| -> Result<Vec<AttributePath>, ScimError> {
        let names = texts.iter().flat_map(|text| text.split(','));
        let names = names.map(str::trim).filter(|name| !name.is_empty());
        let mut paths = Vec::new();
        for name in names {
            // What is not the name of an attribute cannot be returned.
            paths.extend(AttributePath::read(name));
            if paths.len() > MAX_ATTRIBUTES {
                let detail = format!("more than {MAX_ATTRIBUTES} attributes are named");
                return Err(ScimError::invalid(ScimErrorType::InvalidValue, detail));
            }
        }
        Ok(paths)
    };
    let is_given = |texts: &[String]| texts.iter().any(|text| !text.trim().is_empty());
    match (is_given(attributes), is_given(excluded)) {
        (true, true) => Err(ScimError::invalid(
            ScimErrorType::InvalidValue,
            "`attributes` and `excludedAttributes` exclude each other",
        )),
        (true, false) => Ok(Wanted::Only(read(attributes)?)),
        (false, true) => Ok(Wanted::Without(read(excluded)?)),
        (false, false) => Ok(Wanted::Default),
    }
}

fn order(text: Option<&str>) -> Result<ScimOrder, ScimError> {
    match text {
        None => Ok(ScimOrder::Ascending),
        Some(text) if text.eq_ignore_ascii_case("ascending") => Ok(ScimOrder::Ascending),
        Some(text) if text.eq_ignore_ascii_case("descending") => Ok(ScimOrder::Descending),
        Some(other) => Err(ScimError::invalid(
            ScimErrorType::InvalidValue,
            format!(
                "`sortOrder` is `ascending` or `descending`, not `{}`",
                printable::line(other)
            ),
        )),
    }
}

/// Reads the number of the first resource. What is less than 1 counts as 1.
fn start(text: Option<&str>) -> Result<u64, ScimError> {
    let read = text.map_or(Some(1), integer);
    let read = read.ok_or_else(|| {
        ScimError::invalid(
            ScimErrorType::InvalidValue,
            "`startIndex` is a whole number",
        )
    })?;
    Ok(u64::try_from(read.max(1)).unwrap_or(1))
}

/// Reads the size of a page. Without a cursor, what is negative counts as 0, and what is too much
/// as the most; with one, both are errors, and so is 0 (RFC 9865, 2.4).
fn count(text: Option<&str>, cursor: Option<&str>) -> Result<Option<usize>, ScimError> {
    let Some(text) = text else {
        return Ok(None);
    };
    let read = integer(text);
    let most = i64::try_from(MAX_PAGE).unwrap_or(i64::MAX);
    let fits = |n: i64| usize::try_from(n.clamp(0, most)).ok();
    match (read, cursor) {
        (Some(n), None) => Ok(fits(n)),
        (Some(n), Some(_)) if (1..=most).contains(&n) => Ok(fits(n)),
        (Some(_) | None, Some(_)) => Err(ScimError::invalid(
            ScimErrorType::InvalidCount,
            format!("with a cursor, `count` is a whole number from 1 to {MAX_PAGE}"),
        )),
        (None, None) => Err(ScimError::invalid(
            ScimErrorType::InvalidValue,
            "`count` is a whole number",
        )),
    }
}

/// Reads a whole number, however long it is.
fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let magnitude = all_digits.then(|| digits.parse().unwrap_or(i64::MAX))?;
    Some(match is_negative {
        true => -magnitude,
        false => magnitude,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::web::api::queries::queries;
    use crate::web::api::scim::described::parameters;

    fn status(refused: ScimError) -> u16 {
        refused.answer().status().as_u16()
    }

    #[test]
    fn what_is_described_is_read() {
        for parameter in parameters() {
            let Some(example) = parameter.sent_example() else {
                continue;
            };
            let query = format!("{}={example}", parameter.name());
            let read = Params::of_query(Some(&query)).unwrap();
            match parameter.name() {
                // The example is the default.
                "startIndex" => assert_eq!(read.start, 1),
                _ => assert_ne!(read, Params::of_query(None).unwrap(), "{query}"),
            }
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let plain = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
            Just(json!(SEARCH)),
        ];
        plain.prop_recursive(2, 8, 3, |inner| {
            let list = proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from);
            let object = proptest::collection::btree_map(".{0,4}", inner, 0..3);
            prop_oneof![list, object.prop_map(|fields| json!(fields))]
        })
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_read_or_refused(query in queries(parameters())) {
            if let Err(refused) = Params::of_query(Some(&query)) {
                prop_assert_eq!(status(refused), 400);
            }
        }

        #[test]
        fn any_body_is_read_or_refused(
            names in proptest::collection::vec(
                prop_oneof![proptest::sample::select(Texts::NAMES.to_vec()).prop_map(str::to_owned),
                            Just("schemas".to_owned()), ".{0,4}"], 0..4),
            all in proptest::collection::vec(values(), 4),
            raw in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let fields: Map<String, Value> = names.into_iter().zip(all).collect();
            for body in [Value::from(fields).to_string().into_bytes(), raw] {
                if let Err(refused) = Params::of_body(&body) {
                    prop_assert_eq!(status(refused), 400);
                }
            }
        }
    }

    #[test]
    fn parameters_are_read_as_clients_send_them() {
        let params = Params::of_query(Some(
            "filter=userName+eq+%22a%22&attributes=userName,%20emails.value&startindex=-5\
             &count=99999999999999999999&sortBy=name.formatted&sortOrder=Descending&unknown=1",
        ));

        let params = params.unwrap();
        assert_eq!(params.filter, Some("userName eq \"a\"".parse().unwrap()));
        let path = |name| AttributePath::read(name).unwrap();
        let wanted = vec![path("userName"), path("emails.value")];
        assert_eq!(params.wanted, Wanted::Only(wanted));
        assert_eq!((params.start, params.count), (1, Some(MAX_PAGE)));
        assert_eq!(params.sort_by, Some(path("name.formatted")));
        assert_eq!(params.order, ScimOrder::Descending);
        assert_eq!(params.cursor, None);
        let none = Params::of_query(None).unwrap();
        assert_eq!(
            (none.start, none.count, none.wanted),
            (1, None, Wanted::Default)
        );
        let empty = Params::of_query(Some("filter=&count=&cursor=&attributes=")).unwrap();
        assert_eq!((empty.cursor.as_deref(), empty.count), (Some(""), None));
    }

    #[test]
    fn a_body_says_the_same_as_a_query() {
        let body = br#"{
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
            "Filter": "userName eq \"a\"", "excludedAttributes": ["members", "meta"],
            "startIndex": 3, "count": 5, "sortBy": null, "cursor": ""
        }"#;
        let query = "filter=userName+eq+%22a%22&excludedAttributes=members,meta&startIndex=3\
                     &count=5&cursor=";

        let read = Params::of_body(body).unwrap();

        assert_eq!(read, Params::of_query(Some(query)).unwrap());
    }

    #[test]
    fn what_cannot_be_followed_is_an_error() {
        for query in [
            "count=x",
            "count=1.5",
            "startIndex=one",
            "sortOrder=up",
            "sortBy=a%20b",
            "filter=userName",
            "attributes=id&excludedAttributes=meta",
            "cursor=&count=501",
            "count=x&count=",
            "filter=id%20pr&FILTER=id%20pr",
            "cursor=&count=0",
            "cursor=&count=-1",
            &format!("x={}", "y".repeat(MAX_QUERY)),
        ] {
            assert!(Params::of_query(Some(query)).is_err(), "{query}");
        }
        for body in [
            "",
            "[]",
            "{\"filter\": 1 ",
            "{\"filter\": {}}",
            "{\"count\": true}",
            "{\"count\": [5]}",
            "{\"filter\": 5}",
            "{\"sortBy\": [\"userName\"]}",
            "{\"attributes\": 5}",
            "{\"schemas\": [\"urn:ietf:params:scim:api:messages:2.0:PatchOp\"]}",
        ] {
            assert!(Params::of_body(body.as_bytes()).is_err(), "{body}");
        }
    }
}
