//! Licences.

use crate::model::{
    Allotment, LicenceAssignment, LicenceChange, LicenceHead, OtherLicence, SubjectChange,
    SubjectKey,
};
use crate::store::layout::v7::licence as v7;
use crate::store::layout::v9::licence as v9;
use crate::store::layout::v10::licence as v10;
use crate::store::values::licence::{EarlierReading, KeptLicence, LicenceReading, Named};
use crate::store::values::reading::ReadingMark;

use super::pairs;

impl From<LicenceAssignment> for v7::LicenceAssignment {
    fn from(assignment: LicenceAssignment) -> Self {
        let LicenceAssignment {
            subject,
            sort,
            is_excess,
            created_at,
        } = assignment;
        Self {
            subject,
            sort,
            excess: is_excess,
            created_at,
        }
    }
}

impl From<v7::LicenceAssignment> for LicenceAssignment {
    fn from(assignment: v7::LicenceAssignment) -> Self {
        let v7::LicenceAssignment {
            subject,
            sort,
            excess,
            created_at,
        } = assignment;
        Self {
            subject,
            sort,
            is_excess: excess,
            created_at,
        }
    }
}

impl From<LicenceHead> for v7::LicenceHead {
    fn from(head: LicenceHead) -> Self {
        let LicenceHead { number, allotments } = head;
        Self {
            number,
            allotments: pairs(allotments),
        }
    }
}

impl From<v7::LicenceHead> for LicenceHead {
    fn from(head: v7::LicenceHead) -> Self {
        let v7::LicenceHead { number, allotments } = head;
        Self {
            number,
            allotments: pairs(allotments),
        }
    }
}

impl From<Allotment> for v7::Allotment {
    fn from(allotment: Allotment) -> Self {
        let Allotment {
            units,
            used,
            overage,
        } = allotment;
        Self {
            units,
            used,
            overage,
        }
    }
}

impl From<v7::Allotment> for Allotment {
    fn from(allotment: v7::Allotment) -> Self {
        let v7::Allotment {
            units,
            used,
            overage,
        } = allotment;
        Self {
            units,
            used,
            overage,
        }
    }
}

impl From<LicenceReading> for v10::LicenceReading {
    fn from(reading: LicenceReading) -> Self {
        let LicenceReading {
            mark,
            head,
            licence,
            first,
            cursor,
            unreadable,
            unreadable_so_far,
            listed_so_far,
            failures,
            complete,
            unconfirmed,
            kept,
            earlier,
            named,
        } = reading;
        let ReadingMark {
            number,
            last,
            began,
            tried,
            is_refused,
        } = mark;
        Self {
            number,
            head: head.into(),
            cursor,
            first,
            last,
            began,
            tried,
            refused: is_refused,
            unreadable,
            unreadable_so_far,
            listed_so_far,
            failures,
            complete,
            unconfirmed,
            kept,
            earlier: earlier
                .map(|EarlierReading { number, began }| v9::EarlierReading { number, began }),
            named: named.into(),
            licence,
        }
    }
}

impl From<v10::LicenceReading> for LicenceReading {
    fn from(reading: v10::LicenceReading) -> Self {
        let v10::LicenceReading {
            number,
            head,
            cursor,
            first,
            last,
            began,
            tried,
            refused,
            unreadable,
            unreadable_so_far,
            listed_so_far,
            failures,
            complete,
            unconfirmed,
            kept,
            earlier,
            named,
            licence,
        } = reading;
        let mark = ReadingMark {
            number,
            last,
            began,
            tried,
            is_refused: refused,
        };
        Self {
            mark,
            head: head.into(),
            licence,
            first,
            cursor,
            unreadable,
            unreadable_so_far,
            listed_so_far,
            failures,
            complete,
            unconfirmed,
            kept,
            earlier: earlier
                .map(|v9::EarlierReading { number, began }| EarlierReading { number, began }),
            named: named.into(),
        }
    }
}

impl From<Named> for v9::Named {
    fn from(named: Named) -> Self {
        let Named {
            times,
            at_begin,
            read,
        } = named;
        Self {
            times,
            at_begin,
            read,
        }
    }
}

impl From<v9::Named> for Named {
    fn from(named: v9::Named) -> Self {
        let v9::Named {
            times,
            at_begin,
            read,
        } = named;
        Self {
            times,
            at_begin,
            read,
        }
    }
}

/// How far a licence was read before format 9. One count of unreadable assignments then served both
/// the last complete reading and the one under way.
impl From<v7::LicenceReading> for v9::LicenceReading {
    fn from(reading: v7::LicenceReading) -> Self {
        let v7::LicenceReading {
            number,
            head,
            cursor,
            last,
            began,
            tried,
            refused,
            unreadable,
            held,
        } = reading;
        Self {
            number,
            head,
            cursor,
            last,
            began,
            tried,
            refused,
            unreadable,
            unreadable_so_far: unreadable,
            kept: held,
            earlier: None,
            named: Named::default().into(),
        }
    }
}

/// Nothing was counted, confirmed or reported before format 10, so the first complete reading
/// removes nothing, and the history of the licence begins with it.
impl From<v9::LicenceReading> for v10::LicenceReading {
    fn from(reading: v9::LicenceReading) -> Self {
        let v9::LicenceReading {
            number,
            head,
            cursor,
            last,
            began,
            tried,
            refused,
            unreadable,
            unreadable_so_far,
            kept,
            earlier,
            named,
        } = reading;
        Self {
            number,
            licence: head.number.clone(),
            head,
            cursor,
            first: None,
            last,
            began,
            tried,
            refused,
            unreadable,
            unreadable_so_far,
            listed_so_far: None,
            failures: 0,
            complete: 0,
            unconfirmed: 0,
            kept,
            earlier,
            named,
        }
    }
}

/// Before format 10, a row had what any reading had last shown.
impl From<v7::LicenceRow> for v10::LicenceRow {
    fn from(row: v7::LicenceRow) -> Self {
        let v7::LicenceRow {
            assignments,
            reading,
        } = row;
        Self {
            assignments,
            shown: None,
            reading,
            changed_at: None,
        }
    }
}

/// Without the subject, which is in the key.
impl From<KeptLicence> for v10::LicenceRow {
    fn from(kept: KeptLicence) -> Self {
        let KeptLicence {
            subject: _,
            assignments,
            shown,
            reading,
            changed_at,
        } = kept;
        Self {
            assignments: assignments.into_iter().map(Into::into).collect(),
            shown: shown.map(|shown| shown.into_iter().map(Into::into).collect()),
            reading,
            changed_at,
        }
    }
}

impl From<LicenceChange> for v10::LicenceChange {
    fn from(change: LicenceChange) -> Self {
        let LicenceChange {
            not_before,
            licence,
            subjects,
        } = change;
        let subjects = subjects.into_iter().map(|(subject, change)| {
            let SubjectChange {
                before,
                since,
                after,
            } = change;
            v10::SubjectChange {
                subject: subject.as_str().to_owned(),
                before: before.into_iter().map(Into::into).collect(),
                since,
                after: after.into_iter().map(Into::into).collect(),
            }
        });
        Self {
            not_before,
            licence: licence.map(|OtherLicence { before, after }| (before, after)),
            subjects: subjects.collect(),
        }
    }
}

impl From<v10::LicenceChange> for LicenceChange {
    fn from(change: v10::LicenceChange) -> Self {
        let v10::LicenceChange {
            not_before,
            licence,
            subjects,
        } = change;
        let subjects = subjects.into_iter().map(|change| {
            let v10::SubjectChange {
                subject,
                before,
                since,
                after,
            } = change;
            let change = SubjectChange {
                before: before.into_iter().map(Into::into).collect(),
                since,
                after: after.into_iter().map(Into::into).collect(),
            };
            (SubjectKey::of(&subject), change)
        });
        Self {
            not_before,
            licence: licence.map(|(before, after)| OtherLicence { before, after }),
            subjects: subjects.collect(),
        }
    }
}
