//! What the evidence says about itself: what it describes, what it rests on, and what it does not
//! know.

use crate::control::{Envelope, Population, ReviewPage, SpaceEverybodyRight, SpaceRightsPage};
use crate::model::{Called, Right, RoleMention, ShownPath, SpaceMention, Thousands, Timestamp};
use crate::view::{paths_in_words, right_name, role_name};

use super::super::words;
use crate::cli::style::count;

/// What was asked for.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    /// The roles; empty for all.
    pub(super) roles: Vec<String>,
    /// The space; `None` for all rights.
    pub(super) space: Option<String>,
}

/// The head of the evidence.
#[derive(Debug, Clone)]
pub(super) struct Evidence {
    /// What it rests on.
    pub(super) envelope: Envelope,
    /// How many users there are.
    population: Population,
    chosen: Chosen,
    /// The spaces that were chosen.
    spaces: Vec<SpaceMention>,
    /// Whether spaces were ever read.
    has_spaces: bool,
    /// When spaces were last read in full; `None` if they were not.
    spaces_read_at: Option<Timestamp>,
    /// What all users hold in spaces.
    everybody_in_spaces: Vec<SpaceEverybodyRight>,
    /// Who made it, and when.
    made: (String, Timestamp),
    /// How many rows it has, without those of what all users hold.
    pub(super) n_rows: u64,
    /// How many users have rows.
    pub(super) n_users: u64,
    /// How many users have roles or groups that are not visible.
    pub(super) n_unseen: u64,
}

impl Evidence {
    /// Creates the head from the first pages, whose rows are not counted yet.
    pub(super) fn begin(
        chosen: Chosen,
        first: &ReviewPage,
        spaces: &SpaceRightsPage,
        made: (String, Timestamp),
    ) -> Self {
        let mut envelope = first.page.envelope.clone();
        if chosen.space.is_some() {
            envelope.everybody.clear();
        }
        Self {
            envelope,
            population: first.population.clone(),
            chosen,
            spaces: spaces.spaces.clone(),
            has_spaces: spaces.is_on,
            spaces_read_at: spaces.read_at,
            everybody_in_spaces: spaces.everybody.clone(),
            made,
            n_rows: 0,
            n_users: 0,
            n_unseen: 0,
        }
    }

    /// Returns whether it is about the rights in a space alone.
    pub(super) fn is_of_space(&self) -> bool {
        self.chosen.space.is_some()
    }

    /// Returns what it is about, in lines of a name and a text.
    pub(super) fn about(&self) -> Vec<(&'static str, String)> {
        let Envelope {
            tenant,
            as_of,
            sweep,
            ..
        } = &self.envelope;
        let sweep = match sweep {
            Some(sweep) => format!("{}, ended at {}", sweep.run, sweep.ended_at),
            None => "no longer on record".to_owned(),
        };
        let (by, at) = &self.made;
        vec![
            ("Tenant", tenant.to_string()),
            ("As of", as_of.to_string()),
            ("Rights", self.rights()),
            ("Last reading of the whole tenant before that", sweep),
            ("Last reading of all spaces before that", self.spaces_read()),
            ("Users of the tenant", self.users()),
            ("Rows", self.rows()),
            ("Query", self.query()),
            (
                "Program",
                concat!("qlik-roster ", env!("CARGO_PKG_VERSION")).to_owned(),
            ),
            ("Made", format!("at {at}, by {by}")),
        ]
    }

    /// Says which rights it is about.
    fn rights(&self) -> String {
        let Chosen { roles, space: _ } = &self.chosen;
        let asked = self.envelope.asked.iter().map(role_in_full);
        let others = roles.iter().filter(|role| {
            let mut asked = self.envelope.asked.iter();
            !asked.any(|known| known.is_called(role))
        });
        let others = others.map(|role| format!("{role} in spaces"));
        let roles: Vec<String> = asked.chain(others).collect();
        let spaces = self.spaces.iter();
        let spaces: Vec<String> = spaces
            .map(|space| format!("{} ({})", space.name, space.id))
            .collect();
        match (roles.is_empty(), spaces.is_empty()) {
            (true, true) if self.has_spaces => {
                "all roles, all rights in spaces, and apps that are shared from them".to_owned()
            }
            (true, true) => "all roles; rights in spaces are not read, and not included".to_owned(),
            (true, false) => format!("all rights in the space {}", spaces.join(", ")),
            (false, true) => roles.join(", "),
            (false, false) => format!("{} in the space {}", roles.join(", "), spaces.join(", ")),
        }
    }

    fn spaces_read(&self) -> String {
        match self.spaces_read_at {
            Some(at) => format!("begun at {at}"),
            None if self.has_spaces => "none had ended".to_owned(),
            None => "spaces are not read".to_owned(),
        }
    }

    fn users(&self) -> String {
        let Population {
            known,
            shown,
            differs,
        } = &self.population;
        let shown = match shown {
            Some(shown) => format!("Qlik showed {} in that reading", Thousands(*shown)),
            None => "how many Qlik showed is no longer on record".to_owned(),
        };
        let differs = match differs {
            Some(detail) => format!(" and counted differently: {detail}"),
            None => String::new(),
        };
        format!("{} known; {shown}{differs}", Thousands(*known))
    }

    fn rows(&self) -> String {
        let (rows, users) = (Thousands(self.n_rows), Thousands(self.n_users));
        let others = self.population.known.saturating_sub(self.n_users);
        format!(
            "{rows}, of {users} users; the other {} hold none of these rights by a path of their \
             own, as far as can be seen",
            Thousands(others)
        )
    }

    /// Returns the command that gives the same rows again, as long as the journal goes back that
    /// far.
    fn query(&self) -> String {
        let tenant = quoted(&self.envelope.tenant.0);
        let roles = self.chosen.roles.iter();
        let roles = roles.map(|role| format!(" --role {}", quoted(role)));
        let space = self.chosen.space.iter();
        let space = space.map(|space| format!(" --space {}", quoted(space)));
        let roles = roles.chain(space).collect::<Vec<_>>().concat();
        let as_of = self.envelope.as_of;
        format!("qlik-roster access review --tenant {tenant}{roles} --as-of {as_of}")
    }

    /// Returns what is not known, in sentences; none if the evidence is complete.
    pub(super) fn not_known(&self) -> Vec<String> {
        let mut said = Vec::new();
        if self.n_unseen > 0 {
            let n = usize::try_from(self.n_unseen).unwrap_or(usize::MAX);
            said.push(format!(
                "some of the roles of {} are not visible: they may hold more than is listed here",
                count(n, "user")
            ));
        }
        let not_known = self.envelope.not_known.iter();
        said.extend(not_known.map(words::not_known));
        said
    }

    /// Returns what all users hold, with the paths, and how many users there are.
    pub(super) fn everybodys(&self) -> impl Iterator<Item = (Right, &[ShownPath], u64)> {
        let roles = self.envelope.everybody.iter();
        let roles = roles.map(|it| (Right::Role(it.role.clone()), &*it.paths, it.users));
        let in_spaces = self.everybody_in_spaces.iter();
        roles.chain(in_spaces.map(|it| (it.right.clone(), &*it.paths, it.users)))
    }

    /// Returns what all users hold, in sentences.
    pub(super) fn everybody(&self) -> Vec<String> {
        let everybody = self.everybodys().map(|(right, paths, users)| {
            let paths = match &right {
                Right::Role(_) => words::everybodys(paths),
                Right::SpaceRole { .. } | Right::App { .. } => paths_in_words(paths),
            };
            format!(
                "All {} users hold {}, {paths}",
                Thousands(users),
                right_name(&right)
            )
        });
        everybody.collect()
    }
}

fn role_in_full(role: &RoleMention) -> String {
    format!("{} ({})", role_name(role), role.id.0)
}

/// Quotes an argument for a shell, if it has to be.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}
