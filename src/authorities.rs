//! The certificate authorities that this machine trusts, and those that could not be read.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::RootCertStore;
use rustls_native_certs::CertificateResult;

use crate::system_words::system_words;

/// How many errors are reported: the first ones show what kind of problem it is.
const MAX_TOLD: usize = 3;

/// The authorities that this machine trusts.
#[derive(Clone)]
pub struct MachineAuthorities {
    roots: Arc<RootCertStore>,
    reading: Reading,
}

/// How reading the machine's authorities went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Where we looked for them.
    pub from: Places,
    /// How many are trusted.
    pub n_taken: usize,
    /// How many certificates or files could not be read.
    pub n_broken: usize,
    /// What was wrong with the first ones.
    pub why: Vec<String>,
}

/// Where the machine's authorities are looked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Places {
    /// The file that `SSL_CERT_FILE` names.
    pub file: Option<PathBuf>,
    /// The folders that `SSL_CERT_DIR` names.
    pub folders: Vec<PathBuf>,
}

impl Places {
    /// Takes the places from the values of `SSL_CERT_FILE` and `SSL_CERT_DIR`.
    pub fn named(file: Option<&str>, folders: Option<&str>) -> Self {
        let folders = folders.into_iter().flat_map(std::env::split_paths);
        Self {
            file: file.filter(|file| !file.is_empty()).map(PathBuf::from),
            folders: folders
                .filter(|path| !path.as_os_str().is_empty())
                .collect(),
        }
    }

    fn of_process() -> Self {
        let text = |name| std::env::var_os(name).and_then(|value| value.into_string().ok());
        Self::named(
            text("SSL_CERT_FILE").as_deref(),
            text("SSL_CERT_DIR").as_deref(),
        )
    }
}

impl MachineAuthorities {
    /// Reads the authorities from the given places, or from where the system keeps them.
    pub fn read(from: Places) -> Self {
        let mut found = Vec::new();
        match &from.file {
            Some(file) => found.push(rustls_native_certs::load_certs_from_paths(Some(file), None)),
            None if from.folders.is_empty() => {
                found.push(rustls_native_certs::load_native_certs());
            }
            None => {}
        }
        let folders = from.folders.iter();
        found.extend(
            folders.map(|folder| rustls_native_certs::load_certs_from_paths(None, Some(folder))),
        );
        let mut roots = RootCertStore::empty();
        let (mut n_broken, mut why) = (0, Vec::new());
        for CertificateResult { certs, errors, .. } in found {
            let (_taken, n_unusable) = roots.add_parsable_certificates(certs);
            n_broken += n_unusable + errors.len();
            why.extend(errors.iter().map(in_words));
            if n_unusable > 0 {
                why.push(match n_unusable {
                    1 => "1 is not an authority's certificate".to_owned(),
                    n => format!("{n} are not authorities' certificates"),
                });
            }
        }
        why.dedup();
        why.truncate(MAX_TOLD);
        let reading = Reading {
            from,
            n_taken: roots.len(),
            n_broken,
            why,
        };
        Self {
            roots: Arc::new(roots),
            reading,
        }
    }

    /// Returns the authorities for this process, which are read once.
    pub fn of_process() -> &'static Self {
        static READ: OnceLock<MachineAuthorities> = OnceLock::new();
        READ.get_or_init(|| Self::read(Places::of_process()))
    }

    /// Returns the authorities in the form that certificate checks use.
    pub(crate) fn roots(&self) -> &Arc<RootCertStore> {
        &self.roots
    }

    /// Returns how reading them went.
    pub fn reading(&self) -> &Reading {
        &self.reading
    }
}

impl Reading {
    /// Returns whether nothing is trusted, or something could not be read.
    pub fn is_flawed(&self) -> bool {
        self.n_taken == 0 || self.n_broken > 0
    }

    /// Returns the code under which `docs/errors.md` explains the flaw.
    pub fn code(&self) -> &'static str {
        "config.broken-authorities"
    }

    /// Returns what to do about it.
    pub fn remedy(&self) -> &'static str {
        "replace or remove what cannot be read; a server whose authority is in it is refused"
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = self.why.join("; ");
        match (self.n_taken, self.n_broken) {
            (0, 0) => write!(f, "there is no certificate in {}", self.from),
            (0, _) => write!(f, "no certificate could be read from {}: {why}", self.from),
            (taken, 0) => write!(f, "{} trusted, from {}", authorities(taken), self.from),
            (taken, broken) => write!(
                f,
                "{} trusted, from {}; {broken} could not be read: {why}",
                authorities(taken),
                self.from
            ),
        }
    }
}

impl fmt::Display for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |path: &PathBuf| path.display().to_string();
        let folders: Vec<_> = self.folders.iter().map(show).collect();
        let folders = folders.join(", ");
        match &self.file {
            Some(file) if folders.is_empty() => {
                write!(f, "{} (SSL_CERT_FILE)", file.display())
            }
            Some(file) => write!(
                f,
                "{} (SSL_CERT_FILE) and {folders} (SSL_CERT_DIR)",
                file.display()
            ),
            None if folders.is_empty() => f.write_str("this system's certificates"),
            None => write!(f, "{folders} (SSL_CERT_DIR)"),
        }
    }
}

impl fmt::Debug for MachineAuthorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MachineAuthorities({})", self.roots.len())
    }
}

fn authorities(n: usize) -> String {
    match n {
        1 => "1 authority is".to_owned(),
        n => format!("{n} authorities are"),
    }
}

/// Says what was wrong with a file in our own words, without the library's.
fn in_words(error: &rustls_native_certs::Error) -> String {
    use rustls_native_certs::ErrorKind;
    match &error.kind {
        ErrorKind::Io { inner, path } => format!("{}: {}", shown(path), system_words(inner)),
        ErrorKind::Pem(_) => "a certificate is cut off or is not base64".to_owned(),
        _ => "the system does not provide its certificates".to_owned(),
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn certificate(name: &str) -> String {
        let params = CertificateParams::new(vec![name.into()]).unwrap();
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().pem()
    }

    #[test]
    fn what_was_read_and_what_was_not_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (certificate("one"), certificate("two"));
        let cut = two.get(..two.len() / 2).unwrap();
        let odd = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (text, expected) in [
            (
                Some(format!("{one}{two}")),
                "2 authorities are trusted, from FILE (SSL_CERT_FILE)",
            ),
            (
                Some(String::new()),
                "there is no certificate in FILE (SSL_CERT_FILE)",
            ),
            (
                None,
                "no certificate could be read from FILE (SSL_CERT_FILE): FILE: no such file or \
                 directory",
            ),
            (
                Some(format!("{one}{odd}")),
                "1 authority is trusted, from FILE (SSL_CERT_FILE); 1 could not be read: 1 is not \
                 an authority's certificate",
            ),
            (
                Some(format!("{one}{cut}")),
                "1 authority is trusted, from FILE (SSL_CERT_FILE); 1 could not be read: a \
                 certificate is cut off or is not base64",
            ),
        ] {
            let file = folder.path().join("ca.pem");
            drop(fs::remove_file(&file));
            if let Some(text) = &text {
                fs::write(&file, text).unwrap();
            }
            let from = Places::named(file.to_str(), None);

            let read = MachineAuthorities::read(from);

            let told = read.reading().to_string();
            let told = told.replace(&shown(&file), "FILE");
            assert_eq!(told, expected);
            assert_eq!(
                read.reading().is_flawed(),
                read.reading().n_taken == 0 || told.contains("not be read")
            );
        }
    }

    #[test]
    fn folders_are_read_beside_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let (file, certs) = (folder.path().join("ca.pem"), folder.path().join("certs"));
        fs::create_dir(&certs).unwrap();
        fs::write(&file, certificate("one")).unwrap();
        fs::write(certs.join("two.pem"), certificate("two")).unwrap();
        let from = Places::named(file.to_str(), certs.to_str());

        let read = MachineAuthorities::read(from);

        assert_eq!((read.roots().len(), read.reading().n_broken), (2, 0));
    }
}
