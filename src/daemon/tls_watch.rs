//! Reads the certificate of `[server.tls]` again while the daemon runs.

use std::convert::Infallible;
use std::time::Duration;

use tracing::{info, warn};

use crate::clock::Clock;
use crate::config::{TlsFiles, UnusableTls};
use crate::model::Timestamp;
use crate::pulse::Pulse;
use crate::signal::Shutdown;
use crate::telemetry::{Metrics, Sample};
use crate::tls::ServerCertificate;
use crate::web::Tls;

/// How often the files are read: soon enough after a renewal, and too little to be noticed.
const EVERY: Duration = Duration::from_secs(10);

/// How long before its end a certificate is warned of: those that are renewed automatically have
/// been renewed by then, and by hand there is time for it.
const NOTICE: Duration = Duration::from_secs(30 * 24 * 3600);

/// How often that is repeated.
const REPEAT: Duration = Duration::from_secs(24 * 3600);

/// Shows a new certificate to clients once the files contain one.
#[derive(Debug, Clone)]
pub(super) struct TlsWatch {
    files: TlsFiles,
    tls: Tls,
    clock: Clock,
    current: ServerCertificate,
    /// When the end of the certificate was warned of; `None` if it was not.
    warned_at: Option<Timestamp>,
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
        let mut watch = Self {
            tls: Tls::new(&current),
            files,
            clock,
            current,
            warned_at: None,
            wrong: None,
        };
        watch.warn_of_end();
        Ok(watch)
    }

    /// Returns what serves TLS.
    pub(super) fn tls(&self) -> Tls {
        self.tls.clone()
    }

    /// Looks at the files until told to end.
    pub(super) async fn run(
        mut self,
        metrics: Metrics,
        pulse: Pulse,
        shutdown: Shutdown,
    ) -> Result<(), Infallible> {
        loop {
            self.show(&metrics);
            tokio::select! {
                () = shutdown.triggered() => return Ok(()),
                () = pulse.sleep(EVERY) => {}
            }
            let files = self.files.clone();
            let read = tokio::task::spawn_blocking(move || files.read()).await;
            self.take(read.expect("reading does not panic"));
            self.warn_of_end();
        }
    }

    /// Shows when the certificate ends.
    fn show(&self, metrics: &Metrics) {
        if let Some(at) = self.current.expires() {
            let seconds = at.millis() as f64 / 1000.0;
            metrics.set(Sample::CertificateExpiry {}, seconds);
        }
    }

    /// Warns if the certificate has ended or soon does, and again each day.
    fn warn_of_end(&mut self) {
        let now = self.clock.now();
        let is_told = self.warned_at.is_some_and(|at| now.since(at) < REPEAT);
        let Some(end) = End::of(self.current.expires(), now).filter(|_| !is_told) else {
            return;
        };
        self.warned_at = Some(now);
        match end {
            End::Past(at) => warn!(
                "The certificate in `[server.tls]` expired at {at}, and clients refuse it; put a \
                 new one into its files, which are read again by themselves"
            ),
            End::Near(at) => warn!(
                "The certificate in `[server.tls]` expires at {at}; put a new one into its files, \
                 which are read again by themselves"
            ),
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
        self.current = found;
        self.warned_at = None;
        Looked::Replaced
    }
}

/// The end of a certificate that a person should know of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// It has expired.
    Past(Timestamp),
    /// It expires soon.
    Near(Timestamp),
}

impl End {
    fn of(expires: Option<Timestamp>, now: Timestamp) -> Option<Self> {
        match expires? {
            at if at <= now => Some(Self::Past(at)),
            at if at <= now.plus(NOTICE) => Some(Self::Near(at)),
            _later => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    /// Writes a certificate of its own with its key. Returns the certificate in PEM.
    fn issue(folder: &Path) -> String {
        issue_until(folder, 4090)
    }

    /// The same for a certificate that ends in a year.
    fn issue_until(folder: &Path, year: i32) -> String {
        let mut params = CertificateParams::new(vec!["localhost".into()]).unwrap();
        params.not_after = date_time_ymd(year, 3, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        fs::write(folder.join("cert.pem"), &certificate).unwrap();
        let file = folder.join("key.pem");
        fs::write(&file, key.serialize_pem()).unwrap();
        fs::set_permissions(file, Permissions::from_mode(0o600)).unwrap();
        certificate
    }

    #[test]
    fn the_end_of_a_certificate_is_warned_of_before_it_comes_and_again_each_day() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let now = Timestamp::parse("2026-03-01T00:00:00Z").unwrap();
        let day = |n: u64| now.plus(Duration::from_secs(n * 24 * 3600));
        for (end, expected) in [
            (day(0), Some(End::Past(day(0)))),
            (day(1), Some(End::Near(day(1)))),
            (day(30), Some(End::Near(day(30)))),
            (day(31), None),
        ] {
            assert_eq!(End::of(Some(end), now), expected, "{end}");
        }
        assert_eq!(End::of(None, now), None);

        issue(folder);
        let files = TlsFiles::new(folder.join("cert.pem"), folder.join("key.pem"), None);
        let clock = Clock::stopped_at(now);
        let mut watch = TlsWatch::begin(files.clone(), clock.clone()).unwrap();
        let metrics = Metrics::default();
        watch.show(&metrics);
        let end = watch.current.expires().unwrap();
        let shown = metrics.get(Sample::CertificateExpiry {}).unwrap();
        assert!((shown - end.millis() as f64 / 1000.0).abs() < 1.0);
        assert_eq!(watch.warned_at, None, "it is valid for centuries");
        issue_until(folder, 2020);
        watch.take(files.read());
        watch.warn_of_end();
        assert_eq!(watch.warned_at, Some(now));
        clock.set(now.plus(REPEAT / 2));
        watch.warn_of_end();
        assert_eq!(watch.warned_at, Some(now), "once a day is enough");
        clock.set(now.plus(REPEAT));
        watch.warn_of_end();
        assert_eq!(watch.warned_at, Some(now.plus(REPEAT)));
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
