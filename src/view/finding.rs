//! Findings: accounts and groups that somebody should look at.

use serde_json::{Value, json};

use crate::control::{ConcernCode, ConcernRow, ConcernSubject};
use crate::model::Kind;
use crate::model::unified::UnifiedId;

/// Returns a finding.
pub fn finding(row: &ConcernRow) -> Value {
    let concern = &row.concern;
    let accepted = row.accepted.as_ref();
    let (user, group, licence) = match &concern.subject {
        ConcernSubject::AllUsers => (None, None, None),
        ConcernSubject::User(user) => (Some(&user.0), None, None),
        ConcernSubject::Group(group) => (None, Some(&group.0), None),
        ConcernSubject::Licence(subject) => (None, None, Some(subject.as_str())),
    };
    let part_of = |code| concern.part.as_ref().filter(|_| concern.code == code);
    json!({
            "id": row.id,
            "tenant": row.tenant,
            "code": concern.code.code(),
            "user_id": user.map(|id| UnifiedId::of(Kind::User, id)),
            "remote_user_id": user,
            "group_id": group.map(|id| UnifiedId::of(Kind::Group, id)),
            "remote_group_id": group,
            "licence_subject": licence,
            "all_users": concern.subject == ConcernSubject::AllUsers,
            "rule": part_of(ConcernCode::Separation),
            "name": concern.label,
            "detail": concern.detail,
            "severity": concern.code.severity(),
            "why": concern.code.why(),
            "accepted": accepted.map(|it| json!({ "at": it.at, "by": it.by, "why": it.why })),
    })
}
