//! Reads the certificate of `[server.tls]` again while the daemon runs.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::sleep;
use tracing::{info, warn};

use crate::clock::Clock;
use crate::config::{TlsFiles, UnusableTls};
use crate::signal::Shutdown;
use crate::tls::ServerCertificate;
use crate::web::Tls;

/// How often the files are read: soon enough after a renewal, and too little to be noticed.
const EVERY: Duration = Duration::from_secs(10);

/// Shows a new certificate to clients once the files contain one.
#[derive(Debug)]
pub(super) struct TlsWatch {
    files: TlsFiles,
    tls: Tls,
    clock: Clock,
    current: ServerCertificate,
    /// What was wrong with the files at the last look, so that it is logged once.
    wrong: Option<String>,
}

/// What a look has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looked {
    /// The files contain the certificate that is shown.
    Same,
    /// They contain another one, which is shown from now on.
    Replaced,
    /// They cannot be used; the certificate stays.
    Unusable,
}

impl TlsWatch {
    /// Reads the files for the first time.
    pub(super) fn begin(files: TlsFiles, clock: Clock) -> Result<Self, UnusableTls> {
        let current = files.read()?;
        warn_of_expiry(&current, &clock);
        Ok(Self {
            tls: Tls::new(&current),
            files,
            clock,
            current,
            wrong: None,
        })
    }

    /// Returns what serves TLS.
    pub(super) fn tls(&self) -> Tls {
        self.tls.clone()
    }

    /// Looks at the files until told to end.
    pub(super) async fn run(mut self, shutdown: Shutdown) -> Result<(), Infallible> {
        loop {
            tokio::select! {
                () = shutdown.triggered() => return Ok(()),
                () = sleep(EVERY) => {}
            }
            let files = self.files.clone();
            let read = tokio::task::spawn_blocking(move || files.read()).await;
            self.take(read.expect("reading does not panic"));
        }
    }

    /// Takes what was read.
    fn take(&mut self, read: Result<ServerCertificate, UnusableTls>) -> Looked {
        let found = match read {
            Ok(found) => found,
            Err(unusable) => {
                let said = unusable.to_string();
                if self.wrong.as_ref() != Some(&said) {
                    warn!(
                        code = unusable.code(),
                        error = %unusable,
                        "The new certificate cannot be used, and the old one stays: {unusable}; {}",
                        unusable.remedy()
                    );
                    self.wrong = Some(said);
                }
                return Looked::Unusable;
            }
        };
        self.wrong = None;
        if found.is_same(&self.current) {
            return Looked::Same;
        }
        self.tls.replace(&found);
        info!("New connections are shown the new certificate");
        warn_of_expiry(&found, &self.clock);
        self.current = found;
        Looked::Replaced
    }
}

fn warn_of_expiry(certificate: &ServerCertificate, clock: &Clock) {
    if let Some(at) = certificate.expires().filter(|at| *at < clock.now()) {
        warn!("The certificate in `[server.tls]` expired at {at}; clients will refuse it");
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    /// Writes a certificate of its own with its key. Returns the certificate in PEM.
    fn issue(folder: &Path) -> String {
        let params = CertificateParams::new(vec!["localhost".into()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        fs::write(folder.join("cert.pem"), &certificate).unwrap();
        let file = folder.join("key.pem");
        fs::write(&file, key.serialize_pem()).unwrap();
        fs::set_permissions(file, Permissions::from_mode(0o600)).unwrap();
        certificate
    }

    #[test]
    fn a_new_certificate_is_shown_and_a_broken_one_leaves_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let first = issue(folder);
        let files = TlsFiles::new(folder.join("cert.pem"), folder.join("key.pem"), None);
        let mut watch = TlsWatch::begin(files.clone(), Clock::system()).unwrap();
        let mut look = || watch.take(files.read());

        assert_eq!(look(), Looked::Same);
        issue(folder);
        assert_eq!(look(), Looked::Replaced);
        assert_eq!(look(), Looked::Same);

        // The certificate of another key, no certificate, and a key that others can read.
        fs::write(folder.join("cert.pem"), &first).unwrap();
        assert_eq!(look(), Looked::Unusable);
        fs::write(folder.join("cert.pem"), "").unwrap();
        assert_eq!(look(), Looked::Unusable);
        issue(folder);
        fs::set_permissions(folder.join("key.pem"), Permissions::from_mode(0o644)).unwrap();
        assert_eq!(look(), Looked::Unusable);
        fs::remove_file(folder.join("key.pem")).unwrap();
        assert_eq!(look(), Looked::Unusable);

        issue(folder);
        assert_eq!(look(), Looked::Replaced);
    }
}
