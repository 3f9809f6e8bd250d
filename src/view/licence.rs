//! To whom a licence is assigned.

use serde_json::{Value, json};

use super::access::envelope;
use super::put;
use crate::control::{LicenceRow, LicencesPage};
use crate::model::{Allotment, LicenceAssignment, LicenceChange, LicenceHead, TenantName};

/// Returns an assignment of a licence.
pub fn licence(tenant: &TenantName, row: &LicenceRow) -> Value {
    let LicenceAssignment {
        subject,
        sort,
        is_excess,
        created_at,
    } = &row.assignment;
    json!({
        "tenant": tenant,
        "subject": subject,
        "type": sort,
        "excess": is_excess,
        "created_at": created_at,
        "since": row.since,
        "orphan": row.is_orphan,
    })
}

/// Returns what a list of licences rests on.
pub fn licences_answer(answer: &LicencesPage, rows: u64) -> Value {
    let mut json = envelope(&answer.page.envelope, Some(rows));
    put(
        &mut json,
        "licence",
        json!(answer.licence.as_ref().map(head)),
    );
    put(&mut json, "licences_read_at", json!(answer.read_at));
    put(&mut json, "searched_tenants", json!(answer.searched));
    json
}

/// Says how a licence changed.
pub fn licence_sentence(change: &LicenceChange) -> String {
    let n_subjects = change.subjects.len();
    match &change.licence {
        Some(other) => format!(
            "the tenant has the licence {} instead of {}",
            other.after.as_deref().unwrap_or("?"),
            other.before.as_deref().unwrap_or("?")
        ),
        None => format!("what the licence assigns has changed for {n_subjects} subjects"),
    }
}

fn head(head: &LicenceHead) -> Value {
    let allotments = head.allotments.iter().map(|(name, allotment)| {
        let Allotment {
            units,
            used,
            overage,
        } = allotment;
        json!({ "type": name, "units": units, "used": used, "overage": overage })
    });
    json!({ "number": head.number, "allotments": allotments.collect::<Vec<_>>() })
}
