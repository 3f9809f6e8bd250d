//! The parameters of a request for events. An unknown one is an error: whoever mistypes a filter
//! must not get what it was to leave out.

use std::collections::BTreeSet;
use std::time::Duration;

use url::form_urlencoded;

use crate::control::MAX_PAGE;
use crate::control::query::{FeedChoice, FeedFormat, FeedFrom};
use crate::model::{Kind, Seq, Timestamp};
use crate::printable;
use crate::web::api::unified::{ApiError, whole};

/// How many events a page has if the request does not say.
pub(super) const DEFAULT_PAGE: usize = 100;

/// The longest wait, shorter than what proxies and clients usually allow.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The most bytes of a query string.
const MAX_QUERY: usize = 8 * 1024;

/// All parameters.
const NAMES: &str = "`after`, `since`, `from`, `limit`, `wait`, `events`, `tenants`, `kinds`, \
                     `roles`, `omit`, `expand_lists`, `format` and `source`";

/// The parameters of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Params {
    /// Where to begin.
    pub(super) from: FeedFrom,
    /// Which events are wanted.
    pub(super) choice: FeedChoice,
    /// How many events a page has at most.
    pub(super) limit: usize,
    /// How long to wait for an event if there is none.
    pub(super) wait: Duration,
}

impl Params {
    /// Reads the query string of a request.
    pub(super) fn read(query: Option<&str>) -> Result<Self, ApiError> {
        let query = query.unwrap_or_default();
        if query.len() > MAX_QUERY {
            let most = format!("the query string has more than {MAX_QUERY} bytes");
            return Err(ApiError::invalid(most));
        }
        let mut draft = Draft::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            draft.take(&name, &value)?;
        }
        draft.finish()
    }
}

/// What was read of the parameters so far.
#[derive(Default)]
struct Draft {
    from: Option<(&'static str, FeedFrom)>,
    limit: Option<usize>,
    wait: Option<Duration>,
    events: Option<BTreeSet<String>>,
    tenants: Option<BTreeSet<String>>,
    kinds: Option<BTreeSet<String>>,
    roles: Option<BTreeSet<String>>,
    omit: Option<BTreeSet<String>>,
    expands_lists: bool,
    format: Option<String>,
    source: Option<String>,
}

impl Draft {
    fn take(&mut self, name: &str, value: &str) -> Result<(), ApiError> {
        // Clients send a parameter without a value if they were given none.
        if value.is_empty() {
            return Ok(());
        }
        match name {
            "after" => self.begin("after", after(name, value)?)?,
            "since" => self.begin("since", since(value)?)?,
            "from" => self.begin("from", from(value)?)?,
            "limit" => self.limit = Some(limit(value)?),
            "wait" => self.wait = Some(wait(value)?),
            "events" => add(&mut self.events, name, value)?,
            "tenants" => add(&mut self.tenants, name, value)?,
            "kinds" => add(&mut self.kinds, name, value)?,
            "roles" => add(&mut self.roles, name, value)?,
            "omit" => add(&mut self.omit, name, value)?,
            "expand_lists" => self.expands_lists = truth(value)?,
            "format" => self.format = Some(value.to_owned()),
            "source" => self.source = Some(value.to_owned()),
            unknown => {
                return Err(ApiError::invalid(format!(
                    "there is no parameter `{}`; there are {NAMES}",
                    printable::line(unknown)
                )));
            }
        }
        Ok(())
    }

    fn begin(&mut self, name: &'static str, from: FeedFrom) -> Result<(), ApiError> {
        if let Some((other, _)) = self.from {
            return Err(ApiError::invalid(format!(
                "`{other}` and `{name}` both say where to begin; send one of them, once"
            )));
        }
        self.from = Some((name, from));
        Ok(())
    }

    fn finish(self) -> Result<Params, ApiError> {
        let kinds = self
            .kinds
            .map(|kinds| kinds.iter().map(|word| kind(word)).collect());
        let format = format(self.format.as_deref(), self.source)?;
        Ok(Params {
            from: self.from.map_or(FeedFrom::Oldest, |(_, from)| from),
            choice: FeedChoice {
                events: self.events.map(|events| events.into_iter().collect()),
                tenants: self.tenants,
                kinds: kinds.transpose()?,
                roles: self.roles,
                omit: self.omit.into_iter().flatten().collect(),
                expands_lists: self.expands_lists,
                format,
            },
            limit: self.limit.unwrap_or(DEFAULT_PAGE),
            wait: self.wait.unwrap_or_default(),
        })
    }
}

/// Reads a position: an event's id, or its number in the journal. `name` is what it was sent as.
pub(super) fn after(name: &str, value: &str) -> Result<FeedFrom, ApiError> {
    if let Ok(id) = value.parse() {
        return Ok(FeedFrom::After(id));
    }
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
    let number = is_number.then(|| value.parse().ok()).flatten();
    number
        .map(|number| FeedFrom::AfterEntry(Seq(number)))
        .ok_or_else(|| {
            ApiError::invalid(format!(
                "`{name}`: `{}` is not a position; take `next` from the page before, the id of an \
             event, or its `sequence`",
                printable::line(value)
            ))
        })
}

fn since(value: &str) -> Result<FeedFrom, ApiError> {
    let time = Timestamp::parse(value).map(FeedFrom::Since);
    time.ok_or_else(|| {
        ApiError::invalid(format!(
            "`since` is a time such as 2026-03-02T09:15:04Z, not `{}`",
            printable::line(value)
        ))
    })
}

fn from(value: &str) -> Result<FeedFrom, ApiError> {
    match value {
        "oldest" => Ok(FeedFrom::Oldest),
        "now" => Ok(FeedFrom::Now),
        other => Err(ApiError::invalid(format!(
            "`from` is `oldest` or `now`, not `{}`",
            printable::line(other)
        ))),
    }
}

/// Reads the size of a page. A number above the limit counts as the limit, since a page may always
/// be shorter than was asked for.
fn limit(value: &str) -> Result<usize, ApiError> {
    let read = whole(value).filter(|n| *n > 0);
    let read = read.ok_or_else(|| {
        ApiError::invalid(format!(
            "`limit` is a whole number from 1 to {MAX_PAGE}, not `{}`",
            printable::line(value)
        ))
    });
    read.map(|n| n.min(MAX_PAGE))
}

/// Reads seconds, such as `30s` or `30`. More than the longest wait counts as that, since an answer
/// may always come sooner.
fn wait(value: &str) -> Result<Duration, ApiError> {
    let digits = value.strip_suffix('s').unwrap_or(value);
    let seconds = whole(digits).ok_or_else(|| {
        ApiError::invalid(format!(
            "`wait` is a number of seconds such as `30s`, not `{}`",
            printable::line(value)
        ))
    });
    seconds.map(|seconds| {
        let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
        Duration::from_secs(seconds).min(LONGEST_WAIT)
    })
}

fn truth(value: &str) -> Result<bool, ApiError> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        other => Err(ApiError::invalid(format!(
            "`expand_lists` is `true` or `false`, not `{}`",
            printable::line(other)
        ))),
    }
}

fn kind(word: &str) -> Result<Kind, ApiError> {
    word.parse().map_err(|_unknown| {
        ApiError::invalid(format!(
            "`kinds` are `user`, `group` and `role`, not `{}`",
            printable::line(word)
        ))
    })
}

fn format(name: Option<&str>, source: Option<String>) -> Result<FeedFormat, ApiError> {
    match (name, source) {
        (None | Some("standard"), None) => Ok(FeedFormat::Standard),
        (None | Some("standard"), Some(_)) => {
            Err(ApiError::invalid("`source` is for `format=cloudevents`"))
        }
        (Some("cloudevents"), source) => Ok(FeedFormat::CloudEvents { source }),
        (Some(other), _) => Err(ApiError::invalid(format!(
            "`format` is `standard` or `cloudevents`, not `{}`; the other formats of webhooks need \
             headers or a key of their own",
            printable::line(other)
        ))),
    }
}

/// Adds names to a list. They are separated by commas, or the parameter is repeated.
fn add(list: &mut Option<BTreeSet<String>>, name: &str, value: &str) -> Result<(), ApiError> {
    let words = value.split(',').map(str::trim);
    let words = words.filter(|word| !word.is_empty()).map(str::to_owned);
    let words: BTreeSet<String> = words.collect();
    if words.is_empty() {
        let why = format!("`{name}` names nothing, so no event could match");
        return Err(ApiError::invalid(why));
    }
    list.get_or_insert_default().extend(words);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::web::api::events::described::parameters;
    use crate::web::api::queries::{names_a_place, queries};

    #[test]
    fn what_is_described_is_read() {
        for parameter in parameters() {
            let (name, example) = (parameter.name(), parameter.sent_example().unwrap());
            assert!(NAMES.contains(&format!("`{name}`")), "{name}");
            let with = match name {
                "source" => "format=cloudevents&",
                _ => "",
            };
            let read = Params::read(Some(&format!("{with}{name}={example}")));
            let ignored = Params::read(Some(with.trim_end_matches('&')));
            match name {
                // The example is the default.
                "limit" => assert_eq!(read.unwrap(), ignored.unwrap()),
                _ => assert_ne!(read.unwrap(), ignored.unwrap(), "{name}"),
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_read_or_refused_by_name(query in queries(parameters())) {
            if let Err(error) = Params::read(Some(&query)) {
                let (status, message) = error.said();
                prop_assert_eq!(status, 400);
                prop_assert!(names_a_place(message, &query, &[]), "{}", message);
            }
        }
    }

    const ID: &str = "evt_0001ab00000000ff_00000000002a";

    #[test]
    fn parameters_are_read_as_an_endpoint_is_configured() {
        let query = format!(
            "after={ID}&limit=1000&wait=90s&events=user.*,%20access.granted&events=role.deleted\
             &tenants=acme&kinds=user&roles=Steward&omit=name&expand_lists=true\
             &format=cloudevents&source=/a&since="
        );

        let params = Params::read(Some(&query)).unwrap();

        assert_eq!(params.from, FeedFrom::After(ID.parse().unwrap()));
        assert_eq!((params.limit, params.wait), (MAX_PAGE, LONGEST_WAIT));
        let choice = params.choice;
        let events = ["access.granted", "role.deleted", "user.*"].map(str::to_owned);
        assert_eq!(choice.events, Some(events.into()));
        assert_eq!(choice.tenants, Some(["acme".to_owned()].into()));
        assert_eq!(choice.kinds, Some([Kind::User].into()));
        assert_eq!(choice.roles, Some(["Steward".to_owned()].into()));
        assert_eq!(choice.omit, ["name"]);
        assert!(choice.expands_lists);
        let source = Some("/a".to_owned());
        assert_eq!(choice.format, FeedFormat::CloudEvents { source });
        let none = Params::read(None).unwrap();
        assert_eq!(none.from, FeedFrom::Oldest);
        assert_eq!((none.limit, none.wait), (DEFAULT_PAGE, Duration::ZERO));
        assert_eq!(none.choice.format, FeedFormat::Standard);
        assert_eq!(after("after", "7").unwrap(), FeedFrom::AfterEntry(Seq(7)));
    }

    #[test]
    fn what_cannot_be_followed_is_an_error() {
        for query in [
            "after=x",
            "after=-1",
            "after=evt_1",
            "since=yesterday",
            "from=here",
            "from=now&after=7",
            "after=7&after=8",
            "limit=0",
            "limit=x",
            "wait=soon",
            "wait=1m",
            "expand_lists=1",
            "kinds=space",
            "events=,",
            "format=scim-set",
            "source=/a",
            "event=user.*",
            &format!("events={}", "y".repeat(MAX_QUERY)),
        ] {
            assert!(Params::read(Some(query)).is_err(), "{query}");
        }
    }
}
