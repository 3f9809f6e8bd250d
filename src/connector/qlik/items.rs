//! Asks where an app is: Qlik lists apps among the items of a tenant, each with its space.
//!
//! An app in a personal space has no `spaceId`; in requests, Qlik calls that space `personal`.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::client::{Client, Patience};
use super::spaces::{mended, object};
use super::walk::Walk;
use super::wire::{Lax, Loose};
use super::{ReadError, is_absence};
use crate::model::{AppPlace, Id, SpaceId, TenantId, UserId};

/// The most items that are read to find an app. Ids of apps are unique, so there is one; more mean
/// that Qlik does not filter by id.
const MAX_ITEMS: usize = 10;

/// The most pages that are read to find an app. A page may have no items and yet link to others.
const MAX_PAGES: u64 = 5;

/// How Qlik names a personal space, in requests at least.
const PERSONAL: &str = "personal";

/// An item, which may be an app.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Item<'a> {
    resource_id: Option<String>,
    resource_type: Loose,
    tenant_id: Loose,
    #[serde(borrow)]
    space_id: Lax<'a>,
    owner_id: Loose,
}

/// Asks where an app of this tenant is.
pub(super) async fn app(
    client: &Client,
    tenant: &TenantId,
    app: &str,
) -> Result<AppPlace, ReadError> {
    let walk = Walk {
        doing: "asking where an app is",
        path: "items",
        filter: &[
            ("resourceType", "app"),
            ("resourceId", app),
            ("noActions", "true"),
        ],
        sort: None,
        cursor: "next",
        patience: Patience::Usual,
        most_pages: MAX_PAGES,
    };
    let walked = match walk.read(client, MAX_ITEMS).await {
        Ok(walked) => walked,
        Err(error) if is_absence(&error) => return Ok(AppPlace::NotShown),
        Err(error) => return Err(error),
    };
    let texts = walked.texts.iter().map(|text| text.get());
    Ok(place(tenant, app, texts))
}

/// Returns where an app is, given the items that were found for its id.
fn place<'a>(tenant: &TenantId, app: &str, items: impl Iterator<Item = &'a str>) -> AppPlace {
    let (mut places, mut n_items) = (BTreeSet::new(), 0);
    for text in items {
        n_items += 1;
        places.extend(mended(text, |text| of_item(tenant, app, text)));
    }
    if n_items == 0 {
        return AppPlace::NotShown;
    }
    // The same item may come twice, but an app is in one place.
    match places.pop_first().filter(|_| places.is_empty()) {
        Some(Found::Space(space)) => AppPlace::Space(space),
        Some(Found::Personal(owner)) => AppPlace::Personal(owner),
        Some(Found::Unreadable) | None => AppPlace::Unreadable,
    }
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    Space(SpaceId),
    Personal(Option<UserId>),
    Unreadable,
}

/// Reads where an item is; `None` if it is not this app.
fn of_item(tenant: &TenantId, app: &str, text: &str) -> Option<Found> {
    let item: Item<'_> = object(text)?;
    let of_tenant = item.tenant_id.0.is_none_or(|id| id == tenant.0);
    let of_type = item.resource_type.0.as_deref() == Some("app");
    if !of_tenant || !of_type || item.resource_id.as_deref() != Some(app) {
        return None;
    }
    let owner = item.owner_id.0.and_then(|id| Id::parse(&id).ok());
    let personal = || Found::Personal(owner.map(UserId));
    Some(match item.space_id {
        Lax::Nothing => personal(),
        Lax::Text(space) if space.is_empty() || space == PERSONAL => personal(),
        Lax::Text(space) => match Id::parse(&space) {
            Ok(id) => Found::Space(SpaceId(id)),
            Err(_invalid) => Found::Unreadable,
        },
        Lax::Other => Found::Unreadable,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::connector::qlik::any_json::any_answer;

    const SPACE: &str = "65f1c0de0000000000000001";
    const OWNER: &str = "65f1c0de0000000000000002";

    fn found(items: &[String]) -> AppPlace {
        let tenant = TenantId("tenant-1".into());
        place(&tenant, "app-1", items.iter().map(String::as_str))
    }

    fn item(rest: &str) -> String {
        format!(
            r#"{{"id":"i1","resourceId":"app-1","resourceType":"app","tenantId":"tenant-1"{rest}}}"#
        )
    }

    #[test]
    fn an_app_without_a_space_is_in_the_personal_space_of_its_owner() {
        let space = Id::parse(SPACE).unwrap();
        let owner = Some(UserId(Id::parse(OWNER).unwrap()));
        for (rest, expected) in [
            (
                format!(r#","spaceId":"{SPACE}""#),
                AppPlace::Space(SpaceId(space)),
            ),
            (
                format!(r#","ownerId":"{OWNER}""#),
                AppPlace::Personal(owner.clone()),
            ),
            (
                format!(r#","ownerId":"{OWNER}","spaceId":"""#),
                AppPlace::Personal(owner.clone()),
            ),
            (
                format!(r#","ownerId":"{OWNER}","spaceId":null"#),
                AppPlace::Personal(owner.clone()),
            ),
            (
                format!(r#","ownerId":"{OWNER}","spaceId":"personal""#),
                AppPlace::Personal(owner),
            ),
            (String::new(), AppPlace::Personal(None)),
            (r#","ownerId":7"#.to_owned(), AppPlace::Personal(None)),
            (
                r#","spaceId":{"was":"this"}"#.to_owned(),
                AppPlace::Unreadable,
            ),
            (r#","spaceId":"../x""#.to_owned(), AppPlace::Unreadable),
        ] {
            assert_eq!(found(&[item(&rest)]), expected, "{rest}");
        }
    }

    #[test]
    fn what_is_not_certainly_this_app_says_nothing_about_it() {
        let here = item(&format!(r#","spaceId":"{SPACE}""#));
        let other = here.replace("app-1", "app-2");
        let space = AppPlace::Space(SpaceId(Id::parse(SPACE).unwrap()));
        for (items, expected) in [
            (vec![], AppPlace::NotShown),
            (vec![here.clone()], space.clone()),
            (vec![here.clone(), here.clone()], space.clone()),
            (vec![other.clone(), here.clone()], space),
            (vec![other], AppPlace::Unreadable),
            (vec![here.replace("app-1", "APP-1")], AppPlace::Unreadable),
            (
                vec![here.replace("\"app\"", "\"qvapp\"")],
                AppPlace::Unreadable,
            ),
            (
                vec![here.replace("tenant-1", "tenant-2")],
                AppPlace::Unreadable,
            ),
            (vec![here.clone(), item("")], AppPlace::Unreadable),
            (vec![format!("[{here}]")], AppPlace::Unreadable),
        ] {
            assert_eq!(found(&items), expected, "{items:?}");
        }
    }

    fn example() -> serde_json::Value {
        serde_json::json!({
            "resourceId": "app-1",
            "resourceType": "app",
            "spaceId": SPACE,
            "ownerId": OWNER,
            "tenantId": "tenant-1",
        })
    }

    proptest! {
        /// Where an app is decides who can open it, so it is never guessed.
        #[test]
        fn any_item_shows_where_an_app_is_or_is_unreadable(text in any_answer(&example())) {
            let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
            let place = found(std::slice::from_ref(&text));
            let is_it = json["resourceType"] == "app" && json["resourceId"] == "app-1";
            prop_assert!(is_it || place == AppPlace::Unreadable);
            if let AppPlace::Space(space) = place {
                prop_assert_eq!(&json["spaceId"], &space.0.to_string());
            }
        }
    }
}
