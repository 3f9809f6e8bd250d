//! What an alert says, before it is written for a service.

use serde_json::Value;

use super::plain::plain;
use crate::deliver::content::shown::{Shown, ShownData};
use crate::model::Timestamp;

/// What an alert says. All its texts are harmless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Notice {
    /// The event's id.
    pub(super) id: String,
    /// Its type.
    pub(super) event_type: &'static str,
    /// When it was found.
    pub(super) at: Timestamp,
    /// Whether something begins or ends.
    pub(super) state: State,
    /// What has happened, in one sentence.
    pub(super) title: String,
    /// The tenant; `None` if it concerns none.
    pub(super) tenant: Option<String>,
    /// Who or what is concerned, each with a label.
    pub(super) facts: Vec<(&'static str, String)>,
    /// The next step; `None` if there is nothing to do.
    pub(super) step: Option<Step>,
}

/// Whether something begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// A condition begins.
    Began,
    /// It ends.
    Ended,
    /// It happened.
    Happened,
}

impl State {
    /// Returns the word for it, for programs.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Began => "began",
            Self::Ended => "ended",
            Self::Happened => "happened",
        }
    }
}

/// The next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// What to do, in a sentence.
    pub(super) words: &'static str,
    /// The command for it.
    pub(super) command: String,
}

impl Notice {
    /// Says what an event means.
    pub(super) fn of(event: &Shown<'_>) -> Self {
        let nothing = Value::Null;
        let data = match &event.data {
            ShownData::Other(data) => *data,
            ShownData::Right(right) => &right.data,
            // No alert is about a record.
            ShownData::Record(_) => &nothing,
        };
        let tenant = event.account.map(|account| plain(account.name));
        let mut notice = Self {
            id: event.id.to_owned(),
            event_type: event.event_type,
            at: event.at,
            state: State::Happened,
            title: String::new(),
            tenant,
            facts: Vec::new(),
            step: None,
        };
        let of = notice
            .tenant
            .clone()
            .unwrap_or_else(|| "a tenant".to_owned());
        match event.event_type {
            "sync.held" => notice.held(&of, data),
            "sync.failed" => notice.failed(&of, data),
            "sync.recovered" => notice.recovered(&of, data),
            "endpoint.disabled" => notice.disabled(data),
            "history.lost" => notice.lost(data),
            "access.granted" => notice.right(&of, data, State::Began),
            "access.revoked" => notice.right(&of, data, State::Ended),
            _ => {
                let endpoint = text(data, "/endpoint");
                notice.title = format!("Test message of qlik-roster to {endpoint}");
            }
        }
        notice
    }

    /// Returns everything but the title as lines of text.
    pub(super) fn lines(&self) -> Vec<String> {
        let facts = self.facts.iter();
        let mut lines: Vec<String> = facts
            .map(|(label, said)| format!("{label}: {said}"))
            .collect();
        if let Some(Step { words, command }) = &self.step {
            lines.push(format!("{words}: {command}"));
        }
        lines
    }

    fn held(&mut self, of: &str, data: &Value) {
        let plan = text(data, "/plan");
        self.state = State::Began;
        self.title = format!("Removals in {of} wait for your decision");
        self.fact("Plan", plan.clone());
        for loss in data
            .pointer("/losses")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let [lost, known] = ["/lost", "/known"].map(|place| number(loss, place));
            let (kind, reason) = (text(loss, "/kind"), text(loss, "/reason"));
            let kind = kind.replace('_', " ");
            self.fact("Held", format!("{lost} of {known} {kind} ({reason})"));
        }
        let supersedes = text(data, "/supersedes");
        if !supersedes.is_empty() {
            self.fact("In place of", supersedes);
        }
        self.step = Some(Step {
            words: "Look at it, then approve or reject it",
            command: format!("qlik-roster plan show {plan}"),
        });
    }

    fn failed(&mut self, of: &str, data: &Value) {
        let code = text(data, "/code");
        self.state = State::Began;
        self.title = format!("{of} can no longer be read");
        self.fact("Why", format!("{} [{code}]", text(data, "/message")));
        self.step = Some(Step {
            words: "See what failed; docs/errors.md has the remedy for the code",
            command: format!("qlik-roster runs show {}", text(data, "/run")),
        });
    }

    fn recovered(&mut self, of: &str, data: &Value) {
        let plan = text(data, "/plan");
        self.state = State::Ended;
        self.title = match plan.is_empty() {
            true => format!("{of} is read again"),
            false => format!("{plan} needs no decision: Qlik shows everything in {of} again"),
        };
    }

    fn disabled(&mut self, data: &Value) {
        let endpoint = text(data, "/endpoint");
        self.state = State::Began;
        self.title = format!("Endpoint {endpoint} is disabled and gets no events");
        self.fact("Why", text(data, "/reason"));
        let since = text(data, "/failing_since");
        if !since.is_empty() {
            self.fact("Failing since", since);
        }
        self.step = Some(Step {
            words: "When its receiver works again, enable it",
            command: format!("qlik-roster endpoints enable {endpoint}"),
        });
    }

    fn lost(&mut self, data: &Value) {
        let [events, records] = ["/events", "/records"].map(|place| number(data, place));
        // Of damage, a number or a place is known.
        let is_restored = (events, records) == (0, 0) && data["from"].is_null();
        if is_restored {
            "The store was restored from a backup; what was found since then is not known any more"
                .clone_into(&mut self.title);
        } else {
            "The store was damaged, and a part of the history was lost".clone_into(&mut self.title);
            self.fact("Lost", format!("{events} events, {records} records"));
        }
        self.step = Some(Step {
            words: "See what is missing, then acknowledge it with `qlik-roster store accept`",
            command: "qlik-roster status".to_owned(),
        });
    }

    fn right(&mut self, of: &str, data: &Value, state: State) {
        self.state = state;
        let id = text(data, "/right/remote_id");
        let role = match text(data, "/right/name") {
            hidden if hidden.is_empty() => format!("the role {id}"),
            name => name,
        };
        let (paths, verb) = match state {
            State::Began | State::Happened => ("/after", "holds"),
            State::Ended => ("/before", "no longer holds"),
        };
        let user = data.pointer("/user");
        let whom = match user {
            Some(user) => person(user),
            None => crowd(data),
        };
        self.title = match user {
            Some(_) => format!("{whom} {verb} {role} in {of}"),
            None => format!("{role} in {of}: {whom} {}", verb.replace("holds", "hold")),
        };
        self.fact("Role", format!("{role} ({id})"));
        let ways = data.pointer(paths).and_then(Value::as_array);
        let ways: Vec<String> = ways
            .into_iter()
            .flatten()
            .take(MOST_WAYS)
            .map(way)
            .collect();
        if !ways.is_empty() {
            let label = match state {
                State::Began | State::Happened => "How",
                State::Ended => "Until now",
            };
            self.fact(label, ways.join(", "));
        }
        self.step = Some(match user {
            Some(user) => Step {
                words: "See what this user holds, and why",
                command: format!("qlik-roster access --user {}", text(user, "/remote_id")),
            },
            None => Step {
                words: "See who",
                command: format!("qlik-roster access changes --event {}", self.id),
            },
        });
        if let Some(user) = user {
            let account = text(user, "/account");
            if account != "stayed" && !account.is_empty() {
                self.fact("Account", account);
            }
        }
    }

    fn fact(&mut self, label: &'static str, said: String) {
        if self.facts.len() < MOST_FACTS {
            self.facts.push((label, said));
        }
    }
}

/// The most facts of a message, and the most paths in one of them.
const MOST_FACTS: usize = 10;
const MOST_WAYS: usize = 5;

/// Returns whom an event is about, by whatever of it may be shown.
fn person(user: &Value) -> String {
    let id = text(user, "/remote_id");
    match text(user, "/name") {
        hidden if hidden.is_empty() => format!("User {id}"),
        name => format!("{name} ({id})"),
    }
}

/// Returns how many users an event is about.
fn crowd(data: &Value) -> String {
    match data.pointer("/everybody/count").and_then(Value::as_u64) {
        Some(count) => format!("all {count} users"),
        None => format!("{} users", number(data, "/users/count")),
    }
}

/// Returns a path in words.
fn way(path: &Value) -> String {
    let kind = text(path, "/type").replace('_', " ");
    match text(path, "/group/name") {
        unnamed if unnamed.is_empty() => kind,
        group => format!("{kind} {group}"),
    }
}

/// Returns a harmless text; empty if there is none, or if it is hidden.
fn text(data: &Value, place: &str) -> String {
    let found = data.pointer(place).and_then(Value::as_str);
    found.map(plain).unwrap_or_default()
}

fn number(data: &Value, place: &str) -> u64 {
    let found = data.pointer(place).and_then(Value::as_u64);
    found.unwrap_or_default()
}
