//! Reads the header `Accept` (RFC 9110, 12.5.1).

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;

/// Returns the media ranges of a request in lower case, each with its quality in thousandths.
pub(super) fn ranges(headers: &HeaderMap) -> impl Iterator<Item = (String, u32)> {
    let values = headers.get_all(ACCEPT).iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    let ranges = texts.flat_map(|text| text.split(','));
    let ranges = ranges.filter(|range| !range.trim().is_empty());
    ranges.map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default().to_ascii_lowercase();
        (media, parts.find_map(quality).unwrap_or(1_000))
    })
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
