//! Judges who may read a secret's file, and whether we may.

use std::fs::File;
use std::io::{Error, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path};

use rustix::process::{getegid, geteuid, getgroups};

use super::Fault;

/// The process's user and groups, as the file system sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Us {
    pub(super) user: u32,
    /// All groups that it is in.
    pub(super) groups: Vec<u32>,
}

/// Who owns a file, and what its mode is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Custody {
    pub(super) user: u32,
    pub(super) group: u32,
    pub(super) mode: u32,
}

/// Who put a file in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeper {
    /// systemd, among the credentials of the service.
    Systemd,
    /// Kubernetes, in a volume.
    Kubernetes,
    /// Anybody else.
    Somebody,
}

impl Us {
    pub(super) fn this_process() -> Self {
        let mut groups: Vec<u32> = getgroups()
            .unwrap_or_default()
            .into_iter()
            .map(rustix::process::Gid::as_raw)
            .collect();
        groups.push(getegid().as_raw());
        Self {
            user: geteuid().as_raw(),
            groups,
        }
    }

    fn are_in(&self, group: u32) -> bool {
        self.groups.contains(&group)
    }
}

impl Keeper {
    pub(super) fn of(path: &Path, credentials: Option<&Path>) -> Self {
        if credentials.is_some_and(|folder| path.starts_with(folder)) {
            Self::Systemd
        } else if is_mounted_by_kubernetes(path) {
            Self::Kubernetes
        } else {
            Self::Somebody
        }
    }
}

/// Opens a secret's file, unless others may read it. `key` is the secret's name in the
/// configuration.
pub(super) fn open(key: &str, path: &Path, keeper: Keeper) -> Result<File, Fault> {
    let us = Us::this_process();
    let file = open_regular(path).map_err(|error| refused(key, path, &us, &error))?;
    // Checked on the opened file, since the name may lead to another one a moment later.
    let custody = file
        .metadata()
        .map(|found| Custody::of(&found))
        .map_err(|error| refused(key, path, &us, &error))?;
    match custody.exposure(&us, keeper) {
        None => Ok(file),
        Some(how) => Err(Fault::SecretExposed {
            detail: format!(
                "the mode of {} is {:04o}: {how}",
                path.display(),
                custody.mode
            ),
            remedy: custody.way_to_close(key, path, &us, keeper),
        }),
    }
}

/// Opens a regular file.
pub(super) fn open_regular(path: &Path) -> std::io::Result<File> {
    // Reading a pipe would wait for a writer, for ever if there is none.
    if !path.metadata()?.is_file() {
        return Err(Error::other("not a regular file"));
    }
    File::open(path)
}

impl Custody {
    fn of(found: &std::fs::Metadata) -> Self {
        Self {
            user: found.uid(),
            group: found.gid(),
            mode: found.mode() & 0o7777,
        }
    }

    /// Returns who can read the file and should not; `None` if nobody. Its group may read it if
    /// that is how we read it: Kubernetes, `OpenShift` and Compose pass secrets that way. A file
    /// that we own and can write does not need group access, and likely has it by accident.
    pub(super) fn exposure(self, us: &Us, keeper: Keeper) -> Option<String> {
        let Self { user, group, mode } = self;
        if mode & 0o007 != 0 {
            return Some("everybody on this machine can read it".to_owned());
        }
        let by_accident = user == us.user && mode & 0o200 != 0;
        match (mode & 0o070, keeper) {
            (0, _) | (_, Keeper::Systemd | Keeper::Kubernetes) => None,
            (0o040, Keeper::Somebody) if us.are_in(group) && !by_accident => None,
            (_, Keeper::Somebody) => Some(format!("others of group {group} can read it")),
        }
    }

    fn way_to_close(self, key: &str, path: &Path, us: &Us, keeper: Keeper) -> String {
        let file = path.display();
        match keeper {
            Keeper::Systemd => "let systemd pass it with `LoadCredential=`".to_owned(),
            Keeper::Kubernetes => {
                "set `defaultMode: 0440` on the secret's volume and `fsGroup` on the pod".to_owned()
            }
            Keeper::Somebody if self.user == us.user => format!("run `chmod 600 {file}`"),
            Keeper::Somebody if us.are_in(self.group) => format!("run `chmod 440 {file}`"),
            // Mode 0600 alone would lock us out.
            Keeper::Somebody => format!(
                "run `chown {} {file} && chmod 600 {file}`, or {}",
                us.user,
                by_variable(key)
            ),
        }
    }
}

fn refused(key: &str, path: &Path, us: &Us, error: &Error) -> Fault {
    let file = path.display();
    let found = path.metadata().ok().map(|found| Custody::of(&found));
    let (detail, remedy) = match (error.kind(), found) {
        (ErrorKind::PermissionDenied, Some(found)) => not_ours(key, path, us, found),
        (ErrorKind::PermissionDenied, None) => (
            format!(
                "user {}, as which qlik-roster runs, is not allowed to enter a folder above {file}",
                us.user
            ),
            format!(
                "let it enter the folder (`chmod +x`), or {}",
                by_variable(key)
            ),
        ),
        (ErrorKind::NotFound, _) => (
            format!("{file} does not exist"),
            format!(
                "create it with mode 0600, owned by the user that runs qlik-roster (user {})",
                us.user
            ),
        ),
        (_, _) => (
            format!("opening {file}: {error}"),
            "name a file that holds only the secret".to_owned(),
        ),
    };
    Fault::SecretMissing { detail, remedy }
}

/// Says that a file belongs to somebody else, and what to do. Another mode does not help.
pub(super) fn not_ours(key: &str, path: &Path, us: &Us, found: Custody) -> (String, String) {
    let (file, Custody { user, mode, .. }) = (path.display(), found);
    (
        format!(
            "only user {user} can read {file} (mode {mode:04o}), but qlik-roster runs as user {}",
            us.user
        ),
        format!("run `chown {} {file}`, or {}", us.user, by_variable(key)),
    )
}

fn by_variable(key: &str) -> String {
    match key {
        "headers" => "name an environment variable with `{ env = \"…\" }` instead".to_owned(),
        _ => format!("name an environment variable in `{key}_env` instead"),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_for_us_and_for_our_group_where_we_read_it_as_one_of_it() {
        let us = Us {
            user: 10001,
            groups: vec![2000, 0],
        };
        let mine = "run `chmod 600 F`";
        let by_group = "run `chmod 440 F`";
        let others = "run `chown 10001 F && chmod 600 F`, or name an environment variable in \
                      `api_key_env` instead";
        for (user, group, mode, expected) in [
            (10001, 2000, 0o600, None),
            (10001, 2000, 0o400, None),
            // Kubernetes by fsGroup, OpenShift by group 0, Compose by uid and gid.
            (0, 2000, 0o440, None),
            (0, 0, 0o440, None),
            (10001, 2000, 0o440, None),
            (0, 2000, 0o640, None),
            (10001, 2000, 0o640, Some(mine)),
            (10001, 100, 0o440, Some(mine)),
            (0, 2000, 0o460, Some(by_group)),
            (0, 2000, 0o444, Some(by_group)),
            (10001, 2000, 0o644, Some(mine)),
            (501, 100, 0o644, Some(others)),
            (501, 100, 0o604, Some(others)),
        ] {
            let found = Custody { user, group, mode };

            let exposed = found.exposure(&us, Keeper::Somebody);

            let way = exposed
                .map(|_| found.way_to_close("api_key", Path::new("F"), &us, Keeper::Somebody));
            assert_eq!(way.as_deref(), expected, "{user}:{group} {mode:04o}");
        }
    }

    #[test]
    fn a_file_of_somebody_elses_needs_another_owner_and_not_another_mode() {
        let us = Us {
            user: 10001,
            groups: vec![10001],
        };
        let found = Custody {
            user: 501,
            group: 20,
            mode: 0o600,
        };

        let (detail, remedy) = not_ours("secret", Path::new("/run/secrets/hr"), &us, found);

        assert_eq!(
            detail,
            "only user 501 can read /run/secrets/hr (mode 0600), but qlik-roster runs as user 10001"
        );
        assert_eq!(
            remedy,
            "run `chown 10001 /run/secrets/hr`, or name an environment variable in `secret_env` \
             instead"
        );
    }
}
