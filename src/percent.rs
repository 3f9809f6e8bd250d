//! Undoes percent-encoding. Pure.

/// Undoes percent-encoding once. A percent sign that encodes nothing stands for itself.
pub(crate) fn decoded(value: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((first, behind)) = rest.split_first() {
        let encoded = match (first, behind) {
            (b'%', [high, low, ..]) => byte(*high, *low),
            (_, _) => None,
        };
        decoded.push(encoded.unwrap_or(*first));
        rest = match encoded {
            Some(_) => behind.get(2..).unwrap_or_default(),
            None => behind,
        };
    }
    decoded
}

/// Returns the byte of two hexadecimal digits.
pub(crate) fn byte(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_encodes_nothing_stands_for_itself() {
        for (text, expected) in [
            ("p%23s%2Fw%2541", "p#s/w%41"),
            ("%zz%4", "%zz%4"),
            ("%", "%"),
        ] {
            assert_eq!(decoded(text.as_bytes()), expected.as_bytes(), "{text}");
        }
    }
}
