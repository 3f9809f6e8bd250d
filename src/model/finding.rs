//! What a run could not read, or left as it was.

use serde::{Deserialize, Serialize};

use super::{Id, Kind};

/// Something that a run could not read, or left as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What kind of thing it is.
    pub code: FindingCode,
    /// The record's kind.
    pub kind: Kind,
    /// The record's id, where at least that could be read.
    pub id: Option<Id>,
    /// What was wrong with it, without any of its values: they may be personal.
    pub detail: String,
}

/// The kinds of findings, each explained in `docs/errors.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingCode {
    /// The record is not what the source documents; it stays at its known value.
    UnreadableRecord,
    /// Assigned roles were not visible; the known ones stay.
    HiddenRoles,
    /// Assigned groups were not visible; the known ones stay.
    HiddenGroups,
    /// The record was missing from the sweep but answered when asked for.
    Rescued,
    /// A collection may not be read with these credentials; everything of it stays.
    ForbiddenCollection,
    /// The audit log may not be read with these credentials: changes are found by full runs only.
    AuditForbidden,
    /// Something of the audit log was not read, or could not be: this sweep made up for it, or
    /// a later one will.
    AuditGap,
    /// The record is missing, and these credentials may not ask for it; it stays until it was
    /// absent from enough complete sweeps. Or it is gone or has lost access by its own answer,
    /// and the listing cannot confirm it.
    Unconfirmed,
    /// The source counts more records of a kind than it shows and answers for. What was shown
    /// is taken over, and each record that was not is asked for.
    CountDiffers,
    /// A role or group that a record points at could not be read; what is known of that list
    /// stays, and the rest of the record is taken over.
    UnreadableReference,
    /// Text that is no Unicode was replaced.
    ReplacedText,
}

impl FindingCode {
    /// All codes.
    pub const ALL: [Self; 11] = [
        Self::UnreadableRecord,
        Self::HiddenRoles,
        Self::HiddenGroups,
        Self::Rescued,
        Self::ForbiddenCollection,
        Self::AuditForbidden,
        Self::AuditGap,
        Self::Unconfirmed,
        Self::CountDiffers,
        Self::UnreadableReference,
        Self::ReplacedText,
    ];

    /// Returns the code as `docs/errors.md` lists it.
    pub fn code(self) -> &'static str {
        match self {
            Self::UnreadableRecord => "finding.unreadable-record",
            Self::HiddenRoles => "finding.hidden-roles",
            Self::HiddenGroups => "finding.hidden-groups",
            Self::Rescued => "finding.rescued",
            Self::ForbiddenCollection => "finding.forbidden-collection",
            Self::AuditForbidden => "finding.audit-forbidden",
            Self::AuditGap => "finding.audit-gap",
            Self::Unconfirmed => "finding.unconfirmed",
            Self::CountDiffers => "finding.count-differs",
            Self::UnreadableReference => "finding.unreadable-reference",
            Self::ReplacedText => "finding.replaced-text",
        }
    }
}
