//! Validates how audit logs are polled, and the secrets of Qlik's own webhooks.

use std::time::Duration;

use super::problem::Problems;
use super::secret_keys::SecretKeys;
use super::secrets::Vault;
use super::{Fault, raw};
use crate::secret::Secret;
use crate::sync::{OVERLAP, POLL, PollSetting, Polling};

/// The shortest and the longest secret that Qlik takes for a webhook.
const SECRET_LENGTHS: [usize; 2] = [32, 64];

/// The defaults for tenants without settings of their own.
#[derive(Debug)]
pub(super) struct PollDefaults<'a> {
    usual: PollSetting,
    overlap: Duration,
    vault: &'a Vault<'a>,
}

impl<'a> PollDefaults<'a> {
    /// Validates the settings in `[sync]`.
    pub(super) fn new(sync: &raw::Sync, vault: &'a Vault<'a>, problems: &mut Problems) -> Self {
        let overlap = sync.poll_overlap.as_deref().map_or(OVERLAP, |text| {
            Polling::parse_overlap(text).unwrap_or_else(|| {
                let text = text.to_owned();
                problems.add("sync.poll_overlap", Fault::BadDuration { text });
                OVERLAP
            })
        });
        let usual = poll("sync.poll", sync.poll.as_deref(), overlap, problems);
        Self {
            usual: usual.unwrap_or(PollSetting::Polling(Polling {
                every: POLL,
                overlap,
            })),
            overlap,
            vault,
        }
    }

    /// Returns how the audit logs of tenants without a setting of their own are polled.
    pub(super) fn usual(&self) -> PollSetting {
        self.usual
    }

    /// Validates a tenant's settings: how its audit log is polled, and the secret of its webhook.
    pub(super) fn of(
        &self,
        at: &str,
        raw: &raw::Tenant,
        problems: &mut Problems,
    ) -> (PollSetting, Option<Secret>) {
        let own = poll(
            &format!("{at}.poll"),
            raw.poll.as_deref(),
            self.overlap,
            problems,
        );
        let poll = own.unwrap_or(self.usual);
        let keys = SecretKeys {
            at,
            key: "webhook_secret",
            file: raw.webhook_secret_file.as_ref(),
            variable: raw.webhook_secret_env.as_ref(),
        };
        if !keys.is_given() {
            return (poll, None);
        }
        let secret = keys.secret(self.vault, problems);
        let secret = secret.filter(|secret| fits(secret, &keys.path(), problems));
        if poll == PollSetting::Off && secret.is_some() {
            let fault = Fault::Conflict {
                detail: "Qlik's webhook triggers the poll of the audit log, which is off"
                    .to_owned(),
                remedy: "remove the webhook's secret, or give `poll` an interval",
            };
            problems.add(format!("{at}.poll"), fault);
        }
        (poll, secret)
    }
}

fn fits(secret: &Secret, key: &str, problems: &mut Problems) -> bool {
    let [least, most] = SECRET_LENGTHS;
    let length = secret.expose().chars().count();
    let fits = (least..=most).contains(&length);
    if !fits {
        let fault = Fault::SecretMissing {
            detail: format!("the secret has {length} characters; Qlik accepts {least} to {most}"),
            remedy: "make one with `openssl rand -hex 32`, and give it to the webhook in Qlik"
                .to_owned(),
        };
        problems.add(key, fault);
    }
    fits
}

/// Reads an interval or `off`; `None` if it is not set or not valid.
fn poll(
    key: &str,
    text: Option<&str>,
    overlap: Duration,
    problems: &mut Problems,
) -> Option<PollSetting> {
    let text = text?;
    if text == "off" {
        return Some(PollSetting::Off);
    }
    let every = Polling::parse_every(text);
    if every.is_none() {
        let text = text.to_owned();
        problems.add(key, Fault::BadDuration { text });
    }
    every.map(|every| PollSetting::Polling(Polling { every, overlap }))
}
