//! Lays out a table: which columns fit, how wide each is, and where a cell is cut off.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::model::Timestamp;
use crate::printable;

use super::screen::{Screen, Times};
use super::style::{Colour, Tone};

/// The number of blanks between two columns.
const GAP: usize = 2;

/// A column: its name, and how it shrinks on a narrow screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: &'static str,
    /// Columns of the highest rank are left out first; those of rank 0 never.
    rank: u8,
    /// The width to which its cells may be cut. `None` if they are never cut.
    least: Option<usize>,
    align: Align,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Align {
    Left,
    Right,
}

impl Column {
    /// Creates a column whose cells stay whole as long as the columns of rank 0 fit.
    pub(super) const fn new(name: &'static str, rank: u8) -> Self {
        Self {
            name,
            rank,
            least: None,
            align: Align::Left,
        }
    }

    /// Allows its cells to be cut to this width.
    pub(super) const fn shrinkable(self, least: usize) -> Self {
        Self {
            least: Some(least),
            ..self
        }
    }

    /// Aligns its cells to the right, as numbers are.
    pub(super) const fn number(self) -> Self {
        Self {
            align: Align::Right,
            ..self
        }
    }

    /// Returns its name in CSV and in `--columns`.
    pub(super) fn key(&self) -> String {
        self.name.to_lowercase().replace(' ', "_")
    }
}

/// The content of a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    content: Content,
    tone: Option<Tone>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    Text(String),
    Time(Timestamp),
}

impl Cell {
    /// Returns the cell in a tone.
    pub(super) fn toned(self, tone: Option<Tone>) -> Self {
        Self { tone, ..self }
    }

    /// Returns its text unchanged, for programs.
    pub(super) fn text(&self) -> String {
        match &self.content {
            Content::Text(text) => text.clone(),
            Content::Time(time) => time.to_string(),
        }
    }

    /// Returns its text for people: on one line, without anything that a terminal acts on.
    fn shown(&self, times: Times) -> Cow<'_, str> {
        match &self.content {
            Content::Text(text) => printable::line(text),
            Content::Time(time) => times.tell(*time).into(),
        }
    }

    /// Returns its text for people where it has a line of its own.
    pub(super) fn in_full(&self, screen: &Screen) -> String {
        let text = match &self.content {
            Content::Text(text) => printable::line(text),
            Content::Time(time) => screen.times.tell_in_full(*time).into(),
        };
        match self.tone {
            Some(tone) => screen.colour.paint(tone, text).to_string(),
            None => text.into_owned(),
        }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        let content = Content::Text(text);
        Self {
            content,
            tone: None,
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        number.to_string().into()
    }
}

impl From<Timestamp> for Cell {
    fn from(time: Timestamp) -> Self {
        let content = Content::Time(time);
        Self {
            content,
            tone: None,
        }
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or_else(|| String::new().into(), Into::into)
    }
}

/// Which columns are shown, each with its width.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layout {
    shown: Vec<(usize, usize)>,
    left_out: Vec<usize>,
}

impl Layout {
    /// Lays out a table by its first rows.
    pub(super) fn of(columns: &[Column], rows: &[&[Cell]], screen: &Screen) -> Self {
        let natural: Vec<usize> = columns
            .iter()
            .enumerate()
            .map(|(place, column)| {
                let cells = rows.iter().filter_map(|row| row.get(place));
                let widths = cells.map(|cell| cell.shown(screen.times).width());
                widths.chain([column.name.width()]).max().unwrap_or(0)
            })
            .collect();
        Self::fit(columns, &natural, screen.width.unwrap_or(usize::MAX))
    }

    /// Leaves out columns until the rest fits when cut, then gives back the free space.
    fn fit(columns: &[Column], natural: &[usize], width: usize) -> Self {
        struct Fitted {
            at: usize,
            width: usize,
            natural: usize,
        }
        let mut places: Vec<Fitted> = columns
            .iter()
            .zip(natural)
            .enumerate()
            .map(|(at, (column, natural))| {
                let least = column.least.map(|least| least.max(column.name.width()));
                let width = least.map_or(*natural, |least| least.min(*natural));
                let natural = *natural;
                Fitted { at, width, natural }
            })
            .collect();
        let rank = |place: &Fitted| columns.get(place.at).map_or(0, |column| column.rank);
        let taken = |places: &[Fitted]| {
            let gaps = GAP * places.len().saturating_sub(1);
            places.iter().map(|place| place.width).sum::<usize>() + gaps
        };
        let mut left_out = Vec::new();
        while taken(&places) > width {
            // Of several columns with the same rank, the last goes first.
            let last = places.iter().enumerate();
            let last = last.max_by_key(|(_, place)| rank(place));
            let Some((index, place)) = last.filter(|(_, place)| rank(place) > 0) else {
                break;
            };
            left_out.push(place.at);
            places.remove(index);
        }
        // Only columns that must stay are left: they are cut, but not below the header.
        while taken(&places) > width {
            let header = |place: &Fitted| columns.get(place.at).map_or(0, |it| it.name.width());
            let widest = places
                .iter_mut()
                .filter(|place| place.width > header(place));
            let Some(widest) = widest.max_by_key(|place| place.width) else {
                break;
            };
            widest.width -= 1;
        }
        let mut free = width.saturating_sub(taken(&places));
        let mut wanting: Vec<&mut Fitted> = places.iter_mut().collect();
        wanting.sort_by_key(|place| place.natural - place.width);
        let mut n_left = wanting.len();
        for place in wanting {
            let given = (free / n_left).min(place.natural - place.width);
            place.width += given;
            free -= given;
            n_left -= 1;
        }
        left_out.sort_unstable();
        Self {
            shown: places.iter().map(|place| (place.at, place.width)).collect(),
            left_out,
        }
    }

    /// Returns the columns that did not fit.
    pub(super) fn left_out(&self) -> &[usize] {
        &self.left_out
    }

    /// Returns the line above the rows.
    pub(super) fn header(&self, columns: &[Column], colour: Colour) -> String {
        let cells = self.shown.iter().map(|(at, width)| {
            let column = columns.get(*at);
            let name = column.map_or("", |column| column.name);
            let align = column.map_or(Align::Left, |column| column.align);
            piece(name, *width, align, Some(Tone::Bold), colour)
        });
        join(cells)
    }

    /// Returns the line of a row, and whether anything of it was cut.
    pub(super) fn row(
        &self,
        columns: &[Column],
        row: &[Cell],
        screen: &Screen,
    ) -> (String, Shortened) {
        let mut shortened = Shortened::Nothing;
        let cells = self.shown.iter().filter_map(|(at, width)| {
            let (cell, column) = (row.get(*at)?, columns.get(*at)?);
            let text = cell.shown(screen.times);
            // Rows that come after the layout may be longer; only a screen has a limit.
            let text = match screen.width {
                Some(_) if text.width() > *width => {
                    shortened = Shortened::Something;
                    shorten(&text, *width).into()
                }
                Some(_) | None => text,
            };
            Some(piece(&text, *width, column.align, cell.tone, screen.colour))
        });
        let line = join(cells.collect::<Vec<_>>().into_iter());
        (line, shortened)
    }
}

/// Whether any cell of a row was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shortened {
    Nothing,
    Something,
}

fn piece(text: &str, width: usize, align: Align, tone: Option<Tone>, colour: Colour) -> String {
    let pad = " ".repeat(width.saturating_sub(text.width()));
    let text = match tone {
        Some(tone) if !text.is_empty() => colour.paint(tone, text).to_string(),
        Some(_) | None => text.to_owned(),
    };
    match align {
        Align::Left => text + &pad,
        Align::Right => pad + &text,
    }
}

fn join(pieces: impl Iterator<Item = String>) -> String {
    let line = pieces.collect::<Vec<_>>().join(&" ".repeat(GAP));
    line.trim_end().to_owned()
}

/// Cuts a text that is too wide, between two characters as a reader sees them.
pub(super) fn shorten(text: &str, width: usize) -> String {
    let mut out = String::new();
    let mut left = width.saturating_sub(1);
    for character in text.graphemes(true) {
        let Some(rest) = left.checked_sub(character.width()) else {
            break;
        };
        left = rest;
        out.push_str(character);
    }
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[
        Column::new("NAME", 0).shrinkable(10),
        Column::new("ID", 2),
        Column::new("N", 1).number(),
        Column::new("GROUPS", 3).shrinkable(8),
    ];

    fn screen(width: usize) -> Screen {
        Screen {
            width: Some(width),
            colour: Colour::Off,
            times: Times::Exact,
        }
    }

    fn drawn(width: usize, rows: &[[&str; 4]]) -> Vec<String> {
        let screen = screen(width);
        let rows: Vec<Vec<Cell>> = rows
            .iter()
            .map(|row| row.iter().map(|text| Cell::from(*text)).collect())
            .collect();
        let measured: Vec<_> = rows.iter().map(Vec::as_slice).collect();
        let layout = Layout::of(COLUMNS, &measured, &screen);
        let rows = rows.iter().map(|row| layout.row(COLUMNS, row, &screen).0);
        std::iter::once(layout.header(COLUMNS, Colour::Off))
            .chain(rows)
            .collect()
    }

    #[test]
    fn columns_go_by_rank_and_cells_are_cut() {
        let row = [
            "Maximiliane Oberhuber",
            "60d5ca1b2f8a4c0012345678",
            "7",
            "Finance, Sales, Everyone",
        ];

        assert_eq!(
            drawn(80, &[row]),
            [
                "NAME                   ID                        N  GROUPS",
                "Maximiliane Oberhuber  60d5ca1b2f8a4c0012345678  7  Finance, Sales, Everyone",
            ]
        );
        assert_eq!(
            drawn(60, &[row])[1],
            "Maximiliane Ob…  60d5ca1b2f8a4c0012345678  7  Finance, Sale…"
        );
        assert_eq!(
            drawn(45, &[row])[1],
            "Maximiliane Obe…  60d5ca1b2f8a4c0012345678  7"
        );
        assert_eq!(drawn(30, &[row])[1], "Maximiliane Oberhuber  7");
        assert_eq!(drawn(12, &[row]), ["NAME", "Maximiliane…"]);
    }

    #[test]
    fn widths_are_what_a_terminal_shows() {
        for (text, width) in [
            ("山田太郎山田太郎山田太郎", 12),
            ("👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧", 12),
            (
                "e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}",
                12,
            ),
            ("\u{1b}[2J\u{1b}[2J\u{1b}[2J", 12),
        ] {
            let cell = Cell::from(text);
            let shown = cell.shown(Times::Exact);

            let cut = shorten(&shown, width);

            assert!(cut.width() <= width, "{cut}");
            assert!(cut.width() >= width - 1, "{cut}");
            assert!(cut.ends_with('…') && printable::is_plain(&cut));
        }
    }

    #[test]
    fn colour_takes_no_width() {
        let mut screen = screen(40);
        screen.colour = Colour::On;
        let row = vec![
            Cell::from("failing").toned(Some(Tone::Bad)),
            "x".into(),
            1.into(),
            "".into(),
        ];
        let layout = Layout::of(COLUMNS, &[row.as_slice()], &screen);

        let (line, _) = layout.row(COLUMNS, &row, &screen);

        assert_eq!(line, "\u{1b}[31mfailing\u{1b}[0m  x   1");
    }
}
