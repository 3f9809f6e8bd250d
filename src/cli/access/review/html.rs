//! The evidence as a page to read and to print: one file that needs no other and runs nothing.

use std::io::{self, Write};

use crate::control::Since;
use crate::model::{Right, RoleMention};
use crate::printable;
use crate::view;

use super::super::words;
use super::evidence::Evidence;
use super::rows::{EvidenceRow, When};
use super::table::NOT_KNOWN;

/// How the page looks, on a screen and on paper.
const STYLE: &str = include_str!("page.css");

/// The columns, each with its share of the width in percent.
const COLUMNS: [(&str, u8); 11] = [
    ("User", 16),
    ("Right", 11),
    ("By which path", 15),
    ("Since", 11),
    ("Given by", 6),
    ("Usable", 7),
    ("Last session", 6),
    ("Decision", 7),
    ("Reviewer", 7),
    ("Date", 6),
    ("Remark", 8),
];

/// What a reader has to know about the columns.
const LEGEND: [&str; 9] = [
    "Rights add up: somebody holds a right as long as one of the paths remains.",
    "Since: the time when the right was found, and the run that found it; it was given at some \
     time after the run before that. \u{201c}In the audit log\u{201d}: the time is Qlik\u{2019}s. \
     \u{201c}There at the first reading\u{201d}: it was there when \
     the tenant was first read in full. \u{201c}There already\u{201d}: the time before is not on \
     record. \u{201c}As Qlik says\u{201d}, of a right in a space: when the first of the assignments \
     or shares was created that give it; its roles may have been changed later.",
    "Given by: who made the change, as Qlik\u{2019}s audit log reports; if it reports several \
     changes, one of these. Empty where that is not known.",
    "Usable: whether the account can use the right. A disabled account still holds the right and \
     can use it again once the account is enabled; an invited one can use it from its first \
     log-in.",
    "Last session: when the user last logged in, as far as Qlik\u{2019}s audit log was read; \
     \u{201c}or later\u{201d}: a part of the log was not read since then. \u{201c}None from\u{201d}: \
     nobody knows of the time since. Users who work only with API keys begin no session, and bots \
     begin none.",
    "Groups of an identity provider are as of each member's last log-in: Qlik refreshes them only \
     then.",
    "The owner of a space has every role that can be assigned there. Whoever has a share of an app \
     has no access to the rest of its space.",
    "Not included: personal spaces, which Qlik does not list, and shares that are links, which let \
     in anybody who has them; \u{201c}qlik-roster access --space SPACE\u{201d} lists links.",
    "Not included: users who do not hold a right but could assign it to their own account; \
     \u{201c}qlik-roster access --role ROLE --potential\u{201d} lists them.",
];

/// Writes what comes before the rows.
pub(super) fn head(
    out: &mut impl Write,
    evidence: &Evidence,
    csv: &str,
    sha256: &str,
) -> io::Result<()> {
    let title = format!("Access review of {}", evidence.envelope.tenant);
    let title = escaped(&title);
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta \
         http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src \
         'unsafe-inline'\">\n<meta name=\"viewport\" content=\"width=device-width, \
         initial-scale=1\">\n<meta name=\"referrer\" content=\"no-referrer\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n<dl>\n"
    )?;
    for (name, text) in evidence.about() {
        writeln!(out, "<dt>{name}</dt><dd>{}</dd>", escaped(&text))?;
    }
    writeln!(
        out,
        "<dt>Table</dt><dd>{}, SHA-256 <code>{}</code></dd>\n</dl>",
        escaped(csv),
        escaped(sha256)
    )?;
    completeness(out, evidence)?;
    list(out, "What all users hold", &evidence.everybody())?;
    writeln!(
        out,
        "<h2>Who holds what by a path of their own</h2>\n<table>\n<colgroup>"
    )?;
    for (_, width) in COLUMNS {
        write!(out, "<col style=\"width:{width}%\">")?;
    }
    write!(out, "</colgroup>\n<thead><tr>")?;
    for (name, _) in COLUMNS {
        write!(out, "<th scope=\"col\">{name}</th>")?;
    }
    writeln!(out, "</tr></thead>\n<tbody>")
}

/// Says whether the evidence is complete, and what it does not know.
fn completeness(out: &mut impl Write, evidence: &Evidence) -> io::Result<()> {
    let not_known = evidence.not_known();
    if not_known.is_empty() {
        return writeln!(
            out,
            "<h2>Completeness</h2>\n<p class=\"complete\">Complete: all users, roles and groups \
             were visible.</p>"
        );
    }
    writeln!(
        out,
        "<h2>Completeness</h2>\n<div class=\"incomplete\"><p>Not complete. What is not \
         known:</p>\n<ul>"
    )?;
    for what in not_known {
        writeln!(out, "<li>{}</li>", escaped(&what))?;
    }
    writeln!(out, "</ul></div>")
}

/// Writes a row.
pub(super) fn row(out: &mut impl Write, row: &EvidenceRow) -> io::Result<()> {
    let EvidenceRow {
        user, right, paths, ..
    } = row;
    let mut known_by = vec![user.subject.clone(), user.id.0.to_string()];
    known_by.extend(user.email.clone());
    if user.is_bot {
        known_by.push("bot".to_owned());
    }
    write!(out, "<tr><td><bdi>{}</bdi>", escaped(&user.label))?;
    for text in known_by {
        write!(out, "<small><bdi>{}</bdi></small>", escaped(&text))?;
    }
    let class = if right.role().is_some_and(RoleMention::is_admin) {
        " class=\"admin\""
    } else {
        ""
    };
    let more = match right {
        Right::Role(role) => format!("level: {}", role.level.as_deref().unwrap_or(NOT_KNOWN)),
        Right::SpaceRole { space, .. } | Right::App { space, .. } => format!("space: {}", space.id),
    };
    write!(
        out,
        "</td><td{class}><bdi>{}</bdi><small>{}</small></td><td>",
        escaped(&view::right_name(right)),
        escaped(&more)
    )?;
    for path in paths {
        write!(out, "<div>{}</div>", escaped(&view::path_in_words(path)))?;
    }
    let (day, time, basis) = since(&row.when);
    let usable = words::usable(user);
    let class = if user.barrier.is_some() {
        " class=\"no\""
    } else {
        ""
    };
    writeln!(
        out,
        "</td><td>{}<small>{}</small><small>{}</small></td><td>{}</td><td{class}>{}</td><td>{}</td>\
         <td class=\"blank\"></td><td class=\"blank\"></td><td class=\"blank\"></td>\
         <td class=\"blank\"></td></tr>",
        escaped(&day),
        escaped(&time),
        escaped(&basis),
        escaped(&words::givers(&row.given_by)),
        escaped(&usable),
        escaped(&row.seen.in_words())
    )
}

/// Returns since which day and time a user has had a right, and how we know.
fn since(when: &When) -> (String, String, String) {
    let (at, basis) = match when {
        When::Journal(Some(Since::Observed { at, run })) => (at, format!("found by {run}")),
        When::Journal(Some(Since::Audit { reported, run, .. })) => {
            (&reported.last, format!("in the audit log, found by {run}"))
        }
        When::Journal(Some(Since::BeforeFirstLoad { at })) => {
            (at, "there at the first reading".to_owned())
        }
        When::Journal(Some(Since::Before { at })) => (at, "there already".to_owned()),
        When::Source(Some(at)) => (at, "as Qlik says".to_owned()),
        When::Journal(None) | When::Source(None) => {
            return (NOT_KNOWN.to_owned(), String::new(), String::new());
        }
    };
    let at = at.to_string();
    let (day, time) = at.split_once('T').unwrap_or((&at, ""));
    let time = time.trim_end_matches('Z');
    (day.to_owned(), format!("{time} UTC"), basis)
}

/// Writes what comes after the rows.
pub(super) fn foot(out: &mut impl Write, evidence: &Evidence) -> io::Result<()> {
    if evidence.n_rows == 0 {
        let n = COLUMNS.len();
        writeln!(
            out,
            "<tr><td colspan=\"{n}\">Nobody holds these rights by a path of their own.</td></tr>"
        )?;
    }
    writeln!(out, "</tbody>\n</table>")?;
    list(out, "How to read this", &LEGEND)?;
    writeln!(
        out,
        "<div class=\"signature\"><div>Reviewed by</div><div>Date</div><div>Signature</div></div>\n\
         </body>\n</html>"
    )
}

fn list(out: &mut impl Write, title: &str, lines: &[impl AsRef<str>]) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h2>{title}</h2>\n<ul>")?;
    for line in lines {
        writeln!(out, "<li>{}</li>", escaped(line.as_ref()))?;
    }
    writeln!(out, "</ul>")
}

/// Returns a text as a page shows it: nothing in it is markup, moves the cursor or changes the
/// direction of writing.
fn escaped(text: &str) -> String {
    let text = printable::line(text);
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_markup() {
        for (text, expected) in [
            (
                "<script>alert('x')</script>",
                "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;",
            ),
            ("\" onload=\"x", "&quot; onload=&quot;x"),
            ("AT&T &lt;", "AT&amp;T &amp;lt;"),
            ("a\u{202e}b\u{0}\n", r"a\u{202e}b\u{0}\n"),
            ("Bj\u{f6}rn", "Bj\u{f6}rn"),
        ] {
            assert_eq!(escaped(text), expected);
        }
    }

    #[test]
    fn the_columns_fill_the_width() {
        let sum: u32 = COLUMNS.iter().map(|(_, width)| u32::from(*width)).sum();

        assert_eq!(sum, 100);
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
    }
}
