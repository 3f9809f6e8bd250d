//! The names of what an export writes into its folder.
//!
//! An export is the folder `NAME-TIME`. While it is written, or deleted, its name begins with a
//! full stop, so that programs which load what is there pass over it.

use crate::control::ReportName;
use crate::model::{ExportName, Timestamp};
use crate::view::ReportFormat;

/// The file that says what an export contains.
pub(super) const MANIFEST: &str = "manifest.json";

/// What the names of folders end with that are being written or deleted.
const PARTIAL: &str = ".partial";
const DROPPED: &str = ".dropped";

/// What a name in the folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    /// An export that describes this time.
    Whole(Timestamp),
    /// What a process that was killed has left.
    Leftover,
    /// Something else.
    Foreign,
}

/// Returns the name of an export's folder.
pub(super) fn whole(name: &ExportName, as_of: Timestamp) -> String {
    format!("{name}-{}", stamp(as_of))
}

/// Returns its name while it is being written.
pub(super) fn partial(name: &ExportName, begun: Timestamp) -> String {
    format!(".{}{PARTIAL}", whole(name, begun))
}

/// Returns its name while it is being deleted.
pub(super) fn dropped(name: &ExportName, as_of: Timestamp) -> String {
    format!(".{}{DROPPED}", whole(name, as_of))
}

/// Returns the name of the file that is locked by the process that writes the export.
pub(super) fn lock(name: &ExportName) -> String {
    format!(".{name}.lock")
}

/// Returns the name of a report's file.
pub(super) fn report(report: ReportName, format: ReportFormat) -> String {
    format!("{}.{}", report.word(), format.extension())
}

/// Returns what a name in the folder is, seen from the export `name`.
pub(super) fn named(name: &ExportName, found: &str) -> Named {
    if let Some(at) = time_of(name, found) {
        return Named::Whole(at);
    }
    let hidden = found.strip_prefix('.').and_then(|hidden| {
        let written = hidden.strip_suffix(PARTIAL);
        written.or_else(|| hidden.strip_suffix(DROPPED))
    });
    match hidden.and_then(|hidden| time_of(name, hidden)) {
        Some(_) => Named::Leftover,
        None => Named::Foreign,
    }
}

/// Returns whether an export may have written a file of this name.
pub(super) fn is_own_file(found: &str) -> bool {
    let mut reports = ReportName::ALL.into_iter();
    let is_report = |kind: ReportName| {
        let mut formats = ReportFormat::ALL.into_iter();
        formats.any(|format| report(kind, format) == found)
    };
    found == MANIFEST || reports.any(is_report)
}

/// Returns the time in `NAME-TIME`, if it is written exactly so.
fn time_of(name: &ExportName, found: &str) -> Option<Timestamp> {
    let written = found.strip_prefix(name.0.as_str())?.strip_prefix('-')?;
    // 2026-03-02T091504.120Z
    let (hour, rest) = (written.get(..13)?, written.get(13..)?);
    let (minute, second) = (rest.get(..2)?, rest.get(2..)?);
    let at = Timestamp::parse(&format!("{hour}:{minute}:{second}"))?;
    (stamp(at) == written).then_some(at)
}

/// Returns a time without colons, which some file systems refuse.
fn stamp(at: Timestamp) -> String {
    at.to_string().replace(':', "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn export(name: &str) -> ExportName {
        ExportName(name.to_owned())
    }

    proptest! {
        /// No export takes what another one has written for its own, however alike their names.
        #[test]
        fn names_belong_to_one_export(
            name in "[a-z0-9][a-z0-9._-]{0,8}",
            other in "[a-z0-9][a-z0-9._-]{0,8}",
            millis in 0_i64..4_102_444_800_000,
        ) {
            let (own, at) = (export(&name), Timestamp::from_millis(millis));
            prop_assert_eq!(named(&own, &whole(&own, at)), Named::Whole(at));
            prop_assert_eq!(named(&own, &partial(&own, at)), Named::Leftover);
            prop_assert_eq!(named(&own, &dropped(&own, at)), Named::Leftover);
            prop_assert_eq!(named(&own, &lock(&own)), Named::Foreign);
            if name != other {
                for written in [whole(&own, at), partial(&own, at), dropped(&own, at)] {
                    prop_assert_eq!(named(&export(&other), &written), Named::Foreign);
                }
            }
        }
    }

    #[test]
    fn what_is_written_otherwise_is_foreign() {
        let name = export("bi");
        for found in [
            "bi",
            "bi-",
            "bi-latest",
            "bi-2026-03-02",
            "bi-2026-03-02T09:15:04.120Z",
            "bi-2026-03-02T091504.120Z.csv",
            "bi-2026-13-02T091504.120Z",
            "BI-2026-03-02T091504.120Z",
            ".bi-2026-03-02T091504.120Z",
            ".bi-x.partial",
            "bi-2026-03-02T0915é4.120Z",
            "",
        ] {
            assert_eq!(named(&name, found), Named::Foreign, "{found}");
        }
        assert!(is_own_file("users.csv") && is_own_file(MANIFEST));
        assert!(!is_own_file("users.xlsx") && !is_own_file("notes.txt"));
    }
}
