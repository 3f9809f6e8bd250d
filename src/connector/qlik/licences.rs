//! Reads the licence of a tenant, and to whom it is assigned.
//!
//! The listing covers the whole licence with all its tenants. Its cursor is called `page`, and its
//! links lead to a host of Qlik's own network.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::ReadError;
use super::client::{Ask, Client, Patience, Redirects};
use super::listing::is_expired;
use super::spaces::{mended, object};
use super::walk::{RawPage, Walk};
use super::wire::{Loose, Time};
use crate::connector::LicencePage;
use crate::model::{Allotment, LicenceAssignment, LicenceHead, MAX_SUBJECT, SubjectKey};

/// The most types of a licence. Qlik has about a dozen.
const MAX_ALLOTMENTS: usize = 100;

/// The most characters of a number, and of the name of a type. Those of Qlik have about twenty.
const MAX_NAME: usize = 100;

/// Sorted by a field that never changes: in Qlik's default order, which it does not document, a
/// change while the listing is read could move assignments to pages that were already read.
const LISTING: Walk<'static> = Walk {
    doing: "listing the assignments of the licence",
    path: "licenses/assignments",
    filter: &[],
    sort: Some("+subject"),
    cursor: "page",
    patience: Patience::Outage,
    most_pages: u64::MAX,
};

/// For a tenant that does not accept the sort: Qlik documents it, but not by which fields.
const UNSORTED: Walk<'static> = Walk {
    sort: None,
    ..LISTING
};

/// What a licence says about itself.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Overview {
    license_number: Loose,
    allotments: List,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct OfType {
    name: Loose,
    units: Count,
    units_used: Count,
    overage: Count,
}

/// A number; any other value counts as missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count(Option<i64>);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        Ok(Self(value.as_i64()))
    }
}

/// Yes or no; any other value counts as missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Flag(Option<bool>);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        Ok(Self(value.as_bool()))
    }
}

/// A list; any other value counts as an empty one.
#[derive(Debug, Default)]
struct List(Vec<Box<RawValue>>);

impl<'de> Deserialize<'de> for List {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self(serde_json::from_str(text.get()).unwrap_or_default()))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Assigned {
    subject: Option<String>,
    #[serde(rename = "type")]
    sort: Loose,
    excess: Flag,
    created: Time,
}

/// Asks for the number and the allotments of the licence.
pub(super) async fn head(client: &Client) -> Result<LicenceHead, ReadError> {
    let doing = "reading the licence";
    let ask = Ask {
        doing,
        path: "api/v1/licenses/overview".to_owned(),
        query: String::new(),
        redirects: Redirects::Refuse,
        patience: Patience::Outage,
    };
    let text: Box<RawValue> = client.get(&ask).await?;
    overview(text.get()).ok_or_else(|| ReadError::Unexpected {
        doing,
        what: "expected an object with `licenseNumber`".to_owned(),
    })
}

fn overview(text: &str) -> Option<LicenceHead> {
    let Overview {
        license_number,
        allotments,
    } = mended(text, |text| object(text))?;
    let allotments = allotments.0.into_iter().take(MAX_ALLOTMENTS);
    Some(LicenceHead {
        number: license_number.0.filter(|number| is_name(number)),
        allotments: allotments
            .filter_map(|text| allotment(text.get()))
            .collect::<BTreeMap<_, _>>(),
    })
}

/// Reads a page of the assignments. `None` if Qlik does not accept this cursor.
pub(super) async fn page(
    client: &Client,
    cursor: Option<&str>,
) -> Result<Option<LicencePage>, ReadError> {
    let Some(raw) = raw_page(client, cursor).await? else {
        return Ok(None);
    };
    let mut page = LicencePage {
        next: raw.next,
        total: raw.total,
        ..LicencePage::default()
    };
    for text in &raw.texts {
        match mended(text.get(), assignment) {
            Some(assignment) => page.assignments.push(assignment),
            None => page.unreadable += 1,
        }
    }
    Ok(Some(page))
}

async fn raw_page(client: &Client, cursor: Option<&str>) -> Result<Option<RawPage>, ReadError> {
    let refused = &client.refuses_sort;
    if refused.load(Ordering::Relaxed) {
        return UNSORTED.page(client, cursor).await;
    }
    match LISTING.page(client, cursor).await {
        Err(error) if cursor.is_none() && is_expired(&error) => {
            let page = UNSORTED.page(client, None).await?;
            refused.store(true, Ordering::Relaxed);
            Ok(page)
        }
        answer => answer,
    }
}

fn allotment(text: &str) -> Option<(String, Allotment)> {
    let of_type: OfType = object(text)?;
    let allotment = Allotment {
        units: of_type.units.0,
        used: of_type.units_used.0,
        overage: of_type.overage.0,
    };
    Some((of_type.name.0.filter(|name| is_name(name))?, allotment))
}

/// Returns whether a text may be a number or the name of a type. A longer one counts as missing:
/// two that were cut could become the same.
fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.chars().count())
}

fn assignment(text: &str) -> Option<LicenceAssignment> {
    let assigned: Assigned = object(text)?;
    let subject = assigned.subject?;
    let length = SubjectKey::of(&subject).as_str().len();
    (1..=MAX_SUBJECT)
        .contains(&length)
        .then(|| LicenceAssignment {
            subject,
            sort: assigned.sort.0.filter(|sort| is_name(sort)),
            is_excess: assigned.excess.0,
            created_at: assigned.created.0,
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::connector::qlik::any_json::any_answer;
    use crate::model::Timestamp;

    #[test]
    fn an_assignment_may_lack_all_but_its_subject() {
        let bare = assignment(r#"{"subject":"QLIKBOT\\abc"}"#).unwrap();
        assert_eq!(bare.key(), SubjectKey::of("qlikbot\\ABC"));
        assert_eq!(
            (bare.sort, bare.is_excess, bare.created_at),
            (None, None, None)
        );

        let whole = assignment(
            r#"{"subject":"auth0|1","type":"professional","excess":true,
                "created":"2026-03-01T10:00:00Z"}"#,
        );
        assert_eq!(
            whole,
            Some(LicenceAssignment {
                subject: "auth0|1".into(),
                sort: Some("professional".into()),
                is_excess: Some(true),
                created_at: Timestamp::parse("2026-03-01T10:00:00Z"),
            })
        );
    }

    #[test]
    fn members_that_nobody_needs_may_be_anything() {
        for excess in [r#""false""#, "0", "null", r#"{"is":false}"#] {
            let text =
                format!(r#"{{"subject":"eve","type":["x"],"created":true,"excess":{excess}}}"#);

            let found = assignment(&text).unwrap();

            assert_eq!(found.is_excess, None, "{text}");
            assert_eq!((found.sort, found.created_at), (None, None));
        }
        for allotments in [r#"{"a":1}"#, "7", "null", r#""x""#, r#"[7,{"units":3}]"#] {
            let text = format!(r#"{{"licenseNumber":"9","allotments":{allotments}}}"#);

            let head = overview(&text).unwrap();

            assert_eq!(head.number.as_deref(), Some("9"), "{text}");
            assert_eq!(head.allotments, BTreeMap::new(), "{text}");
        }
    }

    #[test]
    fn what_names_no_subject_is_not_read() {
        let long = format!(r#"{{"subject":"{}"}}"#, "x".repeat(MAX_SUBJECT + 1));
        for text in [
            r#"{"type":"analyzer"}"#,
            r#"{"subject":""}"#,
            r#"{"subject":7}"#,
            r#"["x"]"#,
            &long,
        ] {
            assert_eq!(assignment(text), None, "{text}");
        }
    }

    #[test]
    fn a_name_that_is_too_long_counts_as_missing() {
        let long = "x".repeat(MAX_NAME + 1);

        let text = format!(r#"{{"subject":"eve","type":"{long}"}}"#);
        assert_eq!(assignment(&text).unwrap().sort, None);
        assert_eq!(allotment(&format!(r#"{{"name":"{long}"}}"#)), None);
    }

    #[test]
    fn numbers_of_an_allotment_may_be_anything() {
        let text = r#"{"name":"analyzer_time","units":20,"unitsUsed":"4","overage":-1}"#;

        let (name, allotment) = allotment(text).unwrap();

        assert_eq!(name, "analyzer_time");
        assert_eq!(
            allotment,
            Allotment {
                units: Some(20),
                used: None,
                overage: Some(-1),
            }
        );
    }

    fn example() -> serde_json::Value {
        serde_json::json!({
            "licenseNumber": "1000",
            "allotments": [{ "name": "professional", "units": 5, "unitsUsed": 2, "overage": 0 }],
            "subject": "idp|1",
            "type": "professional",
            "excess": false,
            "created": "2026-03-01T10:00:00Z",
        })
    }

    proptest! {
        #[test]
        fn any_answer_about_a_licence_is_read_or_counts_as_unreadable(text in any_answer(&example())) {
            let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
            if let Some(assignment) = mended(&text, assignment) {
                prop_assert_eq!(&json["subject"], &assignment.subject);
            }
            if let Some(head) = overview(&text) {
                prop_assert!(json.is_object() && head.allotments.len() <= MAX_ALLOTMENTS);
                let number = head.number.map(serde_json::Value::from);
                prop_assert!(number.is_none_or(|number| json["licenseNumber"] == number));
            }
        }
    }
}
