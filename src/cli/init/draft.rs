//! Completes a configuration with an operator's answers. Pure.

use std::net::IpAddr;

use ipnet::IpNet;
use url::{Host, Url};

use crate::connector::qlik::{TenantHost, pick_name};

use super::error::InitError;
use crate::secret::Secret;

/// The name of the file with the webhook's signing secret.
pub(super) const SIGNING_SECRET: &str = "webhook-secret";

/// The name of the file with the webhook's address, if the address is itself a secret.
pub(super) const ADDRESS: &str = "webhook-url";

/// The section that is left out if there is no webhook yet.
const ENDPOINTS: &str = "endpoints";

/// The shortest token in an address, in characters.
const TOKEN: usize = 16;

/// The answers from which a configuration is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Draft {
    /// The tenant to read.
    pub(super) host: TenantHost,
    /// The id of its OAuth client.
    pub(super) client_id: String,
    /// The file with the client's secret, as the configuration names it.
    pub(super) client_secret_file: String,
    /// The webhook that gets the events. Without one, nothing is sent yet.
    pub(super) webhook: Option<Webhook>,
}

/// A webhook's address, and what is needed to reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Webhook {
    url: Url,
    /// The network it is in, if it is not on the internet.
    private: Option<IpNet>,
}

impl Webhook {
    /// Parses an address: https, or http to this machine itself, where the first receiver usually
    /// runs.
    pub(super) fn parse(text: &str) -> Result<Self, InitError> {
        let bad = |what: &str| InitError::BadWebhook {
            what: what.to_owned(),
        };
        let text = text.trim();
        let url = Url::parse(text)
            .map_err(|error| bad(&format!("the webhook's address is not a URL: {error}")))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad(
                "the webhook's address has a user name or password in it, which would not be sent: \
                 remove it, and put what the receiver asks for into `headers`",
            ));
        }
        let private = url.host().and_then(|host| private(&host));
        match url.scheme() {
            "https" => {}
            "http" if private.is_some_and(|network| network.addr().is_loopback()) => {}
            "http" => {
                return Err(bad(
                    "the webhook's address is plain http, so that events could be read on the way",
                ));
            }
            other => {
                return Err(bad(&format!("the webhook's address begins with `{other}`")));
            }
        }
        Ok(Self { url, private })
    }

    /// Returns the address if it is itself a secret: anyone who knows it may post to it.
    pub(super) fn secret(&self) -> Option<Secret> {
        let is_secret = self.url.query().is_some() || self.url.path().split('/').any(is_token);
        is_secret.then(|| Secret::new(self.url.as_str()))
    }

    /// Returns the settings.
    fn settings(&self) -> String {
        let address = match self.secret() {
            Some(_) => format!("url_file = {}", quoted(ADDRESS)),
            None => format!("url = {}", quoted(self.url.as_str())),
        };
        let mut settings = vec![address];
        if let Some(network) = self.private {
            settings.push(format!("allow_private = [\"{network}\"]"));
        }
        if self.url.scheme() == "http" {
            settings.push("allow_http = true".to_owned());
        }
        settings.join("\n")
    }
}

/// Returns whether a part of a path looks random: long, with letters and digits.
fn is_token(part: &str) -> bool {
    let has = |is: fn(&u8) -> bool| part.as_bytes().iter().any(is);
    part.len() >= TOKEN && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
}

/// Returns the network that must be allowed for an address that is not on the internet. Names are
/// looked up when something is sent, except for the one that always means this machine.
fn private(host: &Host<&str>) -> Option<IpNet> {
    let address = match host {
        Host::Domain("localhost") => IpAddr::from([127, 0, 0, 1]),
        Host::Domain(_) => return None,
        Host::Ipv4(address) => IpAddr::from(*address),
        Host::Ipv6(address) => IpAddr::from(*address),
    };
    let is_private = match address {
        IpAddr::V4(address) => {
            address.is_loopback() || address.is_private() || address.is_link_local()
        }
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    };
    is_private.then(|| IpNet::from(address))
}

impl Draft {
    /// Returns the tenant's name: the first part of its host name.
    pub(super) fn tenant(&self) -> String {
        pick_name(std::slice::from_ref(&self.host), &[].into()).0
    }

    /// Completes a template: replaces the values of active settings, and comments out a section
    /// that is not wanted.
    pub(super) fn fill(&self, template: &str) -> String {
        let host = match self.host.is_loopback() {
            true => self.host.to_url(),
            false => self.host.to_string(),
        };
        let webhook = self.webhook.as_ref().map(Webhook::settings);
        let signing = webhook.is_some().then(|| quoted(SIGNING_SECRET));
        let values = [
            ("connections", "client_id", Some(quoted(&self.client_id))),
            (
                "connections",
                "client_secret_file",
                Some(quoted(&self.client_secret_file)),
            ),
            ("tenants", "name", Some(quoted(&self.tenant()))),
            ("tenants", "host", Some(quoted(&host))),
            (ENDPOINTS, "url", webhook),
            (ENDPOINTS, "secret_file", signing),
        ];
        let mut section = "";
        let mut filled = Vec::new();
        for line in template.lines() {
            section = heading(line).unwrap_or(section);
            let value = line.split_once(" = ").and_then(|(key, _)| {
                let mut found = values.iter();
                let found = found.find(|(of, name, _)| *of == section && *name == key);
                Some((key, found?.2.as_deref()?))
            });
            let is_endpoint = section == ENDPOINTS;
            // The webhook's address comes with `allow_` settings of its own.
            let is_brought = is_endpoint && line.starts_with("#allow_");
            let is_in_force = !line.is_empty() && !line.starts_with('#');
            match (value, &self.webhook) {
                // The text for the address includes the key.
                (Some(("url", settings)), _) => filled.push(settings.to_owned()),
                (Some((key, value)), _) => filled.push(format!("{key} = {value}")),
                (None, None) if is_endpoint && is_in_force => filled.push(format!("#{line}")),
                (None, Some(_)) if is_brought => {}
                (None, _) => filled.push(line.to_owned()),
            }
        }
        filled.join("\n") + "\n"
    }
}

/// Returns the name of the section that a line begins, if it does.
fn heading(line: &str) -> Option<&str> {
    line.strip_prefix('[')?
        .trim_start_matches('[')
        .split(']')
        .next()
}

/// Quotes a text for TOML: everything except control characters is written as in JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{EXAMPLE, SHORT};

    fn draft(webhook: Option<&str>) -> Draft {
        Draft {
            host: TenantHost::parse("https://my-tenant.us.qlikcloud.com/hub").unwrap(),
            client_id: "c0ffee".to_owned(),
            client_secret_file: "client-secret".to_owned(),
            webhook: webhook.map(|url| Webhook::parse(url).unwrap()),
        }
    }

    /// The lines with settings.
    fn in_force(text: &str) -> Vec<&str> {
        let lines = text.lines();
        lines
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .collect()
    }

    #[test]
    fn the_short_configuration_is_a_dozen_settings() {
        let filled = draft(Some("https://hr.example.com/hooks/qlik")).fill(SHORT);

        assert_eq!(
            in_force(&filled),
            [
                "[[connections]]",
                "name = \"qlik\"",
                "kind = \"tenant\"",
                "client_id = \"c0ffee\"",
                "client_secret_file = \"client-secret\"",
                "[[tenants]]",
                "name = \"my-tenant\"",
                "host = \"my-tenant.us.qlikcloud.com\"",
                "connection = \"qlik\"",
                "[[endpoints]]",
                "name = \"webhook\"",
                "url = \"https://hr.example.com/hooks/qlik\"",
                "secret_file = \"webhook-secret\"",
            ]
        );
    }

    #[test]
    fn without_a_webhook_its_section_is_a_comment() {
        for template in [SHORT, EXAMPLE] {
            let filled = draft(None).fill(template);

            assert!(!in_force(&filled).contains(&"[[endpoints]]"), "{filled}");
            assert!(filled.contains("\n#[[endpoints]]\n"), "{filled}");
            assert!(!in_force(&filled).iter().any(|line| line.starts_with("url")));
        }
    }

    #[test]
    fn a_webhook_on_this_machine_gets_what_it_takes() {
        for (url, expected) in [
            (
                "http://127.0.0.1:8000/hook",
                &["allow_private = [\"127.0.0.1/32\"]", "allow_http = true"][..],
            ),
            (
                "http://localhost:8000",
                &["allow_private = [\"127.0.0.1/32\"]", "allow_http = true"],
            ),
            (
                "https://10.1.2.3/hook",
                &["allow_private = [\"10.1.2.3/32\"]"],
            ),
            ("https://hr.example.com/hook", &[]),
        ] {
            for template in [SHORT, EXAMPLE] {
                let filled = draft(Some(url)).fill(template);

                let found: Vec<_> = filled
                    .lines()
                    .filter(|line| {
                        line.contains("allow_private =") || line.contains("allow_http =")
                    })
                    .collect();
                assert_eq!(found, expected, "{url}");
            }
        }
    }

    #[test]
    fn an_address_that_is_a_secret_itself_is_named_by_a_file() {
        for (url, is_secret) in [
            ("https://hr.example.com/hooks/qlik", false),
            ("https://hr.example.com/hooks/qlik?key=t0ken", true),
            ("https://hooks.example.com/T00/B00/x7Kp2mQz9LwRt4Vb", true),
            ("https://hr.example.com/a-long-name-without-a-number", false),
        ] {
            let draft = draft(Some(url));
            for template in [SHORT, EXAMPLE] {
                let filled = draft.fill(template);

                assert_eq!(!filled.contains(url), is_secret, "{filled}");
                let named = in_force(&filled).contains(&"url_file = \"webhook-url\"");
                assert_eq!(named, is_secret, "{filled}");
            }
            let secret = draft.webhook.unwrap().secret();
            assert_eq!(secret.is_some_and(|it| it.expose() == url), is_secret);
        }
    }

    #[test]
    fn an_address_that_events_may_not_go_to_is_refused() {
        for (url, complaint) in [
            ("hr.example.com", "not a URL"),
            ("http://hr.example.com/hook", "plain http"),
            ("http://10.1.2.3/hook", "plain http"),
            ("https://user:pass@hr.example.com/", "user name or password"),
            ("ftp://hr.example.com/", "`ftp`"),
        ] {
            let refused = Webhook::parse(url).unwrap_err().to_string();

            assert!(refused.contains(complaint), "{refused}");
        }
    }
}
