//! Finds bot users that OAuth clients left behind.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{User, UserId};

use super::{Concern, ConcernCode, ConcernSubject};

/// The bot users of a tenant: few, so all are kept to the end.
#[derive(Debug, Default)]
pub(super) struct Bots(Vec<Bot>);

struct Bot {
    id: UserId,
    label: String,
    client: Option<String>,
}

/// Shows nothing that names somebody.
impl std::fmt::Debug for Bot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Bot").field(&self.id).finish()
    }
}

impl Bots {
    /// Adds a bot user. `label` is the name that people see.
    pub(super) fn add(&mut self, bot: &User, label: String) {
        self.0.push(Bot {
            id: bot.id.clone(),
            label,
            client: bot.client_id.clone(),
        });
    }

    /// Reports bot users that do not act for one of our own clients (`ours`), and those that share
    /// a client or a name.
    pub(super) fn end(self, ours: &BTreeSet<String>, found: &mut dyn FnMut(Concern)) {
        let mut by_client: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        let mut by_label: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for bot in &self.0 {
            let id = bot.id.to_string();
            if let Some(client) = &bot.client {
                by_client.entry(client).or_default().insert(id.clone());
            }
            by_label.entry(&bot.label).or_default().insert(id);
        }
        for bot in &self.0 {
            let client = bot.client.as_deref();
            let is_ours = client.is_some_and(|client| ours.contains(client));
            let mut add = |code, detail, extent| {
                found(Concern {
                    code,
                    subject: ConcernSubject::User(bot.id.clone()),
                    part: None,
                    label: bot.label.clone(),
                    detail,
                    extent,
                });
            };
            if !is_ours {
                add(
                    ConcernCode::UnknownBot,
                    match client {
                        Some(client) => format!("acts for the client {client}"),
                        None => "acts for no client".to_owned(),
                    },
                    client.map(str::to_owned).into_iter().collect(),
                );
            }
            let same_client = client.and_then(|client| by_client.get(client));
            let same_label = by_label.get(bot.label.as_str());
            let several = |bots: Option<&BTreeSet<String>>| bots.filter(|it| it.len() > 1).cloned();
            match (several(same_client), several(same_label)) {
                (Some(bots), _) => {
                    let detail = format!("one of {} bot users of its client", bots.len());
                    add(ConcernCode::SpareBot, detail, bots);
                }
                (None, Some(bots)) => {
                    let detail = format!("one of {} bot users of this name", bots.len());
                    add(ConcernCode::SpareBot, detail, bots);
                }
                (None, None) => {}
            }
        }
    }
}
