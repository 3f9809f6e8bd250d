//! Finds what somebody should review: looks once at each role, group and user of a tenant.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    Group, GroupId, GroupType, Kind, Path, Record, Role, RoleId, Thousands, Timestamp, User,
    UserStatus,
};

use super::bots::Bots;
use super::names::{Names, extent, part_of_extent};
use super::separation::{Breach, Judge, learn};
use super::{
    Administration, Concern, ConcernCode, ConcernSubject, Grants, Holding, Judged, RolePaths,
    Separation,
};

/// Looks at a tenant's records: roles first, then groups, then users.
///
/// Concerns are handed on as they are found, since there may be one for each user. Memory grows
/// with the roles, and with the groups that give roles.
#[derive(Debug, Default)]
pub struct Inspection {
    now: Option<Timestamp>,
    /// The clients of our own connections.
    clients: BTreeSet<String>,
    administration: Administration,
    grants: Grants,
    names: Names,
    /// Administrator roles, roles that rules name, and the groups that give any of them.
    watched: Holding,
    /// How many roles of the tenant are visible.
    n_roles: usize,
    judges: Vec<Judge>,
    /// The rules that all users break; `None` until all roles and groups were looked at.
    broken_by_all: Option<Vec<Option<Breach>>>,
    admin_groups: BTreeMap<GroupId, AdminGroup>,
    bots: Bots,
    n_users: u64,
    /// How many users do not show their groups.
    n_groupless: u64,
}

/// A group whose members are administrators.
#[derive(Debug)]
struct AdminGroup {
    is_everyone: bool,
    roles: BTreeSet<RoleId>,
    n_members: u64,
}

impl Inspection {
    /// Begins an inspection at a time. `clients` are the OAuth clients that the configuration uses
    /// for the tenant; `rules` are the rules that apply to the tenant.
    pub fn begin(now: Timestamp, clients: BTreeSet<String>, rules: Vec<Separation>) -> Self {
        Self {
            now: Some(now),
            clients,
            judges: rules.into_iter().map(Judge::of).collect(),
            ..Self::default()
        }
    }

    /// The order in which kinds must be looked at.
    pub const ORDER: [Kind; 3] = [Kind::Role, Kind::Group, Kind::User];

    /// Looks at a record, and hands on the concerns that it raises.
    pub fn look(&mut self, record: &Record, found: &mut dyn FnMut(Concern)) {
        self.administration.look(record);
        self.grants.look(record);
        match record {
            Record::Role(role) => self.role(role),
            Record::Group(group) => self.group(group),
            Record::User(user) => self.user(user, found),
        }
    }

    /// Ends the inspection: hands on the concerns that only all records together show, and returns
    /// the result of each rule.
    pub fn end(mut self, found: &mut dyn FnMut(Concern)) -> Vec<Judged> {
        self.close_givers();
        self.admin_groups(found);
        let broken = self.broken_by_all.take().unwrap_or_default();
        for (judge, breach) in self.judges.iter_mut().zip(broken) {
            let Some(breach) = breach.filter(|_| self.n_users > 0) else {
                continue;
            };
            judge.count_broken(self.n_users);
            let label = "all users".to_owned();
            let detail = format!(
                "`{}`: all {} users hold {}",
                judge.name(),
                Thousands(self.n_users),
                in_words(&self.names, &breach)
            );
            found(broken_rule(
                judge,
                ConcernSubject::AllUsers,
                label,
                detail,
                &breach,
            ));
        }
        self.bots.end(&self.clients, found);
        let judges = self.judges.into_iter();
        judges.map(|judge| judge.judged(self.n_roles)).collect()
    }

    fn role(&mut self, role: &Role) {
        self.n_roles += 1;
        self.names.roles.insert(role.id.clone(), role.name.clone());
        let is_named = learn(&mut self.judges, &role.id, &role.name);
        if is_named || self.administration.is_role(&role.id) {
            self.watched.add(role.id.clone());
        }
    }

    fn group(&mut self, group: &Group) {
        self.learn_unlisted(group.roles.as_ref());
        self.watched.look(group);
        if self.watched.giving().contains(&group.id) {
            let name = group.name.clone();
            self.names.groups.insert(group.id.clone(), name);
        }
        let roles = group.roles.iter().flat_map(BTreeMap::keys);
        let roles = roles.filter(|role| self.administration.is_role(role));
        let roles: BTreeSet<RoleId> = roles.cloned().collect();
        if !roles.is_empty() {
            let admin_group = AdminGroup {
                is_everyone: group.group_type.value == GroupType::Organization,
                roles,
                n_members: 0,
            };
            self.admin_groups.insert(group.id.clone(), admin_group);
        }
    }

    /// Adds roles that the tenant does not list to us, but shows where they are assigned.
    fn learn_unlisted(&mut self, assigned: Option<&BTreeMap<RoleId, String>>) {
        if self.judges.is_empty() {
            return;
        }
        for (id, name) in assigned.into_iter().flatten() {
            if !self.names.roles.contains_key(id) && learn(&mut self.judges, id, name) {
                self.names.roles.insert(id.clone(), name.clone());
                self.watched.add(id.clone());
            }
        }
    }

    /// Notes which rules all users break, once all roles and groups are known.
    fn close_givers(&mut self) {
        if self.broken_by_all.is_none() {
            let everybodys = self.grants.everybodys();
            let judges = self.judges.iter();
            let broken = judges.map(|judge| judge.breach(&everybodys));
            self.broken_by_all = Some(broken.collect());
        }
    }

    fn user(&mut self, user: &User, found: &mut dyn FnMut(Concern)) {
        self.close_givers();
        self.n_users += 1;
        if user.is_bot {
            self.bots.add(user, user.label().to_owned());
        }
        self.disabled_admin(user, found);
        self.expired_invitation(user, found);
        self.membership(user);
        self.learn_unlisted(user.roles.as_ref());
        // A user who has no path of their own to a watched role holds only those that everybody
        // holds.
        let is_concerned = self.watched.path_kinds(user).holds();
        let by_role = match is_concerned {
            true => self.grants.roles_of(user),
            false => BTreeMap::new(),
        };
        self.redundant_admin(user, &by_role, found);
        self.rules(user, &by_role, found);
    }

    fn disabled_admin(&self, user: &User, found: &mut dyn FnMut(Concern)) {
        if user.status.value != UserStatus::Disabled {
            return;
        }
        let paths = self.administration.paths(user);
        if !paths.is_empty() {
            let extent = self.administration.extent(user);
            let detail = paths.join(", ");
            found(of_user(ConcernCode::DisabledAdmin, user, detail, extent));
        }
    }

    fn expired_invitation(&self, user: &User, found: &mut dyn FnMut(Concern)) {
        if let (UserStatus::Pending, Some(ended), Some(now)) =
            (user.status.value, user.invite_expires_at, self.now)
            && ended < now
        {
            let extent = [ended.to_string()].into();
            let detail = format!("ended at {ended}");
            found(of_user(
                ConcernCode::ExpiredInvitation,
                user,
                detail,
                extent,
            ));
        }
    }

    fn membership(&mut self, user: &User) {
        let Some(groups) = &user.groups else {
            self.n_groupless += 1;
            return;
        };
        if self.admin_groups.is_empty() {
            return;
        }
        for group in groups.keys() {
            if let Some(group) = self.admin_groups.get_mut(group) {
                group.n_members += 1;
            }
        }
    }

    fn redundant_admin(&self, user: &User, by_role: &RolePaths, found: &mut dyn FnMut(Concern)) {
        let twice = by_role.iter().filter(|(role, paths)| {
            let is_own = paths.iter().any(|path| !path.is_everybodys());
            is_own && paths.len() > 1 && self.administration.is_role(role)
        });
        let twice: RolePaths = twice
            .map(|(role, paths)| (role.clone(), paths.clone()))
            .collect();
        if !twice.is_empty() {
            let detail = self.names.in_words(&twice);
            found(of_user(
                ConcernCode::RedundantAdmin,
                user,
                detail,
                extent(&twice),
            ));
        }
    }

    fn rules(&mut self, user: &User, by_role: &RolePaths, found: &mut dyn FnMut(Concern)) {
        let Some(broken_by_all) = self.broken_by_all.as_deref() else {
            return;
        };
        if self.judges.is_empty() {
            return;
        }
        let is_unseen = !self.grants.unseen(user).is_empty();
        for (judge, of_all) in self.judges.iter_mut().zip(broken_by_all) {
            // A rule that all users break is reported once, for all of them.
            if of_all.is_some() {
                continue;
            }
            match judge.breach(by_role).filter(Breach::has_own) {
                Some(breach) => {
                    judge.count_broken(1);
                    let words = in_words(&self.names, &breach);
                    let detail = format!("`{}`: {words}", judge.name());
                    let subject = ConcernSubject::User(user.id.clone());
                    found(broken_rule(
                        judge,
                        subject,
                        user.label().to_owned(),
                        detail,
                        &breach,
                    ));
                }
                None if is_unseen => judge.count_unseen(),
                None => {}
            }
        }
    }

    fn admin_groups(&self, found: &mut dyn FnMut(Concern)) {
        for (id, group) in &self.admin_groups {
            let name = self.names.groups.get(id).cloned().unwrap_or_default();
            for role in &group.roles {
                let role_name = self.names.role(role);
                let (code, detail) = match group.is_everyone {
                    true => (
                        ConcernCode::EveryoneAdmin,
                        format!("{role_name}, to all {} users", Thousands(self.n_users)),
                    ),
                    false => (ConcernCode::AdminByGroup, {
                        let members = counted(group.n_members, "member");
                        let members = format!("{role_name}, to {members}");
                        match self.n_groupless {
                            0 => members,
                            n => format!(
                                "{members}; the groups of {} are not visible",
                                counted(n, "user")
                            ),
                        }
                    }),
                };
                found(Concern {
                    code,
                    subject: ConcernSubject::Group(id.clone()),
                    part: Some(role.to_string()),
                    label: name.clone(),
                    detail,
                    extent: [part_of_extent(role, &Path::Group(id.clone()))].into(),
                });
            }
        }
    }
}

fn counted(n: u64, what: &str) -> String {
    match n {
        1 => format!("1 {what}"),
        n => format!("{} {what}s", Thousands(n)),
    }
}

/// Writes the roles of both sides: `Approver directly; Clerk by the group Finance`.
fn in_words(names: &Names, breach: &Breach) -> String {
    breach
        .sides()
        .each_ref()
        .map(|it| names.in_words(it))
        .join("; ")
}

fn broken_rule(
    judge: &Judge,
    subject: ConcernSubject,
    label: String,
    detail: String,
    breach: &Breach,
) -> Concern {
    Concern {
        code: ConcernCode::Separation,
        subject,
        part: Some(judge.name().to_owned()),
        label,
        detail,
        extent: extent(breach.sides().iter().flatten()),
    }
}

fn of_user(code: ConcernCode, user: &User, detail: String, extent: BTreeSet<String>) -> Concern {
    Concern {
        code,
        subject: ConcernSubject::User(user.id.clone()),
        part: None,
        label: user.label().to_owned(),
        detail,
        extent,
    }
}
