//! A line on a terminal that shows how far a long run is.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::sync::{Observer, Progress};

/// How often the line is drawn at the most.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// The line. On anything but a terminal it stays silent.
#[derive(Debug, Clone, Default)]
pub(super) struct Ticker(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    drawn: Option<Instant>,
    muted: bool,
}

impl Ticker {
    /// Returns an observer that draws what it hears.
    pub(super) fn observer(&self) -> Observer {
        let ticker = self.clone();
        Observer::new(move |progress| ticker.show(progress))
    }

    /// Wipes the line, so that other text can follow.
    pub(super) fn clear(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.drawn.take().is_some() {
            draw("");
        }
    }

    /// Wipes the line and stays silent from now on.
    pub(super) fn mute(&self) {
        self.clear();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).muted = true;
    }

    fn show(&self, progress: Progress) {
        let text = match progress {
            Progress::Read {
                kind,
                seen,
                total: Some(total),
            } => {
                let share = seen * 100 / total.max(1);
                format!("reading {}: {seen} of {total} ({share} %)", kind.plural())
            }
            Progress::Read {
                kind,
                seen,
                total: None,
            } => {
                format!("reading {}: {seen}", kind.plural())
            }
            Progress::Confirming { missing } => format!("asking for {missing} missing records"),
            Progress::Committed => return self.clear(),
        };
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = state
            .drawn
            .is_none_or(|drawn| drawn.elapsed() >= DRAW_EVERY);
        if due && !state.muted && io::stderr().is_terminal() {
            draw(&text);
            state.drawn = Some(Instant::now());
        }
    }
}

fn draw(text: &str) {
    let mut out = io::stderr().lock();
    // Nobody is left to show it to if standard error is gone.
    drop(write!(out, "\r\x1b[K{text}").and_then(|()| out.flush()));
}
