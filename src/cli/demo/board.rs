//! What the demo's screen shows, and its layout at any size. Pure.

use std::collections::VecDeque;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::model::Thousands;

/// How many lines of a pane are kept: more than the largest screen shows.
const KEPT: usize = 100;

/// Lines outside the panes: title, stories, caption, alert, footer, and the lines between them.
const FIXED: usize = 11;

/// How many people are shown at most.
const MAX_PEOPLE: usize = 6;

/// The stories that are told.
pub(super) const STORIES: [&str; 3] = [
    "A leaver keeps TenantAdmin",
    "A mass deletion is held",
    "A receiver dies",
];

/// How a text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    Plain,
    Bold,
    Dim,
    Good,
    /// Something that needs an operator.
    Alert,
    /// Something that failed or is dangerous.
    Bad,
}

/// A text with its ink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span(pub(super) Ink, pub(super) String);

/// A line of the screen.
pub(super) type Line = Vec<Span>;

/// A user as qlik-roster knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) status: String,
    pub(super) detail: String,
    pub(super) ink: Ink,
}

/// What the screen shows.
#[derive(Debug, Clone, Default)]
pub(super) struct Board {
    /// The tenant, and how many users it has.
    pub(super) tenant: String,
    pub(super) n_people: u64,
    /// Which story is told, from 1 on; 0 before the first, and one more than the last for everyday
    /// life.
    pub(super) story: usize,
    /// What is happening, in a sentence or two.
    pub(super) caption: String,
    pub(super) people: Vec<Person>,
    pub(super) n_changes: u64,
    pub(super) changes: VecDeque<Line>,
    pub(super) n_delivered: u64,
    pub(super) deliveries: VecDeque<Line>,
    /// What stands out.
    pub(super) alert: Option<(Ink, String)>,
    /// The state of the receiver.
    pub(super) receiver: Option<Span>,
}

impl Board {
    pub(super) fn add_change(&mut self, line: Line) {
        self.n_changes += 1;
        push(&mut self.changes, line);
    }

    pub(super) fn add_delivery(&mut self, line: Line) {
        push(&mut self.deliveries, line);
    }

    /// Lays everything out to fit the screen: no line is too wide, and there are not too many
    /// lines.
    pub(super) fn render(&self, columns: usize, rows: usize) -> Vec<Line> {
        let free = rows.saturating_sub(FIXED);
        let n_people = (free / 3).clamp(1, MAX_PEOPLE);
        let rest = free.saturating_sub(n_people).max(2);
        let (n_changes, n_deliveries) = (rest / 2, rest - rest / 2);
        let mut lines = vec![self.title(columns), self.stories(columns)];
        lines.extend(block(Ink::Bold, &self.caption, columns));
        lines.push(heading(
            "People, as qlik-roster knows them",
            &Thousands(self.n_people).to_string(),
            columns,
        ));
        lines.extend(pane(self.people.iter().map(person), n_people));
        lines.push(heading(
            "What changed there",
            &Thousands(self.n_changes).to_string(),
            columns,
        ));
        lines.extend(last(&self.changes, n_changes));
        let verified = match self.n_delivered {
            0 => "none yet".to_owned(),
            n => format!("{}, each verified", Thousands(n)),
        };
        lines.push(heading("What was delivered", &verified, columns));
        lines.extend(last(&self.deliveries, n_deliveries));
        lines.push(heading("", "", columns));
        let (ink, alert) = match &self.alert {
            Some((ink, text)) => (*ink, text.as_str()),
            None => (Ink::Plain, ""),
        };
        lines.extend(block(ink, alert, columns));
        lines.push(self.foot());
        lines.truncate(rows);
        lines.into_iter().map(|line| clip(line, columns)).collect()
    }

    fn title(&self, columns: usize) -> Line {
        let left = " qlik-roster demo";
        let right = format!("{} ", self.tenant);
        let gap = columns.saturating_sub(left.width() + right.width()).max(2);
        vec![
            Span(Ink::Bold, left.to_owned()),
            Span(Ink::Dim, format!("{}{right}", " ".repeat(gap))),
        ]
    }

    /// Writes the stories in a row: past, current and future. If they do not fit, only the current
    /// one shows its name.
    fn stories(&self, columns: usize) -> Line {
        let names = STORIES.iter().map(|name| name.width() + 5).sum::<usize>();
        let mut line = Vec::new();
        for (number, name) in (1..).zip(STORIES) {
            let is_told = number == self.story;
            let (ink, mark) = match number {
                number if number < self.story => (Ink::Good, '✓'),
                _ if is_told => (Ink::Bold, '▶'),
                _ => (Ink::Dim, '·'),
            };
            let text = match is_told || names <= columns {
                true => format!(" {mark} {number} {name}"),
                false => format!(" {mark} {number}"),
            };
            line.push(Span(ink, text));
        }
        if self.story > STORIES.len() {
            line.push(Span(Ink::Bold, " ▶ everyday life".to_owned()));
        }
        line
    }

    fn foot(&self) -> Line {
        let mut line = vec![Span(Ink::Dim, " receiver ".to_owned())];
        line.extend(self.receiver.clone());
        line.push(Span(Ink::Dim, " · Ctrl-C ends".to_owned()));
        line
    }
}

fn push(lines: &mut VecDeque<Line>, line: Line) {
    if lines.len() == KEPT {
        lines.pop_front();
    }
    lines.push_back(line);
}

fn person(person: &Person) -> Line {
    let name = clip(vec![Span(Ink::Plain, person.name.clone())], 26);
    let pad = 26usize.saturating_sub(width(&name));
    let mut line = vec![Span(person.ink, "  ".to_owned())];
    line.extend(name.into_iter().map(|Span(_, text)| Span(person.ink, text)));
    let status = format!("{}{:<10}  ", " ".repeat(pad + 2), person.status);
    line.push(Span(person.ink, format!("{status}{} ", person.detail)));
    line
}

fn heading(left: &str, right: &str, columns: usize) -> Line {
    let left = match left {
        "" => "─".to_owned(),
        left => format!("── {left} "),
    };
    let right = match right {
        "" => "─".to_owned(),
        right => format!(" {right} ──"),
    };
    let rule = columns.saturating_sub(left.width() + right.width());
    vec![Span(Ink::Dim, format!("{left}{}{right}", "─".repeat(rule)))]
}

/// Lays a text out in two lines, however long it is.
fn block(ink: Ink, text: &str, columns: usize) -> [Line; 2] {
    let mut lines = wrap(text, columns.saturating_sub(2)).into_iter();
    let first = lines.next().unwrap_or_default();
    let rest: Vec<_> = lines.collect();
    [first, rest.join(" ")].map(|line| match line.is_empty() {
        true => Vec::new(),
        // We add a blank on both sides: without it, a coloured background looks cut off.
        false => vec![Span(ink, format!(" {line} "))],
    })
}

/// Wraps a text between words; a word that is too long stays whole.
pub(super) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

fn pane(lines: impl Iterator<Item = Line>, rows: usize) -> Vec<Line> {
    let mut lines: Vec<_> = lines.take(rows).collect();
    lines.resize(rows, Vec::new());
    lines
}

fn last(lines: &VecDeque<Line>, rows: usize) -> Vec<Line> {
    let skipped = lines.len().saturating_sub(rows);
    pane(lines.iter().skip(skipped).cloned(), rows)
}

fn width(line: &Line) -> usize {
    line.iter().map(|Span(_, text)| text.width()).sum()
}

/// Cuts a line to a width, with an ellipsis if something is lost. Removes what a terminal would
/// take for a control sequence.
fn clip(line: Line, columns: usize) -> Line {
    let is_cut = width(&line) > columns;
    let mut left = columns.saturating_sub(usize::from(is_cut));
    let mut clipped = Vec::new();
    for Span(ink, text) in line {
        let mut kept = String::new();
        let mut is_full = false;
        for character in text.chars() {
            let Some(width) = character.width() else {
                continue;
            };
            is_full = width > left;
            if is_full {
                break;
            }
            left -= width;
            kept.push(character);
        }
        if is_full {
            kept.push('…');
        }
        clipped.push(Span(ink, kept));
        if is_full {
            break;
        }
    }
    clipped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board() -> Board {
        let mut board = Board {
            tenant: "Acme, 501 people".to_owned(),
            n_people: 1_234_501,
            story: 2,
            caption: "Sixty people vanish from the tenant at once, and nobody knows why. \
                      qlik-roster asks before it believes that."
                .to_owned(),
            people: vec![Person {
                name: "Ştefan Wiśniewska 財務部財務部財務部".to_owned(),
                status: "disabled".to_owned(),
                detail: "TenantAdmin".to_owned(),
                ink: Ink::Bad,
            }],
            alert: Some((Ink::Alert, "plan-1 waits".to_owned())),
            receiver: Some(Span(Ink::Good, "up".to_owned())),
            ..Board::default()
        };
        for number in 0..200 {
            board.add_change(vec![Span(Ink::Plain, format!("change {number}"))]);
            board.add_delivery(vec![Span(
                Ink::Good,
                format!("delivery {number} {}", "x".repeat(90)),
            )]);
        }
        board
    }

    fn text(line: &Line) -> String {
        line.iter().map(|Span(_, text)| text.as_str()).collect()
    }

    #[test]
    fn everything_has_its_place_at_any_size() {
        let board = board();
        for (columns, rows) in [(80, 24), (120, 40), (200, 60), (60, 16), (20, 8), (1, 1)] {
            let lines = board.render(columns, rows);

            assert!(lines.len() <= rows, "{columns}x{rows}");
            for line in &lines {
                assert!(width(line) <= columns, "{columns}x{rows}: {}", text(line));
            }
        }
        for (columns, rows) in [(80, 24), (120, 40), (60, 16)] {
            let lines = board.render(columns, rows);
            let shown: Vec<_> = lines.iter().map(text).collect();

            assert_eq!(lines.len(), rows, "{shown:#?}");
            for what in [
                "A mass deletion is held",
                "Sixty people vanish",
                "1,234,501",
                "Ştefan",
                "change 199",
                "delivery 199",
                "plan-1 waits",
                "receiver up",
            ] {
                assert!(
                    shown.iter().any(|line| line.contains(what)),
                    "{what}: {shown:#?}"
                );
            }
        }
    }

    #[test]
    fn a_line_that_is_too_long_ends_in_an_ellipsis_and_orders_nothing() {
        let line = vec![
            Span(Ink::Bold, "財務".to_owned()),
            Span(Ink::Plain, "\u{1b}[2Jabc".to_owned()),
        ];

        assert_eq!(text(&clip(line.clone(), 100)), "財務[2Jabc");
        assert_eq!(text(&clip(line.clone(), 6)), "財務[…");
        assert_eq!(text(&clip(line, 3)), "財…");
    }
}
