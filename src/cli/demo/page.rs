//! Shows the demo: on a full screen, or line by line.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::cli::style::Colour;
use crate::clock::Clock;
use crate::lock::lock;
use crate::model::{Kind, Run, Thousands};

use super::board::{Board, Ink, Person, STORIES, Span};
use super::screen::{Screen, painted};
use super::stage::Stage;

/// How often the screen is drawn at most while the first sync reports its progress.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// Whether the terminal may be drawn on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// A full screen if standard output is a terminal.
    Screen,
    /// Lines, whatever standard output is.
    Plain,
}

/// What the demo shows.
pub(super) struct Page {
    clock: Clock,
    shown: Mutex<Shown>,
}

struct Shown {
    board: Board,
    view: View,
    drawn: Option<Instant>,
}

enum View {
    Screen(Screen),
    Lines(Colour),
}

impl Page {
    pub(super) fn open(look: Look, clock: Clock) -> Self {
        let screen = match look {
            Look::Screen => Screen::enter(),
            Look::Plain => None,
        };
        let view = match screen {
            Some(screen) => View::Screen(screen),
            None => View::Lines(Colour::of(&io::stdout())),
        };
        let shown = Shown {
            board: Board::default(),
            view,
            drawn: None,
        };
        Self {
            clock,
            shown: Mutex::new(shown),
        }
    }

    /// Redraws the screen after its size has changed.
    pub(super) fn redraw(&self) {
        self.shown().draw();
    }

    /// Restores the terminal.
    pub(super) fn close(&self) {
        let mut shown = self.shown();
        if let View::Screen(_) = shown.view {
            shown.view = View::Lines(Colour::of(&io::stdout()));
        }
    }

    pub(super) fn introduce(&self, stage: &Stage) -> io::Result<()> {
        let (tenant, directory) = (&stage.tenant, stage.tenant.directory());
        let mut shown = self.shown();
        shown.board.tenant = format!("{}, an emulated Qlik tenant", tenant.name());
        shown.board.caption.clear();
        shown.board.caption.push_str(
            "qlik-roster reads who is in a Qlik Cloud tenant and what they may \
                               do, keeps it, and tells webhooks of every change.",
        );
        shown.board.receiver = Some(Span(Ink::Good, "up, verifies every signature".to_owned()));
        shown.draw();
        let View::Lines(colour) = shown.view else {
            return Ok(());
        };
        let mut out = io::stdout().lock();
        let bold = |text: &str| painted(&Span(Ink::Bold, text.to_owned()), colour);
        writeln!(out, "\n{}   (Ctrl-C ends it)\n", bold("qlik-roster demo"))?;
        writeln!(
            out,
            "  tenant    {} in {}, emulated at {}: {} users, {} groups, {} roles\n  daemon    \
             the real one, with its store in a temporary folder; asked to sync after each change\n  \
             receiver  takes signed webhooks and verifies each with the crate standardwebhooks",
            tenant.name(),
            tenant.region(),
            tenant.url(),
            Thousands(directory.n_users() as u64),
            directory.groups().len() + directory.system_groups().len(),
            directory.roles().len(),
        )?;
        if !stage.limited {
            writeln!(
                out,
                "  limits    off on both sides: a tenant of this size takes minutes under Qlik's"
            )?;
        }
        writeln!(out)
    }

    /// Shows the progress of the first sync. Later syncs are part of a story, which says more.
    pub(super) fn load(&self, progress: &str) {
        let mut shown = self.shown();
        let is_first = shown.board.story == 0;
        let is_due = shown.drawn.is_none_or(|at| at.elapsed() >= DRAW_EVERY);
        if is_first && is_due && matches!(shown.view, View::Screen(_)) {
            shown.board.alert = Some((Ink::Plain, format!("The first sync: {progress}")));
            shown.draw();
        }
    }

    pub(super) fn first_sync(&self, run: &Run) -> io::Result<()> {
        let seen = |kind| run.counts.get(&kind).map_or(0, |counts| counts.seen);
        let took = run.ended_at.unwrap_or(run.started_at).since(run.started_at);
        let text = format!(
            "{} users, {} groups and {} roles read in {:.1} s; nobody is told who was there before",
            Thousands(seen(Kind::User)),
            Thousands(seen(Kind::Group)),
            Thousands(seen(Kind::Role)),
            took.as_secs_f64()
        );
        self.say(Ink::Good, "first sync", &text)?;
        let mut shown = self.shown();
        shown.board.n_people = seen(Kind::User);
        shown.board.alert = Some((Ink::Good, text));
        shown.draw();
        Ok(())
    }

    /// Begins a story, or everyday life after the last one.
    pub(super) fn story(&self, number: usize) -> io::Result<()> {
        let mut shown = self.shown();
        shown.board.story = number;
        shown.board.people.clear();
        shown.board.alert = None;
        shown.draw();
        let View::Lines(colour) = shown.view else {
            return Ok(());
        };
        let name = match number.checked_sub(1).and_then(|at| STORIES.get(at)) {
            Some(name) => format!("{number} {name}"),
            None => "Everyday life".to_owned(),
        };
        let name = painted(&Span(Ink::Bold, name), colour);
        writeln!(io::stdout().lock(), "\n  {name}")
    }

    /// Shows what is happening.
    pub(super) fn caption(&self, text: &str) -> io::Result<()> {
        let mut shown = self.shown();
        text.clone_into(&mut shown.board.caption);
        shown.draw();
        match shown.view {
            View::Screen(_) => Ok(()),
            View::Lines(_) => writeln!(io::stdout().lock(), "\n  {text}"),
        }
    }

    /// Shows the users that the story is about, and how many there are.
    pub(super) fn people(&self, people: Vec<Person>, n_people: u64) {
        let mut shown = self.shown();
        shown.board.people = people;
        shown.board.n_people = n_people;
        shown.draw();
    }

    pub(super) fn change(&self, text: &str) -> io::Result<()> {
        let line = vec![
            Span(Ink::Dim, format!("  {}  ", self.time())),
            Span(Ink::Plain, text.to_owned()),
        ];
        let mut shown = self.shown();
        shown.board.add_change(line);
        shown.draw();
        drop(shown);
        self.say(Ink::Bold, "in Qlik", text)
    }

    /// Shows what the receiver got: `about` is the type and how long delivery took.
    pub(super) fn delivery(&self, ink: Ink, about: &str, text: &str) -> io::Result<()> {
        let mark = match ink {
            Ink::Bad | Ink::Alert => "✗",
            Ink::Plain | Ink::Bold | Ink::Dim | Ink::Good => "✓",
        };
        let line = vec![
            Span(ink, format!("  {mark} ")),
            Span(Ink::Dim, format!("{about}  ")),
            Span(Ink::Plain, text.to_owned()),
        ];
        let mut shown = self.shown();
        shown.board.add_delivery(line);
        shown.draw();
        drop(shown);
        self.say(ink, "delivered", &format!("{about}  {text}"))
    }

    /// Counts what the receiver has accepted.
    pub(super) fn delivered(&self, n_events: u64) {
        let mut shown = self.shown();
        shown.board.n_delivered = n_events;
        shown.draw();
    }

    /// Shows something that stands out.
    pub(super) fn alert(&self, ink: Ink, what: &str, text: &str) -> io::Result<()> {
        let mut shown = self.shown();
        shown.board.alert = Some((ink, text.to_owned()));
        shown.draw();
        drop(shown);
        self.say(ink, what, text)
    }

    pub(super) fn receiver(&self, ink: Ink, text: &str) {
        let mut shown = self.shown();
        shown.board.receiver = Some(Span(ink, text.to_owned()));
        shown.draw();
    }

    /// Prints a line in line mode: when, what, and a sentence.
    fn say(&self, ink: Ink, what: &str, text: &str) -> io::Result<()> {
        let View::Lines(colour) = self.shown().view else {
            return Ok(());
        };
        let time = painted(&Span(Ink::Dim, self.time()), colour);
        let what = painted(&Span(ink, format!("{what:<10}")), colour);
        writeln!(io::stdout().lock(), "  {time}  {what}  {text}")
    }

    fn time(&self) -> String {
        let now = self.clock.now().to_string();
        now.get(11..19).unwrap_or_default().to_owned()
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        lock(&self.shown)
    }
}

impl Shown {
    fn draw(&mut self) {
        if let View::Screen(screen) = &self.view {
            screen.draw(&self.board);
            self.drawn = Some(Instant::now());
        }
    }
}
