//! Findings: what a run could not read, or left unchanged.

use serde::{Deserialize, Serialize};

use super::{Id, Kind};

/// Something that a run could not read, or left unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What kind of thing it is.
    pub code: FindingCode,
    /// The record's kind.
    pub kind: Kind,
    /// The record's id; `None` if even that could not be read.
    pub id: Option<Id>,
    /// What was wrong with it, without any of its values, which may be personal.
    pub detail: String,
}

/// The kinds of findings, each explained in `docs/errors.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingCode {
    /// The record does not match what the source documents; its known value stays.
    UnreadableRecord,
    /// Assigned roles were not visible; the known ones stay.
    HiddenRoles,
    /// Assigned groups were not visible; the known ones stay.
    HiddenGroups,
    /// The sweep did not list the record, but it was there when we asked for it.
    Rescued,
    /// These credentials are not allowed to read a collection; everything known of it stays.
    ForbiddenCollection,
    /// These credentials are not allowed to read the audit log: only full runs find changes.
    AuditForbidden,
    /// Part of the audit log was not read, or could not be: this sweep made up for it, or a later
    /// one will.
    AuditGap,
    /// The record is missing, and these credentials are not allowed to ask for it; it stays until
    /// it was absent from enough complete sweeps. Or the record's own answer says that it is gone
    /// or has lost access, and the listing cannot confirm that.
    Unconfirmed,
    /// The source counts more records of a kind than it shows and answers for. The records that it
    /// shows are applied, and each missing one is asked for by id.
    CountDiffers,
    /// A role or group that a record points at could not be read; the known value of that list
    /// stays, and the rest of the record is applied.
    UnreadableReference,
    /// Text that is not valid Unicode was replaced.
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
