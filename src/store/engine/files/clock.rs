//! The file beside the database that notes the believed time.

use std::fs;
use std::io::{self, Write};

use crate::store::engine::calls::Engine;
use crate::store::error::StoreError;

use super::{Folder, give_as, open_file};

impl Engine {
    /// Reads the noted time; `None` if none is noted, or it is not a text.
    pub fn noted_clock(&self) -> Result<Option<String>, StoreError> {
        match fs::read(self.folder.clock()) {
            Ok(bytes) => Ok(String::from_utf8(bytes).ok()),
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(refused) => Err(StoreError::io("reading what time it was", refused)),
        }
    }

    /// Notes the time, without a sync: if the note is lost, we only know less.
    pub fn note_clock(&self, text: &str) -> Result<(), StoreError> {
        let noted = note(&self.folder, text);
        noted.map_err(|error| StoreError::io("writing down what time it is", error))
    }
}

fn note(folder: &Folder, text: &str) -> io::Result<()> {
    let (path, written) = (folder.clock(), folder.path().join("clock.new"));
    let mut file = open_file(&written)?;
    file.set_len(0)?;
    file.write_all(text.as_bytes())?;
    give_as(&written, folder.path())?;
    fs::rename(&written, &path)
}
