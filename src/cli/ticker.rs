//! A line on a terminal that shows how far a long run is.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::control::{Reply, Request};
use crate::model::TenantName;
use crate::sync::{Observer, Progress};

use super::door::Door;

/// How often the line is drawn at the most.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// How often a daemon is asked.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// Characters of the line at the most: a line that wraps cannot be wiped.
const MAX_TEXT: usize = 78;

/// The line. On anything but a terminal it stays silent.
#[derive(Debug, Clone, Default)]
pub(super) struct Ticker(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    drawn: Option<Instant>,
}

impl Ticker {
    /// Returns an observer that draws what it hears.
    pub(super) fn observer(&self) -> Observer {
        let ticker = self.clone();
        Observer::new(move |progress| ticker.show(progress))
    }

    /// Shows how far the runs of a daemon are, as long as something waits for them. Runs in this
    /// process tell by themselves.
    pub(super) async fn follow<T>(&self, door: &Door, work: impl Future<Output = T>) -> T {
        let watch = async {
            // Who answers nothing that can be shown is asked no more.
            while let Door::Daemon(_) = door
                && io::stderr().is_terminal()
                && let Ok(Reply::Progress(rows)) = door.ask(Request::Progress).await
            {
                if !rows.is_empty() {
                    self.draw_due(&side_by_side(&rows));
                }
                tokio::time::sleep(ASK_EVERY).await;
            }
        };
        tokio::pin!(work);
        let ended = tokio::select! {
            ended = &mut work => Some(ended),
            () = watch => None,
        };
        let ended = match ended {
            Some(ended) => ended,
            None => work.await,
        };
        self.clear();
        ended
    }

    /// Wipes the line, so that other text can follow.
    pub(super) fn clear(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.drawn.take().is_some() {
            draw("");
        }
    }

    /// Shows a text, unless another was drawn a moment ago.
    pub(super) fn tell(&self, text: &str) {
        self.draw_due(text);
    }

    fn show(&self, progress: Progress) {
        let text = match progress {
            Progress::Read { .. } | Progress::Confirming { .. } => progress.to_string(),
            Progress::Committed | Progress::Ended => return self.clear(),
        };
        self.draw_due(&text);
    }

    fn draw_due(&self, text: &str) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = state
            .drawn
            .is_none_or(|drawn| drawn.elapsed() >= DRAW_EVERY);
        if due && io::stderr().is_terminal() {
            draw(text);
            state.drawn = Some(Instant::now());
        }
    }
}

/// Says how far several runs are, in one line.
fn side_by_side(rows: &[(TenantName, Progress)]) -> String {
    let mut text = String::new();
    for (place, (name, progress)) in rows.iter().enumerate() {
        let words = match place {
            0 => format!("{name}: {progress}"),
            _ => format!("; {name}: {progress}"),
        };
        if place > 0 && text.len() + words.len() > MAX_TEXT {
            let more = format!("; {} more", rows.len() - place);
            text.push_str(&more);
            break;
        }
        text.push_str(&words);
    }
    text
}

fn draw(text: &str) {
    let mut out = io::stderr().lock();
    // Nobody is left to show it to if standard error is gone.
    drop(write!(out, "\r\x1b[K{text}").and_then(|()| out.flush()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_progress_of_several_runs_fits_a_line() {
        let progress = Progress::Confirming {
            done: 640,
            missing: 1_000,
            pause: None,
        };
        let rows = |names: &[&str]| -> Vec<_> {
            let names = names.iter();
            names
                .map(|name| (TenantName((*name).to_owned()), progress))
                .collect()
        };

        assert_eq!(
            side_by_side(&rows(&["acme"])),
            "acme: asking for missing records: 640 of 1,000"
        );
        assert_eq!(
            side_by_side(&rows(&["acme", "beta", "gamma"])),
            "acme: asking for missing records: 640 of 1,000; 2 more"
        );
    }
}
