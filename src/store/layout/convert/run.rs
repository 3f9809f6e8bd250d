//! Runs.

use crate::model::{
    Finding, FindingCode, Held, KindCounts, LicenceCounts, Mode, Outcome, Run, SpaceCounts,
    Traffic, Trigger,
};
use crate::store::layout::v6::run as v6;
use crate::store::layout::v9::run as v9;
use crate::store::layout::{v1, v2};
use crate::store::values::runs::RunTotals;

use super::{pairs, same_words};

same_words! {
    Trigger = v9::Trigger { Start, Schedule, Command, Audit, Gap, Spaces, Licence }
    Mode = v1::Mode { Commit, DryRun }
    FindingCode = v2::FindingCode {
        UnreadableRecord, HiddenRoles, HiddenGroups, Rescued, ForbiddenCollection,
        AuditForbidden, AuditGap, Unconfirmed, CountDiffers, UnreadableReference, ReplacedText,
    }
}

impl From<&Run> for v9::Run {
    fn from(run: &Run) -> Self {
        let Run {
            id,
            tenant_name,
            tenant,
            trigger,
            mode,
            started_at,
            ended_at,
            outcome,
            counts,
            population,
            lost,
            held,
            traffic,
            findings,
            audit_missed,
            spaces,
            licence,
        } = run;
        Self {
            id: *id,
            tenant_name: tenant_name.clone(),
            tenant: tenant.clone(),
            trigger: (*trigger).into(),
            mode: (*mode).into(),
            started_at: *started_at,
            ended_at: *ended_at,
            outcome: outcome.into(),
            counts: pairs(counts.clone()),
            population: pairs(population.clone()),
            lost: pairs(lost.clone()),
            held: held.as_ref().map(Into::into),
            traffic: (*traffic).into(),
            findings: findings.iter().map(Into::into).collect(),
            audit_missed: *audit_missed,
            spaces: spaces.map(Into::into),
            licence: licence.map(Into::into),
        }
    }
}

impl From<v9::Run> for Run {
    fn from(run: v9::Run) -> Self {
        let v9::Run {
            id,
            tenant_name,
            tenant,
            trigger,
            mode,
            started_at,
            ended_at,
            outcome,
            counts,
            population,
            lost,
            held,
            traffic,
            findings,
            audit_missed,
            spaces,
            licence,
        } = run;
        Self {
            id,
            tenant_name,
            tenant,
            trigger: trigger.into(),
            mode: mode.into(),
            started_at,
            ended_at,
            outcome: outcome.into(),
            counts: pairs(counts),
            population: pairs(population),
            lost: pairs(lost),
            held: held.map(Into::into),
            traffic: traffic.into(),
            findings: findings.into_iter().map(Into::into).collect(),
            audit_missed,
            spaces: spaces.map(Into::into),
            licence: licence.map(Into::into),
        }
    }
}

/// A run from before format 9, which read no licence.
impl From<v6::Run> for v9::Run {
    fn from(run: v6::Run) -> Self {
        let v6::Run {
            id,
            tenant_name,
            tenant,
            trigger,
            mode,
            started_at,
            ended_at,
            outcome,
            counts,
            population,
            lost,
            held,
            traffic,
            findings,
            audit_missed,
            spaces,
        } = run;
        Self {
            id,
            tenant_name,
            tenant,
            trigger: match trigger {
                v6::Trigger::Start => v9::Trigger::Start,
                v6::Trigger::Schedule => v9::Trigger::Schedule,
                v6::Trigger::Command => v9::Trigger::Command,
                v6::Trigger::Audit => v9::Trigger::Audit,
                v6::Trigger::Gap => v9::Trigger::Gap,
                v6::Trigger::Spaces => v9::Trigger::Spaces,
            },
            mode,
            started_at,
            ended_at,
            outcome,
            counts,
            population,
            lost,
            held,
            traffic,
            findings,
            audit_missed,
            spaces,
            licence: None,
        }
    }
}

/// A run from before format 6, which read no spaces.
impl From<v2::Run> for v6::Run {
    fn from(run: v2::Run) -> Self {
        let v2::Run {
            id,
            tenant_name,
            tenant,
            trigger,
            mode,
            started_at,
            ended_at,
            outcome,
            counts,
            population,
            lost,
            held,
            traffic,
            findings,
            audit_missed,
        } = run;
        Self {
            id,
            tenant_name,
            tenant,
            trigger: match trigger {
                v1::Trigger::Start => v6::Trigger::Start,
                v1::Trigger::Schedule => v6::Trigger::Schedule,
                v1::Trigger::Command => v6::Trigger::Command,
                v1::Trigger::Audit => v6::Trigger::Audit,
                v1::Trigger::Gap => v6::Trigger::Gap,
            },
            mode,
            started_at,
            ended_at,
            outcome,
            counts,
            population,
            lost,
            held,
            traffic,
            findings,
            audit_missed,
            spaces: None,
        }
    }
}

impl From<SpaceCounts> for v6::SpaceCounts {
    fn from(counts: SpaceCounts) -> Self {
        let SpaceCounts {
            listed,
            read,
            created,
            updated,
            deleted,
            unseen,
        } = counts;
        Self {
            listed,
            read,
            created,
            updated,
            deleted,
            unseen,
        }
    }
}

impl From<v6::SpaceCounts> for SpaceCounts {
    fn from(counts: v6::SpaceCounts) -> Self {
        let v6::SpaceCounts {
            listed,
            read,
            created,
            updated,
            deleted,
            unseen,
        } = counts;
        Self {
            listed,
            read,
            created,
            updated,
            deleted,
            unseen,
        }
    }
}

impl From<LicenceCounts> for v9::LicenceCounts {
    fn from(counts: LicenceCounts) -> Self {
        let LicenceCounts {
            read,
            unreadable,
            removed,
            kept,
        } = counts;
        Self {
            read,
            unreadable,
            removed,
            kept,
        }
    }
}

impl From<v9::LicenceCounts> for LicenceCounts {
    fn from(counts: v9::LicenceCounts) -> Self {
        let v9::LicenceCounts {
            read,
            unreadable,
            removed,
            kept,
        } = counts;
        Self {
            read,
            unreadable,
            removed,
            kept,
        }
    }
}

impl From<&RunTotals> for v2::Tally {
    fn from(tally: &RunTotals) -> Self {
        let RunTotals {
            count,
            last_sweep,
            lost,
        } = tally;
        Self {
            count: *count,
            last_sweep: *last_sweep,
            lost: pairs(lost.clone()),
        }
    }
}

impl From<v2::Tally> for RunTotals {
    fn from(tally: v2::Tally) -> Self {
        let v2::Tally {
            count,
            last_sweep,
            lost,
        } = tally;
        Self {
            count,
            last_sweep,
            lost: pairs(lost),
        }
    }
}

impl From<&Outcome> for v1::Outcome {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Running => Self::Running,
            Outcome::Succeeded => Self::Succeeded,
            Outcome::Degraded => Self::Degraded,
            Outcome::Held => Self::Held,
            Outcome::Incomplete { reason } => Self::Incomplete {
                reason: reason.clone(),
            },
            Outcome::Failed { code, message } => Self::Failed {
                code: code.clone(),
                message: message.clone(),
            },
            Outcome::Interrupted => Self::Interrupted,
        }
    }
}

impl From<v1::Outcome> for Outcome {
    fn from(outcome: v1::Outcome) -> Self {
        match outcome {
            v1::Outcome::Running => Self::Running,
            v1::Outcome::Succeeded => Self::Succeeded,
            v1::Outcome::Degraded => Self::Degraded,
            v1::Outcome::Held => Self::Held,
            v1::Outcome::Incomplete { reason } => Self::Incomplete { reason },
            v1::Outcome::Failed { code, message } => Self::Failed { code, message },
            v1::Outcome::Interrupted => Self::Interrupted,
        }
    }
}

impl From<KindCounts> for v1::KindCounts {
    fn from(counts: KindCounts) -> Self {
        let KindCounts {
            seen,
            created,
            updated,
            deleted,
            rescued,
            unreadable,
            partial,
        } = counts;
        Self {
            seen,
            created,
            updated,
            deleted,
            rescued,
            unreadable,
            partial,
        }
    }
}

impl From<v1::KindCounts> for KindCounts {
    fn from(counts: v1::KindCounts) -> Self {
        let v1::KindCounts {
            seen,
            created,
            updated,
            deleted,
            rescued,
            unreadable,
            partial,
        } = counts;
        Self {
            seen,
            created,
            updated,
            deleted,
            rescued,
            unreadable,
            partial,
        }
    }
}

impl From<Traffic> for v1::Traffic {
    fn from(traffic: Traffic) -> Self {
        let Traffic {
            requests,
            retries,
            waited,
        } = traffic;
        Self {
            requests,
            retries,
            waited,
        }
    }
}

impl From<v1::Traffic> for Traffic {
    fn from(traffic: v1::Traffic) -> Self {
        let v1::Traffic {
            requests,
            retries,
            waited,
        } = traffic;
        Self {
            requests,
            retries,
            waited,
        }
    }
}

impl From<&Held> for v1::Held {
    fn from(Held { plan, losses }: &Held) -> Self {
        Self {
            plan: *plan,
            losses: pairs(losses.clone()),
        }
    }
}

impl From<v1::Held> for Held {
    fn from(v1::Held { plan, losses }: v1::Held) -> Self {
        let losses = pairs(losses);
        Self { plan, losses }
    }
}

impl From<&Finding> for v2::Finding {
    fn from(finding: &Finding) -> Self {
        let Finding {
            code,
            kind,
            id,
            detail,
        } = finding;
        Self {
            code: (*code).into(),
            kind: (*kind).into(),
            id: id.clone(),
            detail: detail.clone(),
        }
    }
}

impl From<v2::Finding> for Finding {
    fn from(finding: v2::Finding) -> Self {
        let v2::Finding {
            code,
            kind,
            id,
            detail,
        } = finding;
        Self {
            code: code.into(),
            kind: kind.into(),
            id,
            detail,
        }
    }
}
