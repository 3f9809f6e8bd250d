//! Reads secrets from where the configuration says they are.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::secret_custody::{self, Keeper};
use super::secret_text::{self, Form};
use super::written::Digest;
use super::{Environment, Fault};
use crate::secret::Secret;

/// Larger than any secret or key, smaller than most files named by mistake.
const MAX_BYTES: u64 = 16 * 1024;

/// Larger than a bundle of all authorities that a platform trusts, about 250 KB.
const MAX_OPEN_BYTES: u64 = 1024 * 1024;

/// Where secrets are looked for.
#[derive(Debug)]
pub(super) struct Vault<'a> {
    environment: &'a Environment,
    /// The folder of the configuration file, to which relative names refer.
    folder: PathBuf,
    /// The folder of credentials that systemd passes to a service.
    credentials: Option<&'a Path>,
    /// Digests of the files that were read, by the names in the configuration.
    digests: RefCell<BTreeMap<String, Digest>>,
}

impl<'a> Vault<'a> {
    pub(super) fn new(environment: &'a Environment, file: &Path) -> Self {
        Self {
            environment,
            folder: file.parent().unwrap_or(Path::new("")).to_owned(),
            credentials: environment.get("CREDENTIALS_DIRECTORY").map(Path::new),
            digests: RefCell::default(),
        }
    }

    /// Returns the secret in an environment variable. `key` is the secret's name in the
    /// configuration, without `_file` or `_env`.
    pub(super) fn variable(&self, key: &str, name: &str) -> Result<Secret, Fault> {
        if is_no_place(name) {
            return Err(Fault::SecretInFile {
                key: key.to_owned(),
            });
        }
        match self.environment.get(name) {
            Some(value) => {
                let place = format!("the environment variable {name}");
                secret_text::read(Form::of(key), &place, value.as_bytes())
            }
            None => Err(Fault::SecretMissing {
                detail: format!("the environment variable {name} is not set or empty"),
                remedy: "set it where qlik-roster is started".to_owned(),
            }),
        }
    }

    /// Returns the secret in a file. A relative name is looked for first among the credentials that
    /// systemd passes, then next to the configuration file.
    pub(super) fn file(&self, key: &str, name: &str) -> Result<Secret, Fault> {
        if is_no_place(name) {
            return Err(Fault::SecretInFile {
                key: key.to_owned(),
            });
        }
        let path = self.place(name);
        let secret = read_file(key, &path, Keeper::of(&path, self.credentials))?;
        self.note(name, secret.expose());
        Ok(secret)
    }

    /// Returns the text of a file that is not secret, such as a certificate: anybody may read it.
    /// It is looked for in the same places as secrets.
    pub(super) fn open_file(&self, name: &str) -> Result<String, Fault> {
        if looks_secret(name) {
            return Err(Fault::FileUnreadable {
                detail: "this is the file's content instead of its name".to_owned(),
                remedy: "put the content into a file, and name that file",
            });
        }
        let text = read_open_file(&self.place(name))?;
        self.note(name, &text);
        Ok(text)
    }

    fn note(&self, name: &str, content: &str) {
        let digest = Sha256::digest(content.as_bytes()).into();
        self.digests.borrow_mut().insert(name.to_owned(), digest);
    }

    /// Returns a digest of each file that was read, by its name in the configuration.
    pub(super) fn digests(&self) -> BTreeMap<String, Digest> {
        self.digests.borrow().clone()
    }

    /// Returns the folder of credentials that systemd passes to a service.
    pub(super) fn credentials(&self) -> Option<&Path> {
        self.credentials
    }

    /// Returns where a file of that name is looked for.
    pub(super) fn place(&self, name: &str) -> PathBuf {
        let passed = self.credentials.map(|folder| folder.join(name));
        match passed.filter(|path| path.exists()) {
            Some(path) => path,
            None => self.folder.join(name),
        }
    }
}

/// Reads the secret in a file, unless others may read it. `key` is the secret's name in the
/// configuration, without `_file`.
pub(super) fn read_file(key: &str, path: &Path, keeper: Keeper) -> Result<Secret, Fault> {
    let shown = path.display().to_string();
    let missing = |detail: String, remedy: &str| Fault::SecretMissing {
        detail,
        remedy: remedy.to_owned(),
    };
    let file = secret_custody::open(key, path, keeper)?;
    let mut bytes = Vec::new();
    let read = file.take(MAX_BYTES + 1).read_to_end(&mut bytes);
    match read {
        Err(error) => Err(missing(
            format!("reading {shown}: {error}"),
            "name a file that holds only the secret",
        )),
        Ok(n) if n as u64 > MAX_BYTES => Err(missing(
            format!("{shown} is larger than {MAX_BYTES} bytes; no secret is that large"),
            "name the file that holds only the secret",
        )),
        Ok(_) => secret_text::read(Form::of(key), &shown, &bytes),
    }
}

/// Reads the text of a file that is not secret.
pub(super) fn read_open_file(path: &Path) -> Result<String, Fault> {
    let shown = path.display();
    let unreadable = |detail| Fault::FileUnreadable {
        detail,
        remedy: "name a text file that the user that runs qlik-roster can read",
    };
    let opened = secret_custody::open_regular(path)
        .map_err(|error| unreadable(format!("opening {shown}: {error}")))?;
    let mut text = String::new();
    let read = opened.take(MAX_OPEN_BYTES + 1).read_to_string(&mut text);
    match read {
        Err(error) => Err(unreadable(format!("reading {shown}: {error}"))),
        Ok(n) if n as u64 > MAX_OPEN_BYTES => Err(unreadable(format!(
            "{shown} is larger than {MAX_OPEN_BYTES} bytes"
        ))),
        Ok(_) => Ok(text),
    }
}

/// Returns whether a text that should name a file or a variable is a secret itself, or a secret
/// address.
fn is_no_place(name: &str) -> bool {
    looks_secret(name) || name.contains("://")
}

/// Returns whether somebody wrote the secret itself in place of its location; it must not be shown.
pub(super) fn looks_secret(text: &str) -> bool {
    let long = text.len() >= 32 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    long || text.starts_with("whsec_")
        || text.starts_with("whsk_")
        || text.starts_with("eyJ")
        || text.contains("-----BEGIN")
}
