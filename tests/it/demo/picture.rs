//! The picture in README: made from the demo's own screen, and compared with it.
//!
//! `QLIK_ROSTER_PICTURE=1 cargo test --test it picture` makes it again.

use std::fmt::Write;
use std::path::PathBuf;

use crate::support::Terminal;

const SIZE: (u16, u16) = (100, 26);

/// Width and height of a character, and what is left free around the screen.
const CELL: (f64, f64) = (8.4, 18.0);
const MARGIN: (f64, f64) = (18.0, 52.0);

/// How long each screen is shown, in seconds.
const SHOWN_FOR: usize = 5;

/// The texts that make a screen worth a picture.
const MOMENTS: [&str; 3] = [
    "access.disabled-admin",
    "Nobody was told; all else went on.",
    "4 events are kept on disk",
];

/// The pane whose lines come in any order.
const DELIVERED: &str = "What was delivered";

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/demo.svg")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_picture_in_the_readme_is_of_this_demo() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::run(folder.path(), SIZE, &super::QUICK);
    assert_eq!(terminal.end().await, 0, "{}", terminal.screen());
    let screens = terminal.screens();
    let moments = MOMENTS.map(|moment| {
        let mut screens = screens.iter();
        let found = screens.find(|screen| screen.contents().contains(moment));
        found.unwrap_or_else(|| panic!("no screen shows {moment}"))
    });

    if std::env::var_os("QLIK_ROSTER_PICTURE").is_some() {
        std::fs::write(file(), draw(&moments)).unwrap();
    }

    let picture = std::fs::read_to_string(file()).unwrap();
    let shown = texts(&picture);
    let expected = texts(&draw(&moments));
    assert_eq!(
        essence(&shown),
        essence(&expected),
        "the picture is not of this demo any more; generate it again, as CONTRIBUTING.md says"
    );
}

/// Draws the screens, one after the other.
fn draw(screens: &[&vt100::Screen]) -> String {
    let (columns, rows) = SIZE;
    let width = f64::from(columns) * CELL.0 + 2.0 * MARGIN.0;
    let height = f64::from(rows) * CELL.1 + MARGIN.1 + 18.0;
    let n_screens = screens.len();
    let (whole, each) = (n_screens * SHOWN_FOR, 100.0 / n_screens as f64);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         width=\"{width:.0}\" font-family=\"ui-monospace,SFMono-Regular,Menlo,Consolas,\
         'DejaVu Sans Mono',monospace\" font-size=\"14\">\n<title>qlik-roster demo</title>\n\
         <style>.s{{animation:s {whole}s steps(1) infinite;opacity:0}}.s:first-of-type{{opacity:1}}\
         @keyframes s{{0%{{opacity:1}}{each:.2}%{{opacity:0}}100%{{opacity:0}}}}</style>\n\
         <rect width=\"{width:.0}\" height=\"{height:.0}\" rx=\"10\" fill=\"#0d1117\"/>\n"
    );
    for (n, colour) in ["#ff5f56", "#ffbd2e", "#27c93f"].into_iter().enumerate() {
        let x = 24 + 20 * n;
        writeln!(
            svg,
            "<circle cx=\"{x}\" cy=\"20\" r=\"6\" fill=\"{colour}\"/>"
        )
        .unwrap();
    }
    for (n, screen) in screens.iter().enumerate() {
        let delay = n * SHOWN_FOR;
        writeln!(svg, "<g class=\"s\" style=\"animation-delay:{delay}s\">").unwrap();
        for row in 0..rows {
            draw_row(&mut svg, screen, row);
        }
        svg.push_str("</g>\n");
    }
    svg + "</svg>\n"
}

/// How a run of characters looks.
#[derive(Clone, Copy, PartialEq)]
struct Look {
    fill: &'static str,
    ground: Option<&'static str>,
    is_bold: bool,
}

fn look(cell: &vt100::Cell) -> Look {
    let ground = match cell.bgcolor() {
        vt100::Color::Idx(1) => Some("#b62324"),
        vt100::Color::Idx(3) => Some("#d29922"),
        _ => None,
    };
    let fill = match (cell.fgcolor(), cell.dim()) {
        (vt100::Color::Idx(2), _) => "#7ee787",
        (vt100::Color::Idx(0), _) => "#0d1117",
        (vt100::Color::Idx(15), _) => "#ffffff",
        (_, true) => "#8b949e",
        (_, false) => "#c9d1d9",
    };
    Look {
        fill,
        ground,
        is_bold: cell.bold(),
    }
}

fn draw_row(svg: &mut String, screen: &vt100::Screen, row: u16) {
    let mut runs: Vec<(u16, u16, Look, String)> = Vec::new();
    for column in 0..SIZE.0 {
        let Some(cell) = screen.cell(row, column) else {
            continue;
        };
        if cell.is_wide_continuation() {
            if let Some(run) = runs.last_mut() {
                run.1 += 1;
            }
            continue;
        }
        let text = match cell.contents() {
            "" => " ",
            text => text,
        };
        let look = look(cell);
        match runs.last_mut() {
            Some(run) if run.2 == look => {
                run.1 += 1;
                run.3.push_str(text);
            }
            _ => runs.push((column, 1, look, text.to_owned())),
        }
    }
    let at = |column: u16| MARGIN.0 + f64::from(column) * CELL.0;
    let y = MARGIN.1 + f64::from(row) * CELL.1;
    for (column, n_columns, look, _) in &runs {
        if let Some(ground) = look.ground {
            let (x, width) = (at(*column), f64::from(*n_columns) * CELL.0);
            let (top, height) = (y - 13.5, CELL.1);
            writeln!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height}\" \
                 fill=\"{ground}\"/>"
            )
            .unwrap();
        }
    }
    write!(svg, "<text y=\"{y:.1}\" xml:space=\"preserve\">").unwrap();
    for (column, n_columns, look, text) in &runs {
        let (x, width) = (at(*column), f64::from(*n_columns) * CELL.0);
        let weight = match look.is_bold {
            true => " font-weight=\"bold\"",
            false => "",
        };
        let text = text
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
        write!(
            svg,
            "<tspan x=\"{x:.1}\" textLength=\"{width:.1}\" fill=\"{}\"{weight}>{text}</tspan>",
            look.fill
        )
        .unwrap();
    }
    svg.push_str("</text>\n");
}

/// Returns the lines of a picture's screens.
fn texts(svg: &str) -> Vec<String> {
    let lines = svg.lines().filter(|line| line.starts_with("<text "));
    lines
        .map(|line| {
            let mut text = String::new();
            let mut is_tag = false;
            for character in line.chars() {
                match character {
                    '<' => is_tag = true,
                    '>' => is_tag = false,
                    character if !is_tag => text.push(character),
                    _ => {}
                }
            }
            text.trim_end().to_owned()
        })
        .collect()
}

/// Leaves out what differs each time: the time of day, and which deliveries came first.
fn essence(lines: &[String]) -> Vec<String> {
    let mut is_delivered = false;
    let mut kept = Vec::new();
    for line in lines {
        is_delivered = match line.contains('─') {
            true => line.contains(DELIVERED),
            false => is_delivered,
        };
        if !is_delivered || line.contains('─') {
            let mut parts = line.split_whitespace().filter(|word| !is_time(word));
            kept.extend(
                parts
                    .next()
                    .map(|first| parts.fold(first.to_owned(), |line, word| line + " " + word)),
            );
        }
    }
    kept
}

fn is_time(word: &str) -> bool {
    word.len() == 8
        && word
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b':')
}
