//! What a probe of a tenant found, step by step.

use crate::connector::LicencePage;
use crate::connector::qlik::{Probe, ReadError, Visible, VisiblePart, VisibleSpaces};
use crate::model::LicenceHead;
use crate::obstacle::Stage;
use crate::telemetry::chain;
use crate::view::{CheckLine, Complaint, Grade};

use super::super::style::count;

/// Reports what a probe found, step by step, without the steps that could not be tried.
pub(super) fn steps(what: &str, probe: Probe) -> Vec<CheckLine> {
    let line = |step: &str, result: Result<String, ReadError>| CheckLine {
        what: what.to_owned(),
        step: step.to_owned(),
        result: result.map_err(|error| complaint(&error)),
    };
    let stages = probe.stages.into_iter().map(|(stage, passed)| {
        let (step, detail) = stage_in_words(stage);
        line(step, passed.map(|()| detail.to_owned()))
    });
    let mut lines: Vec<_> = stages.collect();
    let token = probe.token;
    lines.extend(token.map(|token| line("token", token.map(|()| "obtained".to_owned()))));
    lines.extend(probe.tenant.map(|tenant| {
        line(
            "tenant",
            tenant.map(|tenant| {
                let region = tenant.region.as_deref().unwrap_or("unknown region");
                format!("{}, id {}, {region}", tenant.name, tenant.id)
            }),
        )
    }));
    let collections = probe.collections.into_iter();
    lines.extend(collections.map(|(kind, seen)| line(kind.plural(), seen.map(sight))));
    let licences = probe.licences.into_iter();
    lines.extend(licences.map(|seen| line("licences", seen.map(of_licence))));
    match probe.spaces {
        None => {}
        Some(Err(error)) => lines.push(line("spaces", Err(error))),
        Some(Ok(seen)) => lines.extend(of_spaces(what, seen)),
    }
    lines
}

/// Returns the name of a step in reaching a tenant, and what to say if it works.
fn stage_in_words(stage: Stage) -> (&'static str, &'static str) {
    match stage {
        Stage::Name => ("name", "has an address"),
        Stage::Connection => ("connection", "accepted"),
        Stage::Proxy => ("connection", "the proxy makes the connection"),
        Stage::Tls => ("TLS", "the certificate is trusted"),
    }
}

fn sight(seen: Visible) -> String {
    let Visible {
        total,
        sampled,
        unreadable,
        without_roles,
    } = seen;
    let mut parts = vec![match total {
        Some(total) => format!("{total} visible"),
        None => format!("{sampled} on the first page"),
    }];
    if unreadable > 0 {
        parts.push(format!("{unreadable} of {sampled} not readable"));
    }
    if without_roles > 0 {
        parts.push(format!(
            "{without_roles} of {sampled} do not show their assigned roles: the client lacks the \
             scope `admin_classic`, or its user the role TenantAdmin"
        ));
    }
    parts.join("; ")
}

/// Says what can be read of the licence. Qlik shows nobody what the answer lacks.
fn of_licence((head, page): (LicenceHead, LicencePage)) -> String {
    let number = match &head.number {
        Some(number) => format!("licence {number}"),
        None => "the licence does not show its number, so it is not known which tenants share it"
            .to_owned(),
    };
    let n = page.assignments.len();
    let assignments = match page.next {
        None => format!("{} visible", count(n, "assignment")),
        Some(_) => format!("{n} assignments on the first page"),
    };
    let mut parts = vec![number, assignments];
    if page.unreadable > 0 {
        parts.push(format!("{} more not readable", page.unreadable));
    }
    parts.join("; ")
}

/// Reports what can be read of spaces: which there are, who is assigned, and what is shared.
fn of_spaces(what: &str, seen: VisibleSpaces) -> Vec<CheckLine> {
    let VisibleSpaces {
        total,
        sampled,
        unreadable,
        assignments,
        shares,
    } = seen;
    let mut parts = vec![match (total, sampled) {
        (Some(0) | None, 0) => "none visible: without the role TenantAdmin, Qlik shows a client \
                                only the spaces that it is assigned to"
            .to_owned(),
        (Some(total), _) => format!("{total} visible"),
        (None, sampled) => format!("{sampled} or more visible"),
    }];
    if unreadable > 0 {
        parts.push(format!("{unreadable} of {sampled} not readable"));
    }
    let mut lines = vec![CheckLine {
        what: what.to_owned(),
        step: "spaces".to_owned(),
        result: Ok(parts.join("; ")),
    }];
    lines.extend(part_of_spaces(what, "space assignments", assignments));
    lines.extend(part_of_spaces(what, "space shares", shares));
    lines
}

fn part_of_spaces(what: &str, step: &str, part: VisiblePart) -> Option<CheckLine> {
    if part.asked == 0 {
        return None;
    }
    let is_hidden = part.is_hidden();
    let VisiblePart {
        visible,
        asked,
        refused,
    } = part;
    let spaces = count(asked, "space");
    let result = match refused {
        None => Ok(format!("visible in {visible} of {spaces}")),
        Some(error) => Err(Complaint {
            grade: match visible {
                0 => Grade::Failed,
                _ => Grade::Warning,
            },
            code: error.code(),
            text: format!("visible in {visible} of {spaces}: {}", chain(&error)),
            remedy: match is_hidden {
                true => "give the OAuth client the scope admin_classic, and its user or the API \
                         key's owner the role TenantAdmin; until then what is known is kept"
                    .to_owned(),
                false => error.remedy().to_owned(),
            },
        }),
    };
    Some(CheckLine {
        what: what.to_owned(),
        step: step.to_owned(),
        result,
    })
}

/// Says what failed, and what to do about it.
pub(super) fn complaint(error: &ReadError) -> Complaint {
    Complaint {
        grade: Grade::Failed,
        code: error.code(),
        text: chain(error),
        remedy: error.remedy().to_owned(),
    }
}
