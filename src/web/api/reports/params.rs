//! The parameters of a request for a report. An unknown one is an error: whoever mistypes a filter
//! must not get what it was to leave out.

use url::form_urlencoded;

use crate::control::ReportName;
use crate::model::Timestamp;
use crate::printable;
use crate::view::ReportFormat;
use crate::web::api::unified::ApiError;

/// The most bytes of a query string.
const MAX_QUERY: usize = 8 * 1024;

/// The parameters of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Params {
    /// How the report is written.
    pub(super) format: ReportFormat,
    /// The tenant, by its name, id or host name; `None` for all.
    pub(super) tenant: Option<String>,
    /// The time that it describes; `None` for now.
    pub(super) as_of: Option<Timestamp>,
    /// The time with which a report of changes begins.
    pub(super) from: Option<Timestamp>,
}

impl Params {
    /// Reads the query string of a request.
    pub(super) fn read(
        query: Option<&str>,
        report: ReportName,
        now: Timestamp,
    ) -> Result<Self, ApiError> {
        let query = query.unwrap_or_default();
        if query.len() > MAX_QUERY {
            let most = format!("the query string has more than {MAX_QUERY} bytes");
            return Err(ApiError::invalid(most));
        }
        let mut params = Self {
            format: ReportFormat::Json,
            tenant: None,
            as_of: None,
            from: None,
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "format" => params.format = format(&value)?,
                "tenant" => params.tenant = Some(value.into_owned()),
                "as_of" => params.as_of = Some(time(&name, &value)?),
                "from" => params.from = Some(time(&name, &value)?),
                other => {
                    let other = printable::line(other);
                    return Err(ApiError::invalid(format!(
                        "there is no parameter `{other}`; there are `format`, `tenant`, `as_of` \
                         and `from`"
                    )));
                }
            }
        }
        params.check(report, now)?;
        Ok(params)
    }

    fn check(&self, report: ReportName, now: Timestamp) -> Result<(), ApiError> {
        let wrong = |why: &str| Err(ApiError::invalid(why));
        if self.as_of.is_some_and(|at| at > now) {
            return wrong("`as_of` is in the future");
        }
        match (report, self.from) {
            (ReportName::Changes, None) => {
                wrong("`changes` need a time with which they begin: `from`")
            }
            (ReportName::Changes, Some(from)) if from >= self.as_of.unwrap_or(now) => {
                wrong("`from` must be earlier than `as_of`")
            }
            (ReportName::Changes, Some(_)) | (_, None) => Ok(()),
            (_, Some(_)) => wrong("`from` is for the report `changes` alone"),
        }
    }
}

fn format(value: &str) -> Result<ReportFormat, ApiError> {
    ReportFormat::of(value).ok_or_else(|| {
        ApiError::invalid(format!(
            "`format` is `csv`, `json` or `parquet`, not `{}`",
            printable::line(value)
        ))
    })
}

fn time(name: &str, value: &str) -> Result<Timestamp, ApiError> {
    Timestamp::parse(value).ok_or_else(|| {
        ApiError::invalid(format!(
            "`{name}` is a time such as 2026-03-02T09:15:04.120Z, not `{}`",
            printable::line(value)
        ))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::web::api::queries::{names_a_place, queries};
    use crate::web::api::reports::described::parameters;

    const NOW: i64 = 1_800_000_000_000;

    fn read(query: &str, report: ReportName) -> Result<Params, ApiError> {
        Params::read(Some(query), report, Timestamp::from_millis(NOW))
    }

    #[test]
    fn what_is_described_is_read() {
        for report in ReportName::ALL {
            let from = match report {
                ReportName::Changes => "from=2026-01-01T00:00:00Z&",
                _without => "",
            };
            for parameter in parameters(report) {
                let example = parameter.sent_example().unwrap();
                let query = format!("{from}{}={example}", parameter.name());
                let ignored = read(from.trim_end_matches('&'), report).unwrap();
                assert_ne!(read(&query, report).unwrap(), ignored, "{query}");
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_read_or_refused_by_name(
            query in queries(parameters(ReportName::Changes)),
            report in proptest::sample::select(ReportName::ALL.to_vec()),
        ) {
            if let Err(error) = read(&query, report) {
                let (status, message) = error.said();
                prop_assert_eq!(status, 400);
                prop_assert!(names_a_place(message, &query, &["from"]), "{}", message);
            }
        }
    }
}
