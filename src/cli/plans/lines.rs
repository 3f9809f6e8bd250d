//! The removals of a plan, grouped: users by the domain of their address, memberships by group,
//! role assignments by role.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::control::{Moved, RemovalRow};
use crate::model::{GroupId, Id, Kind, Loss, Proof, RoleId, Taken, Thousands, UserStatus};
use crate::printable;

use super::super::style::{Colour, Tone};
use super::head::moved_to;

/// How many lines of a group, and how many groups of each kind, a terminal shows of a long plan.
const MAX_LINES: usize = 5;
const MAX_GROUPS: usize = 8;

/// Plans with up to this many entries are shown in full on a terminal, too: a page or two.
pub(super) const SHORT: u64 = 40;

/// The width of a user's name, unless it is longer: id and marks still fit in eighty columns.
const NAME_WIDTH: usize = 30;

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// Every line.
    Whole,
    /// The first lines of the largest groups.
    Shortened,
}

/// Collects entries. For a shortened list it keeps what it shows, and counts the rest.
pub(super) struct Lines<'a> {
    extent: Extent,
    moved: &'a [Moved],
    sections: BTreeMap<Loss, BTreeMap<Heading, Group>>,
}

/// What the lines of a group have in common: a domain, a group or a role. `None` if nothing.
type Heading = Option<(String, Option<Id>)>;

/// Administrators come first: they must not be missed in a shortened list.
#[derive(Default)]
struct Group {
    count: u64,
    administrators: Vec<String>,
    others: Vec<String>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(extent: Extent, moved: &'a [Moved]) -> Self {
        Self {
            extent,
            moved,
            sections: BTreeMap::new(),
        }
    }

    /// Adds an entry.
    pub(super) fn add(&mut self, row: &RemovalRow) {
        let record = &row.removal.record;
        match &row.removal.what {
            Taken::Record { proof } => {
                let heading = match (record.kind, &row.person) {
                    (Kind::Role | Kind::Group, _) => None,
                    (Kind::User, person) => {
                        let domain = person.as_ref().and_then(|it| it.domain.clone());
                        Some((
                            domain.unwrap_or_else(|| "no e-mail address".to_owned()),
                            None,
                        ))
                    }
                };
                let mut marks = marks(row);
                if *proof == Proof::NotYetAsked {
                    marks.push("not asked for yet".to_owned());
                }
                let moved = moved_to(self.moved, &record.id);
                if !moved.is_empty() {
                    marks.push(moved.trim_start().to_owned());
                }
                self.put(Loss::of(record.kind), heading, row, &marks);
            }
            Taken::Access { roles, groups } => {
                for (GroupId(id), name) in groups {
                    let heading = Some((name.clone(), Some(id.clone())));
                    self.put(Loss::Memberships, heading, row, &marks(row));
                }
                for (RoleId(id), name) in roles {
                    let heading = Some((name.clone(), Some(id.clone())));
                    self.put(Loss::RoleAssignments, heading, row, &marks(row));
                }
            }
        }
    }

    fn put(&mut self, loss: Loss, heading: Heading, row: &RemovalRow, marks: &[String]) {
        let section = self.sections.entry(loss).or_default();
        let group = section.entry(heading).or_default();
        group.count += 1;
        let person = row.person.as_ref();
        let lines = match person.is_some_and(|person| !person.administers.is_empty()) {
            true => &mut group.administrators,
            false => &mut group.others,
        };
        if self.extent == Extent::Shortened && lines.len() >= MAX_LINES {
            return;
        }
        let name = printable::line(&row.removal.label);
        let id = &row.removal.record.id;
        let width = match row.removal.record.kind {
            Kind::User => NAME_WIDTH,
            Kind::Role | Kind::Group => 0,
        };
        let line = format!("{name:<width$}  {id}  {}", marks.join(", "));
        lines.push(line.trim_end().to_owned());
    }

    /// Writes everything, the largest groups first. Returns whether something was left out.
    pub(super) fn write(self, out: &mut impl Write, colour: Colour) -> io::Result<Extent> {
        let Self {
            extent,
            moved,
            sections,
        } = self;
        let mut shown = Extent::Whole;
        for (loss, groups) in sections {
            let count: u64 = groups.values().map(|group| group.count).sum();
            let title = format!("{}: {}", title(loss), Thousands(count));
            writeln!(out, "\n{}", colour.paint(Tone::Bold, title))?;
            let mut groups: Vec<(Heading, Group)> = groups.into_iter().collect();
            groups.sort_by_key(|(_, group)| Reverse(group.count));
            let most = match extent {
                Extent::Whole => groups.len(),
                Extent::Shortened => groups.len().min(MAX_GROUPS),
            };
            let others = groups.split_off(most);
            for (heading, group) in groups {
                if let Some((name, id)) = &heading {
                    write!(out, "  {}", colour.paint(Tone::Bold, printable::line(name)))?;
                    if let Some(id) = id {
                        write!(out, "  {}", colour.paint(Tone::Dim, id))?;
                        write!(out, "{}", moved_to(moved, id))?;
                    }
                    writeln!(out, ": {}", Thousands(group.count))?;
                }
                let lines = group.administrators.iter().chain(&group.others);
                let most = match extent {
                    Extent::Whole => usize::MAX,
                    Extent::Shortened => MAX_LINES,
                };
                let mut left_out = group.count;
                for line in lines.take(most) {
                    writeln!(out, "    {line}")?;
                    left_out -= 1;
                }
                if left_out > 0 {
                    shown = Extent::Shortened;
                    let more = format!("and {} more", Thousands(left_out));
                    writeln!(out, "    {}", colour.paint(Tone::Dim, more))?;
                }
            }
            if !others.is_empty() {
                shown = Extent::Shortened;
                let lines: u64 = others.iter().map(|(_, group)| group.count).sum();
                let (lines, others) = (Thousands(lines), Thousands(others.len() as u64));
                let more = format!("and {others} more groups of lines, with {lines} in all");
                writeln!(out, "  {}", colour.paint(Tone::Dim, more))?;
            }
        }
        Ok(shown)
    }
}

/// Returns what somebody must know about a user who is listed.
fn marks(row: &RemovalRow) -> Vec<String> {
    let mut marks = Vec::new();
    if let (Kind::Group, Taken::Access { .. }) = (row.removal.record.kind, &row.removal.what) {
        marks.push("a group".to_owned());
    }
    let Some(person) = &row.person else {
        return marks;
    };
    if !person.administers.is_empty() {
        marks.push("administrator".to_owned());
    }
    if person.status.value != UserStatus::Enabled {
        let status = person.status.source_value.as_deref();
        marks.push(printable::line(status.unwrap_or("status not known")).into_owned());
    }
    marks
}

fn title(loss: Loss) -> &'static str {
    match loss {
        Loss::Users => "Users to be removed",
        Loss::Roles => "Roles to be removed",
        Loss::Groups => "Groups to be removed",
        Loss::Memberships => "Memberships to be removed",
        Loss::RoleAssignments => "Role assignments to be removed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Person;
    use crate::model::{Coded, RecordRef, Removal};

    fn id(n: u64) -> Id {
        Id::parse(&format!("{n:024x}")).unwrap()
    }

    fn leaver(n: u64, domain: &str, administers: &[&str]) -> RemovalRow {
        let record = RecordRef {
            kind: Kind::User,
            id: id(n),
        };
        let administers = administers.iter().map(|role| (*role).to_owned());
        RemovalRow {
            removal: Removal {
                record,
                label: format!("Person {n}"),
                what: Taken::Record {
                    proof: Proof::Confirmed,
                },
            },
            person: Some(Person {
                domain: Some(domain.to_owned()),
                status: Coded::new(UserStatus::Enabled, "active"),
                administers: administers.collect(),
            }),
        }
    }

    fn written(extent: Extent, rows: &[RemovalRow]) -> (String, Extent) {
        let mut lines = Lines::new(extent, &[]);
        for row in rows {
            lines.add(row);
        }
        let mut out = Vec::new();
        let shown = lines.write(&mut out, Colour::Off).unwrap();
        (String::from_utf8(out).unwrap(), shown)
    }

    #[test]
    fn a_cut_list_counts_what_it_leaves_out_and_begins_with_administrators() {
        let mut rows: Vec<_> = (1..=1_200).map(|n| leaver(n, "example.com", &[])).collect();
        rows.push(leaver(5_000, "example.com", &["TenantAdmin"]));
        rows.extend((6_000..6_009).map(|n| leaver(n, &format!("{n}.example"), &[])));

        let (text, shown) = written(Extent::Shortened, &rows);

        let mut lines = text.lines().skip(1);
        assert_eq!(lines.next(), Some("Users to be removed: 1,210"));
        assert_eq!(lines.next(), Some("  example.com: 1,201"));
        let first = format!("    {:<30}  {}  administrator", "Person 5000", id(5_000));
        assert_eq!(lines.next(), Some(first.as_str()));
        assert_eq!(lines.nth(4), Some("    and 1,196 more"));
        assert_eq!(
            lines.last(),
            Some("  and 2 more groups of lines, with 2 in all")
        );
        assert_eq!(shown, Extent::Shortened);
    }

    #[test]
    fn a_whole_list_has_every_line() {
        let rows: Vec<_> = (1..=1_200)
            .map(|n| leaver(n, &format!("{}.example", n % 12), &[]))
            .collect();

        let (text, shown) = written(Extent::Whole, &rows);

        let people = text.lines().filter(|line| line.starts_with("    Person "));
        assert_eq!(people.count(), 1_200);
        assert!(!text.contains("more"));
        assert_eq!(shown, Extent::Whole);
    }

    #[test]
    fn a_name_cannot_move_the_cursor() {
        let mut row = leaver(1, "example.com", &[]);
        row.removal.label = "\u{1b}[2JMallory\nMaria".to_owned();

        let (text, _) = written(Extent::Whole, &[row]);

        assert!(text.contains(r"\u{1b}[2JMallory\nMaria "), "{text}");
    }
}
