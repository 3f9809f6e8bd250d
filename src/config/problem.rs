//! What can be wrong with a configuration, where, and what to do about it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::mismatch::Mismatch;
use crate::connector::qlik::{InvalidHost, InvalidKey, InvalidRule};
use crate::deliver::{
    InvalidEndpoint, InvalidFilter, InvalidHeader, InvalidOrigin, InvalidPrivacy, InvalidSecret,
    InvalidSetKey, InvalidTemplate,
};
use crate::forward_proxy::InvalidProxy;
use crate::suggest::did_you_mean;
use crate::sync::InvalidSchedule;
use crate::telemetry::chain;
use crate::tls::InvalidCertificate;

/// A configuration that cannot be used, with everything that is wrong with it.
#[derive(Debug)]
pub struct ConfigError {
    problems: Vec<Problem>,
}

impl ConfigError {
    pub(super) fn of(problem: Problem) -> Self {
        Self {
            problems: vec![problem],
        }
    }

    /// Returns everything that is wrong, by key.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Returns the code of the first problem.
    pub fn code(&self) -> &'static str {
        // There is always at least one problem.
        self.problems
            .first()
            .map_or("config.syntax", |problem| problem.fault.code())
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.as_slice() {
            [only] => only.fmt(f),
            several => {
                write!(f, "the configuration has {} problems", several.len())?;
                several
                    .iter()
                    .try_for_each(|problem| write!(f, "\n- {problem}"))
            }
        }
    }
}

impl std::error::Error for ConfigError {}

/// One thing that is wrong.
#[derive(Debug)]
pub struct Problem {
    /// The file, or the environment variable, that says so.
    pub place: String,
    /// The full path of the key, such as `endpoints[1].secret_file`. Empty if it concerns the whole
    /// file, or an environment variable itself.
    pub key: String,
    /// What is wrong with it.
    pub fault: Fault,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.key.is_empty() {
            write!(f, "`{}`: ", self.key)?;
        }
        let Self { fault, .. } = self;
        write!(f, "{fault}; {} [{}]", fault.remedy(), fault.code())
    }
}

/// Collects problems while a configuration is read and validated.
#[derive(Debug)]
pub(super) struct Problems {
    file: PathBuf,
    /// Keys that the environment sets, with the variable's name.
    variables: Vec<(String, String)>,
    found: Vec<Problem>,
}

impl Problems {
    pub(super) fn new(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
            variables: Vec::new(),
            found: Vec::new(),
        }
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Remembers that a key's value comes from a variable, so that it is named as the place.
    pub(super) fn set_by(&mut self, key: String, variable: &str) {
        self.variables.push((key, variable.to_owned()));
    }

    /// Notes a problem. Only the first problem of a key is kept, since it causes the others. A
    /// value does not count as missing if its key is there but misspelt.
    pub(super) fn add(&mut self, key: impl Into<String>, fault: Fault) {
        let key = key.into();
        let misspelt = matches!(fault, Fault::Missing { .. }) && self.has_misspelt(&key);
        if misspelt || self.has(&key) {
            return;
        }
        let variable = self.variables.iter().find(|(of, _)| *of == key);
        let place = match variable {
            Some((_, name)) => format!("environment variable {name}"),
            None => self.file.display().to_string(),
        };
        self.found.push(Problem { place, key, fault });
    }

    /// Notes a problem with an environment variable itself.
    pub(super) fn add_variable(&mut self, name: &str, fault: Fault) {
        self.found.push(Problem {
            place: format!("environment variable {name}"),
            key: String::new(),
            fault,
        });
    }

    /// Returns whether there is a problem with a key, or with something within it.
    pub(super) fn has(&self, key: &str) -> bool {
        let concerns = |problem: &Problem| {
            let rest = problem.key.strip_prefix(key);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '.']))
        };
        !key.is_empty() && self.found.iter().any(concerns)
    }

    fn has_misspelt(&self, key: &str) -> bool {
        let Some((table, name)) = key.rsplit_once('.') else {
            return false;
        };
        self.found.iter().any(|problem| match &problem.fault {
            Fault::UnknownKey { similar, .. } => {
                let beside = problem
                    .key
                    .rsplit_once('.')
                    .is_some_and(|(of, _)| of == table);
                beside && *similar == Some(name)
            }
            _ => false,
        })
    }

    /// Returns the value if nothing was wrong.
    pub(super) fn settle<T>(mut self, value: Option<T>) -> Result<T, ConfigError> {
        match value {
            Some(value) if self.found.is_empty() => Ok(value),
            _ => {
                self.found.sort_by(|a, b| a.key.cmp(&b.key));
                Err(ConfigError {
                    problems: self.found,
                })
            }
        }
    }
}

/// What is wrong, without where.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the fields are what the messages show")]
pub enum Fault {
    /// There is no configuration file.
    #[error("no configuration file: {} does not exist", list(tried))]
    NotFound { tried: Vec<PathBuf> },
    /// The file cannot be read.
    #[error("reading the file: {source}")]
    Unreadable { source: io::Error },
    /// The file is not TOML.
    #[error("the file is not TOML: {detail}")]
    Syntax { detail: String },
    /// A key that means nothing here.
    #[error("there is no such key")]
    UnknownKey {
        similar: Option<&'static str>,
        known: String,
    },
    /// A value of another type than expected.
    #[error("{mismatch}")]
    WrongType { mismatch: Mismatch },
    /// A required value is missing.
    #[error("not given")]
    Missing { remedy: &'static str },
    /// A name that is taken.
    #[error("`{name}` is already the name of `{first}`")]
    DuplicateName { name: String, first: String },
    /// A name with characters that do not belong in one.
    #[error("`{name}` is not allowed as a name")]
    BadName { name: String },
    /// A tenant's connection that does not exist.
    #[error("there is no connection `{name}`")]
    UnknownConnection { name: String, known: String },
    /// A tenant that does not exist, with a similar name and all names.
    #[error("no tenant is called `{name}`")]
    UnknownTenant {
        name: String,
        similar: Option<String>,
        known: String,
    },
    /// An unknown kind of connection.
    #[error("there are no connections of kind `{kind}`")]
    UnsupportedKind { kind: String },
    /// Two settings that exclude each other, or one that requires another.
    #[error("{detail}")]
    Conflict {
        detail: String,
        remedy: &'static str,
    },
    /// A secret is written in the file.
    #[error("a secret does not belong in this file")]
    SecretInFile { key: String },
    /// A secret is not where the configuration says.
    #[error("{detail}")]
    SecretMissing { detail: String, remedy: String },
    /// Others can read a secret's file.
    #[error("{detail}")]
    SecretExposed { detail: String, remedy: String },
    /// A secret contains something that a secret cannot contain.
    #[error("{detail}")]
    UnusableSecret { detail: String, remedy: String },
    /// The text cannot be a secret.
    #[error("{source}")]
    BadSecret { source: InvalidSecret },
    /// A private key that cannot sign.
    #[error("{source}")]
    BadKey { source: InvalidKey },
    /// A key for tokens that cannot sign them.
    #[error("{source}")]
    BadSetKey { source: InvalidSetKey },
    /// Fields that cannot be withheld from an endpoint.
    #[error("{source}")]
    BadPrivacy { source: InvalidPrivacy },
    /// A word that is not one of the allowed ones.
    #[error("`{text}` is not one of the words that this setting knows")]
    BadChoice { text: String, allowed: &'static str },
    /// Not a tenant's host.
    #[error("{source}")]
    BadHost { source: InvalidHost },
    /// A rule that is not a pattern.
    #[error("{source}")]
    BadRule { source: InvalidRule },
    /// Not an address for an endpoint.
    #[error("{detail}")]
    BadUrl { detail: String },
    /// Plain http to another machine.
    #[error("{detail}")]
    PlainHttp {
        detail: String,
        remedy: &'static str,
    },
    /// Not an address to listen on.
    #[error("`{text}` is not an IP address with a port")]
    BadAddress { text: String },
    /// Not a schedule.
    #[error("{source}")]
    BadSchedule { source: InvalidSchedule },
    /// Not a duration.
    #[error("`{text}` is not a duration")]
    BadDuration { text: String },
    /// A number or duration beyond its bounds.
    #[error("{value} is out of range")]
    OutOfRange {
        value: String,
        allowed: &'static str,
    },
    /// An unknown time zone.
    #[error("there is no time zone `{text}`")]
    BadTimeZone { text: String },
    /// Not a network.
    #[error("`{text}` is not a network")]
    BadNetwork { text: String },
    /// An event pattern that matches nothing.
    #[error("{source}")]
    BadEvent { source: InvalidFilter },
    /// An endpoint whose settings do not go together, or whose address is refused.
    #[error("{}", chain(source))]
    BadEndpoint { source: InvalidEndpoint },
    /// A template for alerts that cannot be used.
    #[error("{source}")]
    BadTemplate { source: InvalidTemplate },
    /// A file, not a secret, that cannot be read.
    #[error("{detail}")]
    FileUnreadable {
        detail: String,
        remedy: &'static str,
    },
    /// Not a certificate, or not a key to one.
    #[error("{source}")]
    BadCertificate { source: InvalidCertificate },
    /// Not a forward proxy.
    #[error("{source}")]
    BadProxy { source: InvalidProxy },
    /// A header that cannot be sent.
    #[error("{source}")]
    BadHeader { source: InvalidHeader },
    /// A header's value is written in the file and looks like a secret.
    #[error("a secret does not belong in this file")]
    SecretHeader,
    /// Not a name for the handshake.
    #[error("{source}")]
    BadOrigin { source: InvalidOrigin },
    /// Not a log format or level.
    #[error("{detail}")]
    BadLog { detail: String },
    /// Not a limit for the guard.
    #[error("{detail}")]
    BadGuard { detail: String },
    /// `SSL_CERT_FILE` or `SSL_CERT_DIR` names no usable certificate authority.
    #[error("{reading}")]
    NoAuthorities { reading: String },
    /// An environment variable that looks like ours and sets nothing.
    #[error("has no effect")]
    BadVariable { remedy: String },
}

impl Fault {
    /// Returns the code as `docs/errors.md` lists it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "config.not-found",
            Self::Unreadable { .. } => "config.unreadable",
            Self::Syntax { .. } => "config.syntax",
            Self::UnknownKey { .. } => "config.unknown-key",
            Self::WrongType { .. } => "config.wrong-type",
            Self::Missing { .. } => "config.missing-value",
            Self::DuplicateName { .. } => "config.duplicate-name",
            Self::BadName { .. } => "config.bad-name",
            Self::UnknownConnection { .. } => "config.unknown-connection",
            Self::UnknownTenant { .. } => "config.unknown-tenant",
            Self::UnsupportedKind { .. } => "config.unsupported-kind",
            Self::Conflict { .. } => "config.conflict",
            Self::SecretInFile { .. } | Self::SecretHeader => "config.secret-in-file",
            Self::SecretMissing { .. } => "config.secret-missing",
            Self::SecretExposed { .. } => "config.secret-exposed",
            Self::BadSecret { .. } | Self::UnusableSecret { .. } => "config.bad-secret",
            Self::BadKey { .. } | Self::BadSetKey { .. } => "config.bad-key",
            Self::BadPrivacy { .. } => "config.bad-privacy",
            Self::BadChoice { .. } => "config.bad-choice",
            Self::BadHost { .. } => "config.bad-host",
            Self::BadRule { .. } => "config.bad-rule",
            Self::BadUrl { .. } => "config.bad-url",
            Self::PlainHttp { .. } => "config.plain-http",
            Self::BadAddress { .. } => "config.bad-address",
            Self::BadSchedule { .. } => "config.bad-schedule",
            Self::BadDuration { .. } => "config.bad-duration",
            Self::OutOfRange { .. } => "config.out-of-range",
            Self::BadTimeZone { .. } => "config.bad-time-zone",
            Self::BadNetwork { .. } => "config.bad-network",
            Self::BadEvent { .. } => "config.bad-event",
            Self::BadEndpoint { .. } => "config.bad-endpoint",
            Self::BadTemplate { .. } => "config.bad-template",
            Self::FileUnreadable { .. } => "config.file-unreadable",
            Self::BadCertificate { .. } => "config.bad-certificate",
            Self::BadProxy { .. } => "config.bad-proxy",
            Self::BadHeader { .. } => "config.bad-header",
            Self::BadOrigin { .. } => "config.bad-origin",
            Self::BadLog { .. } => "config.bad-log",
            Self::BadGuard { .. } => "config.bad-guard",
            Self::NoAuthorities { .. } => "config.no-authorities",
            Self::BadVariable { .. } => "config.bad-variable",
        }
    }

    /// Returns what to do about it.
    pub fn remedy(&self) -> String {
        let remedy = match self {
            Self::NotFound { .. } => remedies::WRITE_ONE,
            Self::Unreadable { .. } => "let the user that runs qlik-roster read it",
            Self::Syntax { .. } => "correct the line; https://toml.io shows how values are written",
            Self::UnknownKey {
                similar: Some(similar),
                ..
            } => {
                return did_you_mean(similar);
            }
            Self::UnknownKey {
                similar: None,
                known,
            } => return format!("known here: {known}"),
            Self::WrongType { mismatch } => return mismatch.remedy(),
            Self::DuplicateName { .. } => "give each a name of its own",
            Self::BadName { .. } => remedies::NAME,
            Self::UnknownConnection { known, .. } => return format!("connections are: {known}"),
            Self::UnknownTenant {
                similar: Some(similar),
                ..
            } => return did_you_mean(similar),
            Self::UnknownTenant { known, .. } => return format!("tenants are: {known}"),
            Self::UnsupportedKind { .. } => remedies::KIND,
            Self::SecretInFile { key } => {
                return format!(
                    "put it in a file of its own with mode 0600 and name that in `{key}_file`, or \
                     name an environment variable in `{key}_env`"
                );
            }
            Self::SecretMissing { remedy, .. }
            | Self::SecretExposed { remedy, .. }
            | Self::UnusableSecret { remedy, .. }
            | Self::BadVariable { remedy } => return remedy.clone(),
            Self::Missing { remedy }
            | Self::Conflict { remedy, .. }
            | Self::PlainHttp { remedy, .. }
            | Self::FileUnreadable { remedy, .. } => remedy,
            Self::BadCertificate { source } => source.remedy(),
            Self::BadProxy { source } => source.remedy(),
            Self::BadHeader { source } => source.remedy(),
            Self::SecretHeader => remedies::SECRET_HEADER,
            Self::NoAuthorities { .. } => remedies::AUTHORITIES,
            Self::BadOrigin { .. } => "write it as `roster.example.com`",
            Self::BadSecret { source } => source.remedy(),
            Self::BadKey { source } => source.remedy(),
            Self::BadSetKey { source } => source.remedy(),
            Self::BadPrivacy { source } => source.remedy(),
            Self::BadEndpoint { source } => source.remedy(),
            Self::BadHost { .. } => remedies::HOST,
            Self::BadRule { .. } => remedies::RULE,
            Self::OutOfRange { allowed, .. } | Self::BadChoice { allowed, .. } => {
                return format!("write {allowed}");
            }
            Self::BadUrl { .. } => "write it as `https://hr.example.com/hooks/qlik`",
            Self::BadAddress { .. } => "write it as `127.0.0.1:8720`",
            Self::BadSchedule { .. } => remedies::SCHEDULE,
            Self::BadDuration { .. } => "write it as `30s` or `5m`",
            Self::BadTimeZone { .. } => remedies::TIME_ZONE,
            Self::BadNetwork { .. } => "write it as `10.1.0.0/16` or `fd00::/8`",
            Self::BadEvent { .. } => remedies::EVENT,
            Self::BadTemplate { .. } => remedies::TEMPLATE,
            Self::BadGuard { .. } => remedies::GUARD,
            Self::BadLog { .. } => remedies::LOG,
        };
        remedy.to_owned()
    }
}

/// Remedies that take more than a line.
mod remedies {
    pub const WRITE_ONE: &str =
        "write one with `qlik-roster init`, or name one with `--config FILE` or QLIK_ROSTER_CONFIG";
    pub const NAME: &str = "use 1 to 64 letters, digits, `-`, `_` or `.`, a letter or digit first";
    pub const KIND: &str =
        "use `tenant`, `region` or `organization`, for the OAuth client of one, or `api-key`";
    pub const SECRET_HEADER: &str = "put the value in a file of its own with mode 0600 and write \
                                     `{ file = \"…\" }`, or name an environment variable with \
                                     `{ env = \"…\" }`";
    pub const AUTHORITIES: &str = "name a file in PEM with the authorities that are to be trusted, such as /etc/ssl/certs/ca-certificates.crt, or unset the variable";
    pub const HOST: &str =
        "write it as `acme.eu.qlikcloud.com`, or paste the address from the browser";
    pub const RULE: &str =
        "write a name or host name in which `*` is any text and `?` one character";
    pub const SCHEDULE: &str = "write an interval from `10s` to `7d`, such as `15m`, or a cron expression such as `0 */4 * * *`";
    pub const TIME_ZONE: &str =
        "write a name of the IANA database, such as `Europe/Berlin` or `UTC`";
    pub const EVENT: &str =
        "write types such as `user.created`, or patterns such as `user.*` or `*`";
    pub const TEMPLATE: &str =
        "write JSON such as `'{ \"text\": \"{{text}}\" }'`; docs/alerts.md lists the placeholders";
    pub const GUARD: &str =
        "write `mode = \"limits\"` or `\"never\"`, shares from 0 to 1 and counts from 0 up";
    pub const LOG: &str = "write `text` or `json` for the format, `info` or `warn,qlik_roster::sync=debug` for the level";
}

fn list(files: &[PathBuf]) -> String {
    let files: Vec<String> = files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    files.join(" nor ")
}
