//! Whether a program wants pages or a stream, as its header `Accept` says.

use axum::http::HeaderMap;

use crate::web::api::accept;

/// What a program wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// JSON, page by page.
    Pages,
    /// Server-sent events.
    Stream,
}

/// Returns what a request wants. It wants a stream only if it names that type, and does not prefer
/// JSON (RFC 9110, 12.5.1).
pub(super) fn wanted(headers: &HeaderMap) -> Wanted {
    let (mut stream, mut pages) = (0, 0);
    for (media, quality) in accept::ranges(headers) {
        match &*media {
            "text/event-stream" => stream = quality,
            "application/json" | "application/*" => pages = pages.max(quality),
            _other => {}
        }
    }
    match stream > 0 && stream >= pages {
        true => Wanted::Stream,
        false => Wanted::Pages,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use axum::http::header::ACCEPT;

    use super::*;

    #[test]
    fn a_stream_is_for_those_who_name_it() {
        for (values, expected) in [
            (&[][..], Wanted::Pages),
            (&["*/*"], Wanted::Pages),
            (&["text/*"], Wanted::Pages),
            (&["application/json"], Wanted::Pages),
            (&["text/event-stream"], Wanted::Stream),
            (&["Text/Event-Stream; charset=utf-8"], Wanted::Stream),
            (&["text/event-stream, */*"], Wanted::Stream),
            (
                &["application/json;q=0.9, text/event-stream"],
                Wanted::Stream,
            ),
            (
                &["application/json", "text/event-stream;q=0.9"],
                Wanted::Pages,
            ),
            (&["application/json, text/event-stream;q=0"], Wanted::Pages),
            (&["text/event-stream;q=0"], Wanted::Pages),
            (&["text/event-stream;q=0.001"], Wanted::Stream),
        ] {
            let values = values.iter();
            let headers = values.map(|value| (ACCEPT, HeaderValue::from_static(value)));
            let mut all = HeaderMap::new();
            for (name, value) in headers {
                all.append(name, value);
            }
            assert_eq!(wanted(&all), expected, "{all:?}");
        }
    }
}
