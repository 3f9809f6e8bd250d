//! What the evidence says about itself: what it describes, what it rests on, and what it does not
//! know.

use crate::control::{Envelope, Population, ReviewPage};
use crate::model::{RoleMention, Thousands, Timestamp};
use crate::view::role_name;

use super::super::words;
use crate::cli::style::count;

/// The head of the evidence.
#[derive(Debug, Clone)]
pub(super) struct Evidence {
    /// What it rests on.
    pub(super) envelope: Envelope,
    /// How many users there are.
    population: Population,
    /// The roles as they were asked about; empty for all.
    roles: Vec<String>,
    /// Who made it, and when.
    made: (String, Timestamp),
    /// How many rows it has.
    pub(super) n_rows: u64,
    /// How many users have rows.
    pub(super) n_users: u64,
    /// How many users have roles or groups that are not visible.
    pub(super) n_unseen: u64,
}

impl Evidence {
    /// Creates the head from the first page, whose rows are not counted yet.
    pub(super) fn begin(
        roles: Vec<String>,
        first: &ReviewPage,
        by: String,
        now: Timestamp,
    ) -> Self {
        Self {
            envelope: first.page.envelope.clone(),
            population: first.population.clone(),
            roles,
            made: (by, now),
            n_rows: 0,
            n_users: 0,
            n_unseen: 0,
        }
    }

    /// Returns what it is about, in lines of a name and a text.
    pub(super) fn about(&self) -> Vec<(&'static str, String)> {
        let Envelope {
            tenant,
            as_of,
            sweep,
            asked,
            ..
        } = &self.envelope;
        let rights = match self.roles.is_empty() {
            true => "all roles".to_owned(),
            false => asked
                .iter()
                .map(role_in_full)
                .collect::<Vec<_>>()
                .join(", "),
        };
        let sweep = match sweep {
            Some(sweep) => format!("{}, ended at {}", sweep.run, sweep.ended_at),
            None => "no longer on record".to_owned(),
        };
        let (by, at) = &self.made;
        vec![
            ("Tenant", tenant.to_string()),
            ("As of", as_of.to_string()),
            ("Rights", rights),
            ("Last reading of the whole tenant before that", sweep),
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
        let roles = self.roles.iter();
        let roles = roles.map(|role| format!(" --role {}", quoted(role)));
        let roles = roles.collect::<Vec<_>>().concat();
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

    /// Returns what all users hold, in sentences.
    pub(super) fn everybody(&self) -> Vec<String> {
        let everybody = self.envelope.everybody.iter().map(|it| {
            format!(
                "All {} users hold {}, {}",
                Thousands(it.users),
                role_name(&it.role),
                words::everybodys(&it.paths)
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
