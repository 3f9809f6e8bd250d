//! Comma-separated values by RFC 4180, safe to open in a spreadsheet or print to a terminal.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::printable;

/// Writes a line, which ends with a line feed. Programs that need CRLF can convert it.
pub fn write(out: &mut impl Write, cells: impl Iterator<Item = impl AsRef<str>>) -> io::Result<()> {
    write_cells(out, cells)?;
    out.write_all(b"\n")
}

/// Writes a line to a file that is handed on, with the end of line that RFC 4180 prescribes.
pub fn write_to_file(
    out: &mut impl Write,
    cells: impl Iterator<Item = impl AsRef<str>>,
) -> io::Result<()> {
    write_cells(out, cells)?;
    out.write_all(b"\r\n")
}

fn write_cells(
    out: &mut impl Write,
    cells: impl Iterator<Item = impl AsRef<str>>,
) -> io::Result<()> {
    for (place, cell) in cells.enumerate() {
        if place > 0 {
            out.write_all(b",")?;
        }
        let cell = guard(cell.as_ref());
        if cell.contains(['"', ',']) {
            write!(out, "\"{}\"", cell.replace('"', "\"\""))?;
        } else {
            out.write_all(cell.as_bytes())?;
        }
    }
    Ok(())
}

/// Guards a cell that a spreadsheet would execute, by putting an apostrophe in front. The
/// apostrophe tells a spreadsheet that this is text, and a reader that the cell was escaped:
/// without the apostrophe, and with `\\`, `\n`, `\r`, `\t` and `\u{…}` decoded as in many
/// languages, it is the original. So a cell that already begins with an apostrophe gets one as
/// well.
fn guard(cell: &str) -> Cow<'_, str> {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\'', '\t', '\r']);
    match is_formula || !printable::is_plain(cell) {
        true => Cow::Owned(format!("'{}", printable::reversible(cell))),
        false => Cow::Borrowed(cell),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Undoes the guard as `docs/cli.md` describes.
    fn undone(cell: &str) -> String {
        let Some(guarded) = cell.strip_prefix('\'') else {
            return cell.to_owned();
        };
        let mut out = String::new();
        let mut rest = guarded.chars();
        while let Some(c) = rest.next() {
            match (c, c == '\\') {
                (_, true) => match rest.next().unwrap() {
                    '\\' => out.push('\\'),
                    'n' => out.push('\n'),
                    'r' => out.push('\r'),
                    't' => out.push('\t'),
                    _ => {
                        let code: String = rest.by_ref().take_while(|c| *c != '}').collect();
                        let code = code.trim_start_matches('{');
                        let code = u32::from_str_radix(code, 16).unwrap();
                        out.push(char::from_u32(code).unwrap());
                    }
                },
                (c, false) => out.push(c),
            }
        }
        out
    }

    #[test]
    fn what_would_do_something_is_guarded_and_the_rest_is_not() {
        for (cell, expected) in [
            (r"ACME\maria", r"ACME\maria"),
            ("O'Brien", "O'Brien"),
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("'t Hooft", "''t Hooft"),
            (r"-ACME\maria", r"'-ACME\\maria"),
            ("a\nb", r"'a\nb"),
            ("\u{1b}[2J", r"'\u{1b}[2J"),
        ] {
            assert_eq!(guard(cell), expected);
        }
    }

    proptest! {
        #[test]
        fn a_guard_can_be_undone(cell in any::<String>(), start in "[=+@'\\\\\t\r\n\u{1b}-]?") {
            let cell = format!("{start}{cell}");
            let guarded = guard(&cell);

            prop_assert!(printable::is_plain(&guarded));
            prop_assert!(!guarded.starts_with(['=', '+', '-', '@']));
            prop_assert_eq!(undone(&guarded), cell);
        }
    }
}
