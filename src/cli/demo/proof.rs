//! What the demo has shown, in plain words, and whether that is everything it should show.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use rustix::termios::tcgetwinsize;
use serde_json::{Map, Value, json};

use crate::cli::Exit;
use crate::cli::style::{Colour, Tone};
use crate::daemon::Ending;
use crate::model::PlanId;

use super::board::{STORIES, wrap};

/// The width that we assume for a terminal that does not report its own.
const USUAL_WIDTH: usize = 80;

/// The fields of a record that we show in the payload; dots replace the rest.
const SHOWN: [&str; 5] = [
    "remote_id",
    "name",
    "primary_email_address",
    "status",
    "roles",
];

/// A leaver was found who still has the rights of an administrator.
pub(super) struct Leaver {
    pub(super) name: String,
    pub(super) code: &'static str,
}

/// A mass deletion was held and then approved.
pub(super) struct Held {
    pub(super) plan: PlanId,
    pub(super) n_people: u64,
}

/// A receiver was down, and got everything when it was back.
pub(super) struct Outage {
    pub(super) lasted: Duration,
    pub(super) n_events: u64,
}

/// What was shown. A story that was not told to the end proves nothing.
#[derive(Default)]
pub(super) struct Proof {
    pub(super) leaver: Option<Leaver>,
    pub(super) held: Option<Held>,
    pub(super) outage: Option<Outage>,
    /// How many things happened.
    pub(super) n_happened: u64,
    /// Events that never came, that came without a reason, or that came again after they were
    /// accepted.
    pub(super) n_missed: u64,
    pub(super) n_false: u64,
    pub(super) n_twice: u64,
    /// Events in the journal, events that the receiver accepted, and events with a wrong signature.
    pub(super) n_events: u64,
    pub(super) n_delivered: u64,
    pub(super) n_unverified: u64,
    pub(super) n_requests: u64,
    /// A payload as the receiver got it.
    pub(super) payload: Option<Value>,
}

impl Proof {
    /// Returns whether every change was delivered once, with a valid signature.
    pub(super) fn is_proven(&self) -> bool {
        let n_wrong = self.n_missed + self.n_false + self.n_twice + self.n_unverified;
        n_wrong == 0 && self.n_events == self.n_delivered
    }

    /// Says what was shown.
    fn sentences(&self) -> Vec<String> {
        let mut said = Vec::new();
        if let Some(Leaver { name, code }) = &self.leaver {
            said.push(format!(
                "{name} left and kept TenantAdmin on a disabled account: `qlik-roster findings` \
                 named it ({code}) until the role was taken away."
            ));
        }
        if let Some(Held { plan, n_people }) = &self.held {
            said.push(format!(
                "{n_people} people vanished at once: that was held as {plan}, and nobody was told. \
                 After `qlik-roster plan approve {plan}` {n_people} deletions were delivered."
            ));
        }
        if let Some(Outage { lasted, n_events }) = &self.outage {
            said.push(format!(
                "The receiver was dead for {:.1} s, in which {n_events} events came up: it got each \
                 of them, once, when it was back.",
                lasted.as_secs_f64()
            ));
        }
        said
    }

    /// Shows one payload, what was shown, and what to do next, which comes last for small screens.
    pub(super) fn conclude(&self, ending: Ending) -> io::Result<Exit> {
        let stdout = io::stdout();
        let colour = Colour::of(&stdout);
        let width = match stdout.is_terminal() {
            true => tcgetwinsize(&stdout).map_or(USUAL_WIDTH, |size| usize::from(size.ws_col)),
            // A program that shows plain lines wraps them too.
            false => usize::MAX,
        };
        let mut out = stdout.lock();
        let bold = |text: &str| colour.paint(Tone::Bold, text.to_owned());
        if let Some(payload) = &self.payload {
            let heading = bold("One payload, as the receiver got it, shortened at `…`");
            writeln!(out, "\n{heading}\n{:#}", shortened(payload))?;
        }
        let mut points: Vec<_> = self
            .sentences()
            .into_iter()
            .map(|sentence| (Tone::Good, '✓', sentence))
            .collect();
        let n_untold = STORIES.len() - points.len();
        if n_untold > 0 {
            let text = format!("It ended before {n_untold} of its stories were told.");
            points.push((Tone::Dim, '·', text));
        }
        let is_well = self.is_proven() && ending == Ending::Clean;
        let (tone, mark, verdict) = match is_well {
            true => (
                Tone::Good,
                '✓',
                "Every change was delivered, every signature verified:",
            ),
            false => (Tone::Bad, '✗', "Not everything was as it should be:"),
        };
        points.push((tone, mark, format!("{verdict} {}", self.numbers())));
        writeln!(out, "\n{}", bold("What this showed"))?;
        for (tone, mark, text) in points {
            let lines = wrap(&text, width.saturating_sub(4));
            let text = lines.join("\n    ");
            writeln!(out, "  {} {text}", colour.paint(tone, mark))?;
        }
        writeln!(
            out,
            "\n{}\n  `qlik-roster init` writes a configuration for your own tenant, and\n  \
             docs/getting-started.md leads from there to a verified webhook.",
            bold("Next")
        )?;
        Ok(match is_well {
            true => Exit::Success,
            false => Exit::Failure,
        })
    }

    fn numbers(&self) -> String {
        format!(
            "{} things happened, {} events in the journal, {} delivered, {} with a bad signature, \
             {} missed, {} false, {} twice; it took {} requests to Qlik.",
            self.n_happened,
            self.n_events,
            self.n_delivered,
            self.n_unverified,
            self.n_missed,
            self.n_false,
            self.n_twice,
            self.n_requests,
        )
    }
}

/// Removes empty fields from a payload, and fields of the record that interest few readers.
fn shortened(payload: &Value) -> Value {
    let mut payload = payload.clone();
    if let Some(Value::Object(record)) = payload.pointer_mut("/data/record") {
        let mut kept: Map<String, Value> = SHOWN
            .into_iter()
            .filter_map(|field| Some((field.to_owned(), record.get(field)?.clone())))
            .collect();
        if let Some(Value::Array(roles)) = kept.get_mut("roles") {
            for role in roles {
                let name = role.get("name").cloned().unwrap_or_default();
                *role = json!({ "name": name, "…": "…" });
            }
        }
        kept.insert("…".to_owned(), "…".into());
        *record = kept;
    }
    payload
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof() -> Proof {
        Proof {
            n_happened: 3,
            n_events: 3,
            n_delivered: 3,
            ..Proof::default()
        }
    }

    #[test]
    fn anything_that_is_not_as_it_should_be_shows_in_the_end() {
        assert!(proof().is_proven());
        let break_one: [fn(&mut Proof); 5] = [
            |proof| proof.n_missed = 1,
            |proof| proof.n_false = 1,
            |proof| proof.n_twice = 1,
            |proof| proof.n_unverified = 1,
            |proof| proof.n_delivered = 2,
        ];
        for break_it in break_one {
            let mut proof = proof();

            break_it(&mut proof);

            assert!(!proof.is_proven());
        }
    }

    #[test]
    fn a_payload_is_shortened_and_not_changed() {
        let payload = json!({
            "type": "user.updated",
            "data": {
                "record": {
                    "name": "Ada", "avatar": null,
                    "roles": [{ "name": "TenantAdmin", "policies": null }],
                },
                "changes": { "roles": { "added": [], "removed": [] } },
            },
        });

        let shown = shortened(&payload);

        assert_eq!(shown["data"]["changes"], payload["data"]["changes"]);
        assert_eq!(
            shown["data"]["record"],
            json!({ "name": "Ada", "roles": [{ "name": "TenantAdmin", "…": "…" }], "…": "…" })
        );
    }
}
