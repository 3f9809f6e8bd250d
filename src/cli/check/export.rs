//! Says whether the exports of the configuration can be written to their folders.

use crate::export::{self, Export};
use crate::telemetry::chain;
use crate::view::{CheckLine, Complaint, Grade};

/// Looks at the folder of an export. Nothing is left in it.
pub(super) fn of_export(export: &Export) -> CheckLine {
    let result = match export::probe(export) {
        Ok(()) => Ok(format!("{} can be written to", export.folder.display())),
        Err(failed) => Err(Complaint {
            grade: Grade::Failed,
            code: failed.code(),
            text: chain(&failed),
            remedy: failed.remedy().to_owned(),
        }),
    };
    CheckLine {
        what: format!("export {}", export.name),
        step: "folder".to_owned(),
        result,
    }
}
