//! Findings: accounts that somebody should look at.

use serde_json::{Value, json};

use crate::control::ConcernRow;
use crate::model::Kind;
use crate::model::unified::UnifiedId;

/// Returns a finding.
pub fn finding(row: &ConcernRow) -> Value {
    let concern = &row.concern;
    let accepted = row.accepted.as_ref();
    json!({
            "id": row.id,
            "tenant": row.tenant,
            "code": concern.code.code(),
            "user_id": UnifiedId::of(Kind::User, &concern.user),
            "remote_user_id": concern.user,
            "name": concern.label,
            "detail": concern.detail,
            "severity": concern.code.severity(),
            "why": concern.code.why(),
            "accepted": accepted.map(|it| json!({ "at": it.at, "by": it.by, "why": it.why })),
    })
}
