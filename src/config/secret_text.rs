//! Reads a secret from a file or a variable: removes what editors and shells put around it, and
//! reports what cannot be part of it.

use super::Fault;
use crate::secret::Secret;

/// What a secret looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Letters, digits and punctuation in ASCII, as services and programs generate them.
    Token,
    /// One line that a person may have chosen.
    Line,
    /// One line, of which only the line break is removed.
    Password,
    /// Several lines.
    Pem,
}

impl Form {
    /// Returns the form of the secret that has this key in the configuration.
    pub(super) fn of(key: &str) -> Self {
        match key {
            "private_key" | "client_key" | "set_key" | "key" => Self::Pem,
            "webhook_secret" | "hash_key" | "headers" => Self::Line,
            "proxy_password" => Self::Password,
            _ => Self::Token,
        }
    }
}

/// Reads the content of a file or variable. `place` names it in messages, which never contain any
/// part of the secret.
pub(super) fn read(form: Form, place: &str, bytes: &[u8]) -> Result<Secret, Fault> {
    let unusable = |what: String, remedy: &str| Fault::UnusableSecret {
        detail: format!("{place} {what}"),
        remedy: remedy.to_owned(),
    };
    // UTF-16 without a byte order mark: every other byte of such a text is 0.
    let is_utf_16 = matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..])
        || bytes.len() > 3 && bytes.contains(&0) && bytes.len().is_multiple_of(2);
    if is_utf_16 {
        return Err(unusable(
            "is UTF-16, as some editors and shells on Windows write".to_owned(),
            "save it as UTF-8 without BOM; in PowerShell: `Set-Content -Encoding ascii`",
        ));
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(unusable(
            "is not UTF-8 text".to_owned(),
            "write only the secret into it, as text",
        ));
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let secret = match form {
        Form::Password => Secret::exactly(line_without_end(text)),
        Form::Token | Form::Line | Form::Pem => Secret::new(text),
    };
    if secret.is_empty() {
        return Err(Fault::SecretMissing {
            detail: format!("{place} is empty"),
            remedy: "write the secret into it".to_owned(),
        });
    }
    match misfit(form, secret.expose()) {
        None => Ok(secret),
        Some((what, remedy)) => Err(unusable(what, remedy)),
    }
}

fn line_without_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

/// Finds what cannot be part of a secret of that form.
fn misfit(form: Form, text: &str) -> Option<(String, &'static str)> {
    if form == Form::Pem {
        return None;
    }
    let n_lines = text.lines().count();
    if n_lines > 1 || text.contains(['\n', '\r']) {
        return Some((
            format!("has {n_lines} lines, but a secret has one"),
            "write only the secret into it, on one line",
        ));
    }
    let is_quoted = |quote: [char; 2]| {
        let inner = text.strip_prefix(quote[0]);
        inner.is_some_and(|inner| inner.ends_with(quote[1]))
    };
    let quotes = [['"', '"'], ['\'', '\''], ['`', '`'], ['“', '”']];
    if form != Form::Password && quotes.into_iter().any(is_quoted) {
        return Some((
            "is in quotation marks, which would be sent as well".to_owned(),
            "take the quotation marks off (`docker run --env-file` does not do that)",
        ));
    }
    let strange = text.chars().enumerate().find_map(|(at, c)| {
        let what = strange(form, c)?;
        Some(format!(
            "has {what} (U+{:04X}) at position {}",
            u32::from(c),
            at + 1
        ))
    });
    strange.map(|what| {
        (
            what,
            "copy the secret again, as text, from where it was made",
        )
    })
}

/// Names a character that cannot be part of a secret; `None` for one that can.
fn strange(form: Form, c: char) -> Option<&'static str> {
    match c {
        '\u{a0}' | '\u{202f}' | '\u{2007}' => Some("a no-break space"),
        '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{ad}' | '\u{202a}'..='\u{202e}' => {
            Some("an invisible character")
        }
        c if c.is_control() => Some("a control character"),
        ' ' if form == Form::Token => Some("a space"),
        '\u{2018}'..='\u{201f}' if form == Form::Token => Some("a typographic quotation mark"),
        '\u{2010}'..='\u{2015}' if form == Form::Token => Some("a dash in place of `-`"),
        c if form == Form::Token && !c.is_ascii() => Some("a letter that is not ASCII"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(form: Form, bytes: &[u8]) -> Result<String, String> {
        match read(form, "F", bytes) {
            Ok(secret) => Ok(secret.expose().to_owned()),
            Err(fault) => Err(fault.to_string()),
        }
    }

    #[test]
    fn what_was_put_around_a_secret_is_taken_off() {
        for bytes in [
            &b"s3cret"[..],
            b"s3cret\n",
            b"  s3cret\r\n\r\n",
            b"\xef\xbb\xbfs3cret\r\n",
            "s3cret\u{a0}\n".as_bytes(),
        ] {
            assert_eq!(check(Form::Token, bytes), Ok("s3cret".to_owned()));
        }
        let pem = "\u{feff}-----BEGIN\r\nAAAA\r\n-----END\r\n";
        let expected = "-----BEGIN\r\nAAAA\r\n-----END";
        assert_eq!(check(Form::Pem, pem.as_bytes()), Ok(expected.to_owned()));
    }

    #[test]
    fn a_password_is_literal() {
        for (bytes, expected) in [
            (&b"p#s/w%41\n"[..], "p#s/w%41"),
            (b" two words \r\n", " two words "),
            (b"\"quoted\"", "\"quoted\""),
            ("pässwörd".as_bytes(), "pässwörd"),
        ] {
            assert_eq!(check(Form::Password, bytes), Ok(expected.to_owned()));
        }
    }

    #[test]
    fn what_cannot_be_part_of_a_secret_is_named_and_the_secret_is_not() {
        let utf_16 = |text: &str| -> Vec<u8> {
            let units = text.encode_utf16();
            units.flat_map(u16::to_le_bytes).collect()
        };
        let written_by_windows = "F is UTF-16, as some editors and shells on Windows write";
        for (form, bytes, expected) in [
            (
                Form::Token,
                utf_16("\u{feff}s3cret\r\n"),
                written_by_windows,
            ),
            (Form::Pem, utf_16("-----BEGIN"), written_by_windows),
            (Form::Line, vec![0xff, 0x41], "F is not UTF-8 text"),
            (Form::Token, b" \n".to_vec(), "F is empty"),
            (
                Form::Token,
                b"\"s3cret\"\n".to_vec(),
                "F is in quotation marks, which would be sent as well",
            ),
            (
                Form::Line,
                "“s3cret”".into(),
                "F is in quotation marks, which would be sent as well",
            ),
            (
                Form::Token,
                b"id\ns3cret\n".to_vec(),
                "F has 2 lines, but a secret has one",
            ),
            (
                Form::Password,
                b"s3cret\n\n".to_vec(),
                "F has 1 lines, but a secret has one",
            ),
            (
                Form::Token,
                "s3\u{a0}cret".into(),
                "F has a no-break space (U+00A0) at position 3",
            ),
            (
                Form::Password,
                "s3\u{200b}cret".into(),
                "F has an invisible character (U+200B) at position 3",
            ),
            (
                Form::Token,
                b"s3 cret".to_vec(),
                "F has a space (U+0020) at position 3",
            ),
            (
                Form::Token,
                "s3–cret".into(),
                "F has a dash in place of `-` (U+2013) at position 3",
            ),
            (
                Form::Line,
                b"s3\x1bcret".to_vec(),
                "F has a control character (U+001B) at position 3",
            ),
            (
                Form::Token,
                "s3crét".into(),
                "F has a letter that is not ASCII (U+00E9) at position 5",
            ),
        ] {
            let found = check(form, &bytes).unwrap_err();

            assert_eq!(found, expected);
        }
    }
}
