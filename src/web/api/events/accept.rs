//! Whether a program wants pages or a stream, as its header `Accept` says.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;

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
    let values = headers.get_all(ACCEPT).iter();
    for range in values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
    {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default().to_ascii_lowercase();
        let quality = parts.find_map(quality).unwrap_or(1_000);
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

/// Reads `q=0.5` as thousandths; `None` if the parameter is another one.
fn quality(parameter: &str) -> Option<u32> {
    let (name, value) = parameter.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("q") {
        return None;
    }
    let (whole, digits) = value.trim().split_once('.').unwrap_or((value.trim(), ""));
    let digits: String = digits.chars().chain("000".chars()).take(3).collect();
    let (whole, digits): (u32, u32) = (whole.parse().ok()?, digits.parse().ok()?);
    Some((whole.min(1) * 1_000 + digits).min(1_000))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

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
