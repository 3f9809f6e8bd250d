//! Validates and reads the certificate with which the daemon serves TLS.
//!
//! The files are read again while the daemon runs, since certificates are renewed every few weeks.

use std::fmt;
use std::path::{Path, PathBuf};

use super::problem::Problems;
use super::secret_custody::Keeper;
use super::secrets::{self, Vault};
use super::{Fault, raw};
use crate::tls::ServerCertificate;

/// The name of the key's file in the configuration, without `_file`.
const KEY: &str = "key";

/// Where certificate and key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    chain: PathBuf,
    key: PathBuf,
    /// The folder of credentials that systemd passes to a service.
    credentials: Option<PathBuf>,
}

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {fault}", path = .path.display())]
pub struct UnusableTls {
    path: PathBuf,
    fault: Fault,
}

impl UnusableTls {
    /// Returns the code that `docs/errors.md` explains.
    pub fn code(&self) -> &'static str {
        self.fault.code()
    }

    /// Returns what an operator can do about it.
    pub fn remedy(&self) -> impl fmt::Display + '_ {
        self.fault.remedy()
    }
}

impl TlsFiles {
    /// Names the files, and the folder of credentials that systemd passes to a service.
    pub fn new(chain: PathBuf, key: PathBuf, credentials: Option<&Path>) -> Self {
        Self {
            chain,
            key,
            credentials: credentials.map(Path::to_owned),
        }
    }

    /// Reads certificate and key. The key is refused if others can read its file.
    pub fn read(&self) -> Result<ServerCertificate, UnusableTls> {
        let of = |path: &Path| {
            let path = path.to_owned();
            move |fault| UnusableTls { path, fault }
        };
        let chain = secrets::read_open_file(&self.chain).map_err(of(&self.chain))?;
        let keeper = Keeper::of(&self.key, self.credentials.as_deref());
        let key = secrets::read_file(KEY, &self.key, keeper).map_err(of(&self.key))?;
        ServerCertificate::parse(&chain, &key)
            .map_err(|source| Fault::BadCertificate { source })
            .map_err(of(&self.chain))
    }
}

/// Validates the section `[server.tls]`.
pub(super) fn server_tls(
    raw: Option<&raw::ServerTls>,
    vault: &Vault<'_>,
    problems: &mut Problems,
) -> Option<TlsFiles> {
    let raw = raw?;
    let mut named = |key: &str, file: Option<&String>| {
        let at = format!("server.tls.{key}");
        let Some(file) = file else {
            let remedy = "name the certificate's file in `cert_file`, and that of its key in \
                          `key_file`, or remove [server.tls]";
            problems.add(at, Fault::Missing { remedy });
            return None;
        };
        if secrets::looks_secret(file) {
            let key = KEY.to_owned();
            problems.add(at, Fault::SecretInFile { key });
            return None;
        }
        Some(vault.place(file))
    };
    let chain = named("cert_file", raw.cert_file.as_ref());
    let key = named("key_file", raw.key_file.as_ref());
    let (chain, key) = chain.zip(key)?;
    let files = TlsFiles::new(chain, key, vault.credentials());
    if let Err(UnusableTls { path, fault }) = files.read() {
        let key = match path == files.key {
            true => "server.tls.key_file",
            false => "server.tls.cert_file",
        };
        problems.add(key, fault);
        return None;
    }
    Some(files)
}
