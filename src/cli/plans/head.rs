//! A plan's summary in words: first what is lost, then by whom, then what has only moved.

use std::fmt::{self, Write};

use crate::control::{Moved, PlanRow, PlanSummary, RemovalChoice, Top, TopRow};
use crate::model::{Id, Kind, PlanState, Thousands, Weight};
use crate::printable;

use super::super::style::{Colour, Tone};

/// How many names of a list are written out; the rest are added up.
const MAX_NAMES: usize = 5;

/// How many moved roles and groups are written out.
const MAX_MOVED: usize = 20;

/// A plan's summary, for a terminal or a file.
pub(super) struct Head<'a> {
    pub(super) row: &'a PlanRow,
    pub(super) summary: &'a PlanSummary,
    /// Which of the moved roles and groups are written out.
    pub(super) choice: &'a RemovalChoice,
    pub(super) colour: Colour,
}

impl fmt::Display for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (plan, summary) = (&self.row.plan, self.summary);
        let title = format!("{} of {}", plan.id, self.row.tenant);
        let title = self.colour.paint(Tone::Bold, title);
        write!(f, "{title}, held at {}", plan.at)?;
        match plan.state {
            PlanState::Held => f.write_char('\n')?,
            PlanState::Approved { .. }
            | PlanState::Applied { .. }
            | PlanState::Rejected { .. }
            | PlanState::Superseded { .. }
            | PlanState::Recovered { .. } => writeln!(f, ", {}", plan.state.word())?,
        }
        for (loss, held) in &plan.losses {
            let Weight { lost, known, .. } = held.weight;
            let (n_lost, n_known) = (Thousands(lost), Thousands(known));
            let share = share(lost, known);
            writeln!(
                f,
                "  {n_lost} of {n_known} {loss} ({share}): {}",
                held.reason
            )?;
        }
        let is_counted = |loss| plan.losses.contains_key(loss);
        for (loss, n) in summary.counts.iter().filter(|(loss, _)| !is_counted(loss)) {
            writeln!(
                f,
                "  {} {loss}, needed by what is held: they wait with it",
                Thousands(*n)
            )?;
        }
        if summary.not_yet_asked > 0 {
            writeln!(
                f,
                "  {} of them were not asked for one by one yet; that is done before they are \
                 removed",
                Thousands(summary.not_yet_asked)
            )?;
        }
        writeln!(f, "\n{}", self.administrators())?;
        self.top(
            f,
            "Affected users, by e-mail domain",
            &summary.by_domain,
            "no address",
        )?;
        self.top(
            f,
            "Affected users, by status",
            &summary.by_status,
            "not known",
        )?;
        self.top(
            f,
            "By group that they leave, or were in",
            &summary.by_group,
            "",
        )?;
        self.top(f, "By role that they lose, or held", &summary.by_role, "")?;
        self.moved(f)
    }
}

impl Head<'_> {
    fn administrators(&self) -> String {
        let of = self.summary.administrators;
        let mut parts = Vec::new();
        if of.gone > 0 {
            parts.push(format!("{} of the users to be removed", Thousands(of.gone)));
        }
        match of.demoted {
            0 => {}
            1 => parts.push("1 user loses administrator rights".to_owned()),
            n => parts.push(format!("{} users lose administrator rights", Thousands(n))),
        }
        match of.groups {
            0 => {}
            1 => parts.push("1 group loses an administrator role".to_owned()),
            n => parts.push(format!(
                "{} groups lose an administrator role",
                Thousands(n)
            )),
        }
        let title = self.colour.paint(Tone::Bold, "Administrators");
        match parts.is_empty() {
            true => format!("{title}: none"),
            false => format!(
                "{title}: {}",
                self.colour.paint(Tone::Bad, parts.join("; "))
            ),
        }
    }

    fn top(
        &self,
        f: &mut fmt::Formatter<'_>,
        title: &str,
        top: &Top,
        nameless: &str,
    ) -> fmt::Result {
        let all: u64 = top.rows.iter().map(|row| row.count).sum::<u64>() + top.others_count;
        if all == 0 {
            return Ok(());
        }
        writeln!(f, "{}", self.colour.paint(Tone::Bold, title))?;
        let (rows, others) = top.rows.split_at(top.rows.len().min(MAX_NAMES));
        for TopRow { id, name, count } in rows {
            let name = name.as_deref().unwrap_or(nameless);
            write!(f, "  {:>9}  {}", Thousands(*count), printable::line(name))?;
            if let Some(id) = id {
                write!(f, "  {}", self.colour.paint(Tone::Dim, id))?;
                if self.summary.moved.iter().any(|moved| moved.from == *id) {
                    f.write_str("  moved")?;
                }
            }
            f.write_char('\n')?;
        }
        let n_others = others.len() as u64 + top.others;
        let sum: u64 = others.iter().map(|row| row.count).sum::<u64>() + top.others_count;
        if n_others > 0 {
            let more = format!("and {} more", Thousands(n_others));
            let more = self.colour.paint(Tone::Dim, more);
            writeln!(f, "  {:>9}  {more}", Thousands(sum))?;
        }
        Ok(())
    }

    fn moved(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PlanSummary {
            moved,
            moved_left_out,
            ..
        } = self.summary;
        let moved = moved.iter().filter(|moved| self.choice.takes_moved(moved));
        let moved: Vec<&Moved> = moved.collect();
        if moved.is_empty() {
            return Ok(());
        }
        let title = "Moved, not gone: there is a newer one with the same name";
        writeln!(f, "{}", self.colour.paint(Tone::Bold, title))?;
        for &one in moved.iter().take(MAX_MOVED) {
            writeln!(f, "  {}", in_words(one))?;
        }
        let more = moved.len().saturating_sub(MAX_MOVED) as u64 + moved_left_out;
        if more > 0 {
            let more = format!("and {} more", Thousands(more));
            writeln!(f, "  {}", self.colour.paint(Tone::Dim, more))?;
        }
        Ok(())
    }
}

/// Says where a role or group has moved, and how many moved with it.
fn in_words(moved: &Moved) -> String {
    let Moved {
        kind,
        name,
        from,
        to,
        came_along,
        left_behind,
    } = moved;
    let name = printable::line(name);
    let who = match kind {
        Kind::Group => "members",
        Kind::Role | Kind::User => "holders",
    };
    let moved = format!("{kind} {name}: {from} is now {to}");
    match came_along + left_behind {
        0 => moved,
        all => {
            let (came_along, all) = (Thousands(*came_along), Thousands(all));
            let left_behind = Thousands(*left_behind);
            format!("{moved}\n    {came_along} of {all} {who} moved with it, {left_behind} did not")
        }
    }
}

/// Returns where a role or group has moved, if it has.
pub(super) fn moved_to(moved: &[Moved], id: &Id) -> String {
    let found = moved.iter().find(|moved| moved.from == *id);
    found.map_or_else(String::new, |moved| format!("  moved to {}", moved.to))
}

/// Writes a share in per cent; a small one with one decimal.
fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "0 %".to_owned();
    }
    let tenths = u128::from(part) * 1_000 / u128::from(whole);
    match tenths {
        0 if part > 0 => "less than 0.1 %".to_owned(),
        0..100 => format!("{}.{} %", tenths / 10, tenths % 10),
        _ => format!("{} %", tenths / 10),
    }
}
