//! Which media type an answer has (RFC 7644, 3.8): SCIM's own, or that of JSON if the client asks
//! for that. Both have the same content.

use axum::http::HeaderMap;

use crate::web::api::accept;

/// SCIM's media type.
pub(super) const SCIM: &str = "application/scim+json";

/// That of JSON.
pub(super) const JSON: &str = "application/json";

/// Returns the media type of the answer to a request; `None` if it accepts neither.
pub(super) fn of(headers: &HeaderMap) -> Option<&'static str> {
    let ranges: Vec<(String, u32)> = accept::ranges(headers).collect();
    if ranges.is_empty() {
        return Some(SCIM);
    }
    // The range that says most about a type counts.
    let quality = |media: &str| {
        let all = [media, "application/*", "*/*"];
        let mut found = all.iter().filter_map(|range| {
            let mut ranges = ranges.iter();
            ranges.find(|(media, _)| media == range)
        });
        found.next().map_or(0, |(_, quality)| *quality)
    };
    match (quality(SCIM), quality(JSON)) {
        (0, 0) => None,
        (scim, json) if scim >= json => Some(SCIM),
        (_, _) => Some(JSON),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use axum::http::header::ACCEPT;

    use super::*;

    #[test]
    fn an_answer_has_the_media_type_that_is_asked_for() {
        for (values, expected) in [
            (&[][..], Some(SCIM)),
            (&[""], Some(SCIM)),
            (&["*/*"], Some(SCIM)),
            (&["application/*"], Some(SCIM)),
            (&["application/scim+json"], Some(SCIM)),
            (&["application/json"], Some(JSON)),
            (&["Application/JSON; charset=utf-8"], Some(JSON)),
            (&["application/scim+json, application/json"], Some(SCIM)),
            (&["application/json", "application/scim+json"], Some(SCIM)),
            (
                &["application/scim+json;q=0.5, application/json"],
                Some(JSON),
            ),
            (&["application/json, */*;q=0.1"], Some(JSON)),
            (&["text/html, */*;q=0.8"], Some(SCIM)),
            (&["application/scim+json;q=0, */*"], Some(JSON)),
            (&["text/html"], None),
            (&["application/xml, application/json;q=0"], None),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(ACCEPT, HeaderValue::from_static(value));
            }
            assert_eq!(of(&headers), expected, "{values:?}");
        }
    }
}
