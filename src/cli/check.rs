//! `check`: connects to each tenant and endpoint, and says what works, and what to do about what
//! does not.

mod choice;
mod export;
mod proxy;
mod steps;
mod under_way;

use std::path::Path;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt};

use crate::authorities::{MachineAuthorities, Reading};
use crate::clock::Clock;
use crate::config::{Config, NoEffect, OrganizationConfig, TenantConfig};
use crate::connector::qlik::{Organization, Probing, ReadError, Roster};
use crate::control::{ControlError, EndpointRow, EndpointState, SeparationRow, Status};
use crate::daemon::{self, Hooks};
use crate::deliver::{self, Endpoint, Verdict};
use crate::doing::doing;
use crate::model::{PlanState, TenantName, Timestamp, losses_in_words};
use crate::sync::Readings;
use crate::telemetry::chain;
use crate::view::{self, CheckLine, Complaint, Grade};

use super::Exit;
use super::args::{CheckArgs, Format, TableArgs};
use super::output::{Printer, Row};
use super::store_client::{StoreClient, has_store};
use super::style::{Tone, count, say};
use super::table::{Cell, Column};
use choice::{Met, choice, separation};
use steps::{complaint, steps};
use under_way::{UnderWay, asking};

const COLUMNS: &[Column] = &[
    Column::new("WHAT", 0).shrinkable(16),
    Column::new("STEP", 0),
    Column::new("RESULT", 0),
    Column::new("DETAIL", 0).shrinkable(24),
];

pub(super) async fn run(config: Option<&Path>, args: CheckArgs) -> anyhow::Result<Exit> {
    let config = super::begin::load(config)?;
    let clock = Clock::system();
    let mut lines: Vec<_> = config.without_effect.iter().map(no_effect).collect();
    lines.extend(authorities(MachineAuthorities::of_process().reading()));
    let mut tenants = config.tenants.clone();
    for organization in &config.organizations {
        let looked = Organization::brief(organization.options.clone(), clock.clone())?;
        let _doing = asking(&organization.name, &looked);
        let (line, found) = console(organization, &config, looked.list().await);
        lines.push(line);
        tenants.extend(found);
    }
    if let Some(wanted) = &args.tenant {
        let known = tenants.iter().map(|tenant| (&tenant.name, Vec::new()));
        if !tenants.iter().any(|tenant| tenant.name.0 == *wanted) {
            return Err(ControlError::unknown_tenant(&TenantName(wanted.clone()), known).into());
        }
        tenants.retain(|tenant| tenant.name.0 == *wanted);
    }
    let mut met = Met::default();
    lines.extend(reach(tenants, config.sync.concurrency, &clock, &mut met).await?);
    for endpoint in config.endpoints.iter().filter(|_| args.tenant.is_none()) {
        lines.extend(proxy::of_endpoint(endpoint, &config.proxies));
    }
    let exports = config.exports.iter().filter(|_| args.tenant.is_none());
    lines.extend(exports.map(export::of_export));
    if args.endpoints {
        for endpoint in &config.endpoints {
            lines.extend(trial(endpoint, &clock).await?);
        }
    }
    let mut exit = exit_of(&lines);
    let status = status(&config).await?;
    if status.is_none() && args.tenant.is_none() {
        for endpoint in &config.endpoints {
            let unmatched = met.unmatched(&endpoint.into());
            exit = exit.graver(super::endpoint_state::of_choice(&unmatched));
            lines.extend(choice(endpoint.name(), &unmatched));
        }
        for rule in &config.separations {
            let row = SeparationRow {
                rule: rule.name.clone(),
                unmatched: met.unmatched(&rule.into()),
            };
            exit = exit.graver(super::endpoint_state::of_choice(&row.unmatched));
            lines.extend(separation(&row));
        }
    }
    if let Some(status) = status {
        if args.tenant.is_none() {
            for row in &status.endpoints {
                exit = exit.graver(super::endpoint_state::of_endpoint(row));
                lines.extend(deliveries(row));
                lines.extend(choice(&row.name, &row.unmatched));
            }
            for row in &status.separations {
                exit = exit.graver(super::endpoint_state::of_choice(&row.unmatched));
                lines.extend(separation(row));
            }
        }
        let held = held(status, args.tenant.as_deref());
        if !held.is_empty() {
            exit = exit.graver(Exit::Held);
        }
        lines.extend(held);
    }
    print(lines, &args.table)?;
    Ok(exit)
}

/// Connects to tenants, several at a time, and reports each in their order.
async fn reach(
    tenants: Vec<TenantConfig>,
    at_once: usize,
    clock: &Clock,
    met: &mut Met,
) -> anyhow::Result<Vec<CheckLine>> {
    let under_way = UnderWay::default();
    let _doing = under_way.telling();
    let mut lines = Vec::new();
    let mut probings = Vec::new();
    for tenant in tenants {
        let way = proxy::of_tenant(&tenant);
        let probing = Probing::new(tenant.options, clock.clone())?;
        let probing = match tenant.spaces {
            Readings::Off => probing,
            Readings::Every(_) => probing.with_spaces(),
        };
        let probing = match tenant.licences {
            Readings::Off => probing,
            Readings::Every(_) => probing.with_licences(),
        };
        probings.push((tenant.name, way, Arc::new(probing)));
    }
    let probes = probings.into_iter().map(|(name, way, probing)| {
        let under_way = under_way.clone();
        async move {
            under_way.begins(&name, &probing);
            let probe = probing.run().await;
            under_way.ended(&name);
            (name, way, probe)
        }
    });
    // We probe several at a time, since each waits for its tenant, and keep their order.
    let mut probes = stream::iter(probes).buffered(at_once);
    while let Some((name, way, probe)) = probes.next().await {
        met.add(&name, &probe);
        lines.extend(way);
        lines.extend(steps(&format!("tenant {name}"), probe));
    }
    Ok(lines)
}

/// Returns the exit code that follows from the lines.
pub(super) fn exit_of(lines: &[CheckLine]) -> Exit {
    let is_failed = |line: &CheckLine| {
        let complaint = line.result.as_ref().err();
        complaint.is_some_and(|complaint| complaint.grade == Grade::Failed)
    };
    if lines.iter().any(is_failed) {
        Exit::Source
    } else {
        Exit::Success
    }
}

/// Tests an endpoint with a test event.
pub(super) async fn trial(endpoint: &Endpoint, clock: &Clock) -> anyhow::Result<Vec<CheckLine>> {
    let _doing = doing(format!("sending a test event to `{}`", endpoint.name()));
    let result = match deliver::test(endpoint, clock).await? {
        Verdict::Delivered { .. } => Ok("taken".to_owned()),
        Verdict::Retry { failure, .. } | Verdict::Disable { failure } => Err(Complaint {
            grade: Grade::Failed,
            code: failure.code(),
            text: chain(&failure),
            remedy: failure.remedy().to_owned(),
        }),
    };
    let what = format!("endpoint {}", endpoint.name());
    let mut lines: Vec<_> = certificate(&what, endpoint, clock.now())
        .into_iter()
        .collect();
    lines.push(CheckLine {
        what,
        step: "test event".to_owned(),
        result,
    });
    Ok(lines)
}

/// Asks for the overall state. Does not create a store if there is none yet.
async fn status(config: &Config) -> anyhow::Result<Option<Status>> {
    if !has_store(config) {
        return Ok(None);
    }
    let client = StoreClient::open(config, Hooks::none()).await?;
    let status = super::status::ask(&client).await;
    client.close().await?;
    Ok(Some(status?))
}

/// Returns a line for an endpoint whose deliveries have a problem, or that an operator has
/// disabled.
fn deliveries(row: &EndpointRow) -> Option<CheckLine> {
    let is_stopped = matches!(row.state, EndpointState::Stopped { .. });
    let result = match (row.code(), row.remedy()) {
        (Some(code), Some(remedy)) => Err(Complaint {
            grade: Grade::Failed,
            code,
            text: super::endpoint_state::of_deliveries(row),
            remedy,
        }),
        (None, _) | (_, None) if is_stopped => Ok(super::endpoint_state::of_deliveries(row)),
        (None, _) | (_, None) => return None,
    };
    Some(CheckLine {
        what: format!("endpoint {}", row.name),
        step: "deliveries".to_owned(),
        result,
    })
}

/// Returns a line for each tenant whose removals wait for an operator.
fn held(status: Status, wanted: Option<&str>) -> Vec<CheckLine> {
    let tenants = status.tenants.into_iter();
    let tenants = tenants.filter(|row| wanted.is_none_or(|wanted| wanted == row.name.0));
    let lines = tenants.filter_map(|row| {
        let plan = row.held.filter(|plan| plan.state == PlanState::Held)?;
        Some(CheckLine {
            what: format!("tenant {}", row.name),
            step: "removals".to_owned(),
            result: Err(Complaint {
                grade: Grade::Failed,
                code: plan.code(),
                text: format!(
                    "{} waits for a decision: {}",
                    plan.id,
                    losses_in_words(&plan.losses)
                ),
                remedy: "look at it with `qlik-roster plan show`, then approve or reject it"
                    .to_owned(),
            }),
        })
    });
    lines.collect()
}

/// Reports what a console listed, and returns the tenants that should be read.
fn console(
    organization: &OrganizationConfig,
    config: &Config,
    listed: Result<Roster, ReadError>,
) -> (CheckLine, Vec<TenantConfig>) {
    let (result, found) = match listed {
        Ok(roster) => {
            let (n_listed, unreadable) = (roster.tenants.len(), roster.unreadable);
            let found = daemon::found(organization, config, roster);
            // A tenant that has an entry of its own may also be read over this connection.
            let mut named = config.tenants.iter();
            let is_used = named.any(|tenant| tenant.connection == organization.name);
            if found.is_empty() && n_listed > 0 && !is_used {
                return (none_linked(organization, n_listed), found);
            }
            let mut told = vec![format!("{n_listed} listed, {} linked by it", found.len())];
            if unreadable > 0 {
                told.push(format!("{unreadable} not readable"));
            }
            (Ok(told.join(", ")), found)
        }
        Err(error) => (Err(complaint(&error)), Vec::new()),
    };
    let line = CheckLine {
        what: format!("connection {}", organization.name),
        step: "console".to_owned(),
        result,
    };
    (line, found)
}

/// Reports that a console lists tenants, but none of them is read.
fn none_linked(organization: &OrganizationConfig, n_listed: usize) -> CheckLine {
    CheckLine {
        what: format!("connection {}", organization.name),
        step: "console".to_owned(),
        result: Err(Complaint {
            grade: Grade::Warning,
            code: "config.no-effect",
            text: format!("{n_listed} listed, and none of them is linked by it"),
            remedy:
                "look at `subscription`, `regions`, `statuses`, `include` and `exclude` of the \
                     connection"
                    .to_owned(),
        }),
    }
}

/// Reports how long an endpoint's client certificate is valid, if it has one with a last day.
fn certificate(what: &str, endpoint: &Endpoint, now: Timestamp) -> Option<CheckLine> {
    let certificate = endpoint.egress().client_certificate.as_ref()?;
    let result = match certificate.expiry(now) {
        Ok(until) => Ok(format!("valid until {}", until?)),
        Err(expired) => Err(Complaint {
            grade: Grade::Failed,
            code: expired.code(),
            text: expired.to_string(),
            remedy: expired.remedy().to_owned(),
        }),
    };
    Some(CheckLine {
        what: what.to_owned(),
        step: "client certificate".to_owned(),
        result,
    })
}

/// Reports which of the machine's trusted authorities could not be read, if any.
fn authorities(reading: &Reading) -> Option<CheckLine> {
    reading.is_flawed().then(|| CheckLine {
        what: "this machine".to_owned(),
        step: "authorities".to_owned(),
        result: Err(Complaint {
            grade: Grade::Warning,
            code: reading.code(),
            text: reading.to_string(),
            remedy: reading.remedy().to_owned(),
        }),
    })
}

/// Reports a setting that has no effect.
fn no_effect(setting: &NoEffect) -> CheckLine {
    CheckLine {
        what: "configuration".to_owned(),
        step: setting.key.clone(),
        result: Err(Complaint {
            grade: Grade::Warning,
            code: setting.code(),
            text: format!("has no effect: {}", setting.why),
            remedy: setting.remedy.to_owned(),
        }),
    }
}

/// Prints the table, and below it each problem in full, and what to do about it.
pub(super) fn print(lines: Vec<CheckLine>, table: &TableArgs) -> anyhow::Result<()> {
    let mut printer = Printer::new(table, COLUMNS)?;
    let mut complaints = Vec::new();
    for line in lines {
        let (word, json) = (line.word(), view::check_line(&line));
        let (tone, detail) = match line.result {
            Ok(detail) => (Tone::Good, detail),
            Err(complaint) => {
                let Complaint {
                    grade,
                    code,
                    text,
                    remedy,
                } = complaint;
                let tone = match grade {
                    Grade::Failed => Tone::Bad,
                    Grade::Warning => Tone::Warn,
                };
                let detail = format!("{text} [{code}]; {remedy}");
                complaints.push(format!("{}, {}: {detail}", line.what, line.step));
                (tone, detail)
            }
        };
        let word = Cell::from(word).toned(Some(tone));
        printer.row(Row {
            cells: vec![line.what.into(), line.step.into(), word, detail.into()],
            json,
        })?;
    }
    let was_cut = printer.is_narrow();
    let summary = match complaints.len() {
        0 => "Everything works.".to_owned(),
        n => format!("{} to look at.", count(n, "thing")),
    };
    printer.finish(
        "There is nothing to check: the configuration has no tenant.",
        &summary,
    )?;
    if table.output.output == Format::Table && was_cut {
        complaints.iter().for_each(say);
    }
    Ok(())
}
