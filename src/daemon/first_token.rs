//! Writes a first token where only the operator can read it, so that programs can be given access.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::NamedTempFile;
use tracing::{info, warn};

use crate::control::{Control, ControlError, TokenText};

/// The name of the file, in the store's folder.
const FILE: &str = "first-admin-token";

/// Makes a token for an administrator if the store has no token, and writes it into a file in the
/// store's folder that only its owner can read. If the file cannot be written, the daemon starts
/// without a token: an operator can make one at any time.
pub(super) async fn make(control: &Control, folder: &Path) -> Result<(), ControlError> {
    let path = folder.join(FILE);
    let target = path.clone();
    let made = control.make_first_token(move |text| write(&target, text));
    match made.await? {
        Ok(true) => info!(
            path = %path.display(),
            "Made a first token for an administrator; it is in {}, which only its owner can read",
            path.display()
        ),
        Ok(false) => {}
        Err(error) => warn!(
            error = %error,
            "No first token was made, since {} could not be written: {error}; `qlik-roster token \
             create` makes one",
            path.display()
        ),
    }
    Ok(())
}

/// Writes the file whole or not at all.
fn write(path: &Path, text: &TokenText) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(folder)?;
    file.as_file()
        .set_permissions(Permissions::from_mode(0o600))?;
    writeln!(file, "{}", text.expose())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
