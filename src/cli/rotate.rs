//! `endpoints rotate-secret`: creates the next signing secret, and says how to switch to it.
//!
//! Nothing changes for the running daemon: deliveries are signed as before until the operator adds
//! the new secret next to the old one, and then with both. So a receiver can verify at every
//! moment.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::clock::Clock;
use crate::config::{Config, Environment, SecretPlace, secret_places};
use crate::deliver::{Endpoint, SigningSecret, generate_secret};
use crate::secret::Secret;

use super::Exit;
use super::error::CliError;
use super::style::say;

/// How many files of one day are tried, so that a mistake cannot loop for ever.
const TRIES: u32 = 100;

/// Where the new secret goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// A file next to the one in use.
    Write,
    /// Standard output.
    Print,
}

pub(super) fn run(config: &Config, endpoint: &Endpoint, how: How) -> anyhow::Result<Exit> {
    let name = endpoint.name();
    let places = secret_places(config, &Environment::of_process(), name)?;
    if places.is_empty() {
        let detail = format!("`{name}` has no signing secret: alerts are not signed");
        return Err(CliError::Impossible(detail).into());
    }
    let [place] = places.as_slice() else {
        let detail = format!(
            "`{name}` has two secrets already: finish that change first, by leaving only the new \
             one in {}",
            config.source.display()
        );
        return Err(CliError::Impossible(detail).into());
    };
    let secret = generate_secret(endpoint)?;
    let public = SigningSecret::parse(&secret)?.public();
    let line = match (how, place) {
        (How::Print, SecretPlace::File { name, .. }) => {
            println_secret(&secret)?;
            format!("secret_file = [\"NEW-FILE\", {name:?}]")
        }
        (How::Print, SecretPlace::Variable { name }) => {
            println_secret(&secret)?;
            format!("secret_env = [\"NEW_VARIABLE\", {name:?}]")
        }
        (How::Write, SecretPlace::File { name, path }) => {
            let written = write_beside(path, &secret)?;
            say(format_args!(
                "The new secret of `{}` is in {}, which only its owner can read.",
                endpoint.name(),
                written.display()
            ));
            let new = sibling(name, &written);
            format!("secret_file = [{new:?}, {name:?}]")
        }
        (How::Write, SecretPlace::Variable { name: variable }) => {
            let detail = format!(
                "the secret of `{name}` is in the environment variable {variable}, so there is no file \
                 to put a new one beside; `--print` prints a new secret"
            );
            return Err(CliError::Impossible(detail).into());
        }
    };
    let handed_over = match public {
        Some(public) => format!("the new public key, {public}"),
        None => "the new secret".to_owned(),
    };
    say(format_args!(
        "Nothing has changed yet. To move `{name}` to it:"
    ));
    say(format_args!(
        "1. In {}, set for this endpoint, the new one first:",
        config.source.display()
    ));
    say(format_args!("     {line}"));
    say(
        "2. Run `qlik-roster reload`, or restart the daemon if one of the secrets is in a variable \
         or passed by systemd. From then on deliveries are signed with both, so a receiver that \
         has either can verify them.",
    );
    say(format_args!("3. Give the receiver {handed_over}."));
    say(
        "4. When it verifies with the new one, about 24 hours later to be safe, leave only the new \
         one in the configuration, do the same again and delete the old one.",
    );
    Ok(Exit::Success)
}

fn println_secret(secret: &Secret) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{}", secret.expose())
}

/// Writes a secret to a new file next to the one in use, with the same owner.
fn write_beside(old: &Path, secret: &Secret) -> anyhow::Result<PathBuf> {
    let today = Clock::system().now().to_string();
    let today = today.get(..10).unwrap_or(&today);
    let base = old.file_name().unwrap_or_default().to_string_lossy();
    let base = undated(&base);
    for number in 1..=TRIES {
        let name = match number {
            1 => format!("{base}.{today}"),
            number => format!("{base}.{today}-{number}"),
        };
        let path = old.with_file_name(name);
        match write(&path, old, secret) {
            Ok(()) => return Ok(path),
            // We never overwrite an existing file: it may be in use.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                return Err(error).with_context(|| {
                    format!(
                        "writing {}; `--print` prints the secret, to be put where you keep it",
                        path.display()
                    )
                });
            }
        }
    }
    let detail = format!(
        "there are already {TRIES} new secrets of today beside {}; delete those that are not used",
        old.display()
    );
    Err(CliError::Impossible(detail).into())
}

fn write(path: &Path, old: &Path, secret: &Secret) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let options = options.write(true).create_new(true).mode(0o600);
    let file = options.open(path)?;
    let filled = fill(file, old, secret);
    if filled.is_err() {
        // The file was only just created and is useless.
        drop(fs::remove_file(path));
    }
    filled
}

fn fill(mut file: File, old: &Path, secret: &Secret) -> io::Result<()> {
    // If root runs this, root would own the file, and the daemon could not read it.
    let (ours, theirs) = (file.metadata()?, fs::metadata(old)?);
    if ours.uid() != theirs.uid() {
        fchown(&file, Some(theirs.uid()), Some(theirs.gid()))?;
    }
    writeln!(file, "{}", secret.expose())?;
    file.sync_all()
}

/// Removes the date that an earlier rotation gave a file.
fn undated(name: &str) -> &str {
    let Some((base, tail)) = name.rsplit_once('.') else {
        return name;
    };
    let parts: Vec<&str> = tail.split('-').collect();
    let lengths: Vec<usize> = parts.iter().take(3).map(|part| part.len()).collect();
    let is_digits = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
    let is_date = lengths == [4, 2, 2] && parts.len() <= 4 && parts.iter().all(is_digits);
    if is_date && !base.is_empty() {
        base
    } else {
        name
    }
}

/// Returns the path of the new file for the configuration, in the same style as the old one.
fn sibling(name: &str, written: &Path) -> String {
    let new = written.file_name().unwrap_or_default();
    Path::new(name).with_file_name(new).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_not_put_behind_another() {
        for (name, expected) in [
            ("hr", "hr"),
            ("hr.secret", "hr.secret"),
            ("hr.2026-03-01", "hr"),
            ("hr.secret.2026-03-01-2", "hr.secret"),
            ("hr.2026-03", "hr.2026-03"),
            (".2026-03-01", ".2026-03-01"),
        ] {
            assert_eq!(undated(name), expected);
        }
        let written = Path::new("/etc/qlik-roster/hr.2026-03-01");
        assert_eq!(sibling("keys/hr", written), "keys/hr.2026-03-01");
        assert_eq!(sibling("hr", written), "hr.2026-03-01");
    }
}
