//! Fetches secrets from where the configuration says they are.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use super::{Environment, Fault};
use crate::secret::Secret;

/// Longer than any secret or key, shorter than a file named by mistake.
const MAX_BYTES: u64 = 16 * 1024;

/// Longer than the bundle of all authorities that a platform trusts, some 250 KB.
const MAX_OPEN_BYTES: u64 = 1024 * 1024;

/// Where secrets are looked for.
#[derive(Debug)]
pub(super) struct Vault<'a> {
    environment: &'a Environment,
    /// The folder of the configuration file, from which relative names count.
    folder: PathBuf,
    /// The folder of credentials that systemd passes to a service.
    credentials: Option<&'a Path>,
}

impl<'a> Vault<'a> {
    pub(super) fn new(environment: &'a Environment, file: &Path) -> Self {
        Self {
            environment,
            folder: file.parent().unwrap_or(Path::new("")).to_owned(),
            credentials: environment.get("CREDENTIALS_DIRECTORY").map(Path::new),
        }
    }

    /// Returns the secret in an environment variable. `key` is what the configuration calls
    /// the secret, without `_file` or `_env`.
    pub(super) fn variable(&self, key: &str, name: &str) -> Result<Secret, Fault> {
        if looks_secret(name) {
            return Err(Fault::SecretInFile {
                key: key.to_owned(),
            });
        }
        let value = self.environment.get(name).map(Secret::new);
        let value = value.filter(|secret| !secret.is_empty());
        value.ok_or_else(|| Fault::SecretMissing {
            detail: format!("the environment variable {name} is not set or empty"),
            remedy: "set it where qlik-roster is started".to_owned(),
        })
    }

    /// Returns the secret in a file. A relative name is looked for among the credentials
    /// that systemd passes first, then beside the configuration file.
    pub(super) fn file(&self, key: &str, name: &str) -> Result<Secret, Fault> {
        if looks_secret(name) {
            return Err(Fault::SecretInFile {
                key: key.to_owned(),
            });
        }
        let path = self.place(name);
        let missing = |detail: String, remedy: &str| Fault::SecretMissing {
            detail,
            remedy: remedy.to_owned(),
        };
        let shown = path.display();
        let opened = open(&path).map_err(|error| {
            missing(
                format!("opening {shown}: {error}"),
                "create it with mode 0600, owned by the user that runs qlik-roster",
            )
        })?;
        if let Some(fault) = self.exposure(&path, &opened) {
            return Err(fault);
        }
        let mut text = String::new();
        let read = opened.file.take(MAX_BYTES + 1).read_to_string(&mut text);
        match read {
            Err(error) => Err(missing(
                format!("reading {shown}: {error}"),
                "write the secret alone into it, as text",
            )),
            Ok(n) if n as u64 > MAX_BYTES => Err(missing(
                format!("{shown} is larger than {MAX_BYTES} bytes, which no secret is"),
                "name the file that holds the secret alone",
            )),
            Ok(_) => match Secret::new(&text) {
                secret if secret.is_empty() => Err(missing(
                    format!("{shown} is empty"),
                    "write the secret into it",
                )),
                secret => Ok(secret),
            },
        }
    }

    /// Returns the text of a file that is no secret, such as a certificate: anybody may read
    /// it. It is looked for where secrets are.
    pub(super) fn open_file(&self, name: &str) -> Result<String, Fault> {
        if looks_secret(name) {
            return Err(Fault::FileUnreadable {
                detail: "the file's content stands where its name belongs".to_owned(),
                remedy: "put it into a file, and name that",
            });
        }
        let path = self.place(name);
        let shown = path.display();
        let unreadable = |detail| Fault::FileUnreadable {
            detail,
            remedy: "name a text file that the user that runs qlik-roster can read",
        };
        let opened =
            open(&path).map_err(|error| unreadable(format!("opening {shown}: {error}")))?;
        let mut text = String::new();
        let read = opened
            .file
            .take(MAX_OPEN_BYTES + 1)
            .read_to_string(&mut text);
        match read {
            Err(error) => Err(unreadable(format!("reading {shown}: {error}"))),
            Ok(n) if n as u64 > MAX_OPEN_BYTES => Err(unreadable(format!(
                "{shown} is larger than {MAX_OPEN_BYTES} bytes"
            ))),
            Ok(_) => Ok(text),
        }
    }

    /// Returns where a file of that name is looked for.
    pub(super) fn place(&self, name: &str) -> PathBuf {
        let passed = self.credentials.map(|folder| folder.join(name));
        match passed.filter(|path| path.exists()) {
            Some(path) => path,
            None => self.folder.join(name),
        }
    }

    /// A file of ours is for its owner alone. Where systemd or Kubernetes put it, the group
    /// is one made for this service, and only the rest of the world must be kept out.
    fn exposure(&self, path: &Path, opened: &Opened) -> Option<Fault> {
        let passed = self
            .credentials
            .is_some_and(|folder| path.starts_with(folder));
        let (forbidden, remedy) = match (passed, is_mounted_by_kubernetes(path)) {
            (true, _) => (0o007, "let systemd pass it by `LoadCredential=`".to_owned()),
            (false, true) => (
                0o007,
                "set `defaultMode: 0440` on the secret's volume and `fsGroup` on the pod"
                    .to_owned(),
            ),
            (false, false) => (0o077, format!("run `chmod 600 {}`", path.display())),
        };
        (opened.mode & forbidden != 0).then(|| Fault::SecretExposed {
            file: path.to_owned(),
            mode: opened.mode,
            remedy,
        })
    }
}

struct Opened {
    file: File,
    mode: u32,
}

/// The mode is that of the file that was opened, whatever the name leads to a moment later.
fn open(path: &Path) -> std::io::Result<Opened> {
    // A pipe would wait for its writer, for ever if there is none.
    if !path.metadata()?.is_file() {
        return Err(std::io::Error::other("not a regular file"));
    }
    let file = File::open(path)?;
    let mode = file.metadata()?.mode() & 0o7777;
    Ok(Opened { file, mode })
}

/// Kubernetes mounts a volume's files as links into a folder `..data`, itself a link to one
/// named `..` and the time.
fn is_mounted_by_kubernetes(path: &Path) -> bool {
    let Ok(real) = path.canonicalize() else {
        return false;
    };
    real.components().any(|part| match part {
        Component::Normal(name) => name.to_string_lossy().starts_with(".."),
        _ => false,
    })
}

/// Returns whether somebody wrote the secret where its place belongs; it must not be shown.
pub(super) fn looks_secret(text: &str) -> bool {
    let long = text.len() >= 32 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    long || text.starts_with("whsec_")
        || text.starts_with("whsk_")
        || text.starts_with("eyJ")
        || text.contains("-----BEGIN")
}
