//! Licences.

use crate::model::{Allotment, LicenceAssignment, LicenceHead};
use crate::store::layout::v7::licence as v7;
use crate::store::values::licence::LicenceReading;
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

impl From<LicenceReading> for v7::LicenceReading {
    fn from(reading: LicenceReading) -> Self {
        let LicenceReading {
            mark,
            head,
            cursor,
            unreadable,
            kept,
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
            last,
            began,
            tried,
            refused: is_refused,
            unreadable,
            held: kept,
        }
    }
}

impl From<v7::LicenceReading> for LicenceReading {
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
            cursor,
            unreadable,
            kept: held,
        }
    }
}
