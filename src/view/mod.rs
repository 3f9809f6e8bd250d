//! How the answers of `control` are shown: as JSON, and in words.
//!
//! Every interface uses the same shapes: the command line prints these values with `--output json`,
//! and anything else that shows the same things uses them, too. `docs/cli.md` describes them.
//! Nothing here reads the store or depends on a terminal.
//!
//! What must stay true: fields are added, never renamed or removed; an unknown value is `null`.

mod access;
mod check;
mod delivery;
mod endpoint;
mod event;
mod finding;
mod frame;
mod holders;
mod licence;
mod listed_space;
mod plan;
mod record;
mod report;
mod right;
mod run;
mod sentence;
mod spaces;
mod user_spaces;
mod status;
mod store;
mod tenant;
mod token;
mod unified;
mod scim;

pub use access::{
    access, access_answers, access_diff, access_frame, access_not_covered, access_unread,
    diff_answer, envelope, explained, stale, user_access,
};
pub use check::{CheckLine, Complaint, Grade, check_line};
pub use delivery::{attempt, parked, shown_attempt, waiting, why_it_waits};
pub use endpoint::{configured_endpoint, endpoint};
pub use event::{event, event_words};
pub use finding::finding;
pub use frame::{Frame, FrameEnd};
pub use licence::{licence, licence_sentence, licences_answer};
pub use listed_space::{listed_space, owned_answer, spaces_answer};
pub use plan::{plan, plan_frame, removal, successor};
pub use record::{group_in_full, record, role_in_full, user_in_full};
pub use report::{ReportFormat, ReportWriter, report, report_manifest};
pub use right::{
    access_change, changes_answer, path_group, path_in_words, paths_in_words, right_name,
    right_sentence, role_name,
};
pub use run::{run, synced, why};
pub use scim::{ScimListHead, scim_config, scim_list, scim_resource, scim_schema, scim_type};
pub use sentence::sentence;
pub use spaces::{space_answer, space_right, space_row, space_sentence};
pub use status::{
    clock, crash, daemon, endpoint_status, export_status, reloaded, separation_status,
    tenant_status, unread, word_of_clock, word_of_endpoint, word_of_export, word_of_reload,
    word_of_tenant,
};
pub use store::{checked, compacted, fault, loss, loss_status, space};
pub use tenant::{tenant, why_not_active};
pub use token::{created_token, token};
pub use unified::{UnifiedShown, UnifiedView, unified_account};
pub use user_spaces::PathNames;

use serde_json::Value;

/// Adds a field to an object.
fn put(object: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.to_owned(), value.into());
    }
}
