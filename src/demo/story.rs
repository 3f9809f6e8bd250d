//! The life of a company, step by step: people join, gain access, move, marry and leave.
//!
//! The same seed over the same directory gives the same story. The caller sets the pace.

use super::happening::{Happening, Step};
use super::names::{DEPARTMENTS, FAMILY, GIVEN, PLACES};
use super::tenant::{
    Directory, Edit, EditError, GroupEdit, MAIL_DOMAIN, NewUser, RoleEdit, Status, User, local_part,
};
use crate::model::UserId;

/// A namesake gets a number; beyond this many, nobody of that name joins.
const MAX_NAMESAKES: u32 = 10_000;

/// A seeded story that happens in a directory.
#[derive(Debug)]
pub struct Story {
    directory: Directory,
    rng: fastrand::Rng,
    spared: Vec<UserId>,
    n_steps: u64,
}

/// What may happen next. [`FREQUENCIES`] says how often each does, in a hundred steps.
#[derive(Debug, Clone, Copy)]
enum HappeningKind {
    Join,
    GainAdmin,
    GainRole,
    LoseRole,
    Move,
    Rename,
    Disable,
    Enable,
    Leave,
    ComeBack,
    Touch,
    RenameGroup,
    EmpowerGroup,
    FoundGroup,
    DescribeRole,
}

const FREQUENCIES: [(HappeningKind, u32); 15] = [
    (HappeningKind::Join, 16),
    (HappeningKind::GainAdmin, 6),
    (HappeningKind::GainRole, 14),
    (HappeningKind::LoseRole, 10),
    (HappeningKind::Move, 16),
    (HappeningKind::Rename, 6),
    (HappeningKind::Disable, 6),
    (HappeningKind::Enable, 5),
    (HappeningKind::Leave, 7),
    (HappeningKind::ComeBack, 3),
    (HappeningKind::Touch, 4),
    (HappeningKind::RenameGroup, 2),
    (HappeningKind::EmpowerGroup, 2),
    (HappeningKind::FoundGroup, 2),
    (HappeningKind::DescribeRole, 1),
];

/// How the demo begins, so that its first minute shows what matters.
const OPENING: [HappeningKind; 6] = [
    HappeningKind::Join,
    HappeningKind::GainAdmin,
    HappeningKind::Move,
    HappeningKind::Rename,
    HappeningKind::Disable,
    HappeningKind::Leave,
];

impl Story {
    /// Begins a story. Nothing happens to users who are `spared`, nor to bots.
    pub fn new(directory: Directory, seed: u64, spared: Vec<UserId>) -> Self {
        Self {
            directory,
            rng: fastrand::Rng::with_seed(seed),
            spared,
            n_steps: 0,
        }
    }

    /// Makes the next thing happen. If nobody fits it, somebody joins instead.
    ///
    /// # Errors
    ///
    /// If somebody else changed the directory between our look and our change.
    pub fn step(&mut self) -> Result<Step, EditError> {
        let opening = usize::try_from(self.n_steps)
            .ok()
            .and_then(|n| OPENING.get(n));
        let kind = match opening {
            Some(kind) => *kind,
            None => self.draw(),
        };
        let happening = match self.play(kind)? {
            Some(happening) => happening,
            None => self.join()?,
        };
        self.n_steps += 1;
        Ok(Step {
            number: self.n_steps,
            happening,
        })
    }

    fn draw(&mut self) -> HappeningKind {
        let all: u32 = FREQUENCIES.iter().map(|(_, weight)| weight).sum();
        let mut left = self.rng.u32(..all);
        for (kind, weight) in FREQUENCIES {
            match left.checked_sub(weight) {
                Some(less) => left = less,
                None => return kind,
            }
        }
        HappeningKind::Touch
    }

    fn play(&mut self, kind: HappeningKind) -> Result<Option<Happening>, EditError> {
        match kind {
            HappeningKind::Join => self.join().map(Some),
            HappeningKind::GainAdmin => self.gain("TenantAdmin"),
            HappeningKind::GainRole => {
                let roles = self.directory.roles();
                let role = self.rng.choice(roles.iter());
                role.map_or(Ok(None), |role| self.gain(&role.name))
            }
            HappeningKind::LoseRole => self.lose(),
            HappeningKind::Move => self.transfer(),
            HappeningKind::Rename => self.rename(),
            HappeningKind::Disable => {
                self.set_status(Status::Disabled, |was| was == Status::Active)
            }
            HappeningKind::Enable => self.set_status(Status::Active, |was| was != Status::Active),
            HappeningKind::Leave => self.leave(),
            HappeningKind::ComeBack => self.come_back(),
            HappeningKind::Touch => self.touch(),
            HappeningKind::RenameGroup => self.rename_group(),
            HappeningKind::EmpowerGroup => self.empower_group(),
            HappeningKind::FoundGroup => Ok(Some(self.found_group())),
            HappeningKind::DescribeRole => self.describe_role(),
        }
    }

    fn pick(&mut self, fits: impl Fn(&User) -> bool) -> Option<User> {
        let spared = &self.spared;
        self.directory.pick_user(&mut self.rng, |user| {
            let alive = user.status != Status::Deleted && user.client_id.is_none();
            alive && !spared.contains(&user.id) && fits(user)
        })
    }

    /// Returns a name that no address uses yet.
    fn invent(&mut self) -> (String, String) {
        let given = *self.rng.choice(GIVEN).unwrap_or(&("Ada", "ada"));
        let family = *self.rng.choice(FAMILY).unwrap_or(&("Lovelace", "lovelace"));
        self.address(given, family)
    }

    fn address(
        &self,
        given: (&'static str, &'static str),
        family: (&'static str, &'static str),
    ) -> (String, String) {
        let mails = (1..MAX_NAMESAKES).map(|n| {
            let local = local_part(given, family, n);
            format!("{local}@{MAIL_DOMAIN}")
        });
        let mut free = mails.filter(|mail| self.directory.is_email_free(mail));
        (
            format!("{} {}", given.0, family.0),
            free.next().unwrap_or_default(),
        )
    }

    fn join(&mut self) -> Result<Happening, EditError> {
        let (name, email) = self.invent();
        let groups = self.directory.groups();
        let group = self.rng.choice(groups.iter());
        let status = match self.rng.u8(..4) {
            0 => Status::Invited,
            1 => Status::Provisioned,
            _ => Status::Active,
        };
        let user = self.directory.create_user(NewUser {
            email: Some(email),
            status,
            groups: group.map(|group| group.id.clone()).into_iter().collect(),
            ..NewUser::named(&name)
        })?;
        Ok(Happening::Joined { user, name })
    }

    fn gain(&mut self, role_name: &str) -> Result<Option<Happening>, EditError> {
        let Some(role) = self.directory.role_named(role_name) else {
            return Ok(None);
        };
        let lacks = |user: &User| user.status == Status::Active && !user.roles.contains_key(&role);
        let Some(User { id: user, name, .. }) = self.pick(lacks) else {
            return Ok(None);
        };
        self.directory
            .update_user(&user, Edit::AssignRole(role.clone()))?;
        let role_name = role_name.to_owned();
        Ok(Some(Happening::GainedRole {
            user,
            name,
            role,
            role_name,
        }))
    }

    fn lose(&mut self) -> Result<Option<Happening>, EditError> {
        let Some(user) = self.pick(|user| !user.roles.is_empty()) else {
            return Ok(None);
        };
        let Some((role, role_name)) = self.rng.choice(user.roles) else {
            return Ok(None);
        };
        self.directory
            .update_user(&user.id, Edit::UnassignRole(role.clone()))?;
        Ok(Some(Happening::LostRole {
            user: user.id,
            name: user.name,
            role,
            role_name,
        }))
    }

    fn transfer(&mut self) -> Result<Option<Happening>, EditError> {
        let groups = self.directory.groups();
        let Some(to) = self.rng.choice(groups) else {
            return Ok(None);
        };
        let Some(user) = self.pick(|user| !user.groups.contains_key(&to.id)) else {
            return Ok(None);
        };
        let from = self.rng.choice(user.groups.keys()).cloned();
        if let Some(from) = &from {
            self.directory
                .update_user(&user.id, Edit::LeaveGroup(from.clone()))?;
        }
        self.directory
            .update_user(&user.id, Edit::JoinGroup(to.id.clone()))?;
        Ok(Some(Happening::Moved {
            user: user.id,
            name: user.name,
            from,
            to: to.id,
            to_name: to.name,
        }))
    }

    fn rename(&mut self) -> Result<Option<Happening>, EditError> {
        let Some(user) = self.pick(|user| user.status == Status::Active) else {
            return Ok(None);
        };
        // Keeps the given name: the story is one of marriage.
        let family = *self.rng.choice(FAMILY).unwrap_or(&("Lovelace", "lovelace"));
        let given = GIVEN.iter().find(|(given, _)| user.name.starts_with(given));
        let (name, email) = match given {
            Some(given) => self.address(*given, family),
            None => self.invent(),
        };
        self.directory
            .update_user(&user.id, Edit::Name(name.clone()))?;
        self.directory
            .update_user(&user.id, Edit::Email(Some(email)))?;
        Ok(Some(Happening::Renamed {
            user: user.id,
            before: user.name,
            after: name,
        }))
    }

    fn set_status(
        &mut self,
        to: Status,
        from: impl Fn(Status) -> bool,
    ) -> Result<Option<Happening>, EditError> {
        let Some(User { id: user, name, .. }) = self.pick(|user| from(user.status)) else {
            return Ok(None);
        };
        self.directory.update_user(&user, Edit::Status(to))?;
        Ok(Some(match to {
            Status::Active => Happening::Enabled { user, name },
            Status::Disabled | Status::Invited | Status::Deleted | Status::Provisioned => {
                Happening::Disabled { user, name }
            }
        }))
    }

    fn leave(&mut self) -> Result<Option<Happening>, EditError> {
        let Some(User { id: user, name, .. }) = self.pick(|_| true) else {
            return Ok(None);
        };
        self.directory.delete_user(&user)?;
        Ok(Some(Happening::Left { user, name }))
    }

    fn come_back(&mut self) -> Result<Option<Happening>, EditError> {
        let Some(user) = self.pick(|_| true) else {
            return Ok(None);
        };
        let after = self.directory.recreate_user(&user.id)?;
        Ok(Some(Happening::CameBack {
            before: user.id,
            after,
            name: user.name,
        }))
    }

    fn touch(&mut self) -> Result<Option<Happening>, EditError> {
        let Some(User { id: user, name, .. }) = self.pick(|_| true) else {
            return Ok(None);
        };
        self.directory.update_user(&user, Edit::Touch)?;
        Ok(Some(Happening::Touched { user, name }))
    }

    fn rename_group(&mut self) -> Result<Option<Happening>, EditError> {
        let Some(group) = self.rng.choice(self.directory.groups()) else {
            return Ok(None);
        };
        let after = self.group_name();
        let edit = GroupEdit::Name(after.clone());
        self.directory.update_group(&group.id, edit)?;
        Ok(Some(Happening::GroupRenamed {
            group: group.id,
            before: group.name,
            after,
        }))
    }

    fn empower_group(&mut self) -> Result<Option<Happening>, EditError> {
        let group = self.rng.choice(self.directory.groups());
        let role = self.rng.choice(self.directory.roles());
        let (Some(group), Some(role)) = (group, role) else {
            return Ok(None);
        };
        let edit = GroupEdit::AssignRole(role.id.clone());
        self.directory.update_group(&group.id, edit)?;
        Ok(Some(Happening::GroupGainedRole {
            group: group.id,
            name: group.name,
            role: role.id,
            role_name: role.name,
        }))
    }

    fn found_group(&mut self) -> Happening {
        let name = self.group_name();
        let group = self.directory.create_group(&name);
        Happening::GroupFounded { group, name }
    }

    fn describe_role(&mut self) -> Result<Option<Happening>, EditError> {
        let mut roles = self.directory.roles();
        roles.retain(|role| role.origin == "custom");
        let Some(role) = self.rng.choice(roles) else {
            return Ok(None);
        };
        let text = format!("What a {} may do, as of step {}", role.name, self.n_steps);
        self.directory
            .update_role(&role.id, RoleEdit::Description(text))?;
        Ok(Some(Happening::RoleDescribed {
            role: role.id,
            name: role.name,
        }))
    }

    fn group_name(&mut self) -> String {
        let department = self.rng.choice(DEPARTMENTS).copied().unwrap_or_default();
        let place = self.rng.choice(PLACES).copied().unwrap_or_default();
        format!("{department} {place} {}", self.n_steps + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::demo::tenant::TenantOptions;
    use crate::model::Timestamp;

    fn company(seed: u64) -> (Directory, Vec<String>) {
        let clock = Clock::stopped_at(Timestamp::parse("2026-06-01T08:00:00Z").unwrap());
        let options = TenantOptions {
            users: 30,
            ..TenantOptions::default()
        };
        let directory = Directory::new(&options, "t".into(), clock);
        let mut story = Story::new(directory.clone(), seed, Vec::new());
        let told = (0..400).map(|_| story.step().unwrap().happening.to_string());
        let told = told.collect();
        (directory, told)
    }

    #[test]
    fn the_same_seed_tells_the_same_story() {
        let ((one, told), (two, told_again)) = (company(7), company(7));

        assert_eq!(told, told_again);
        assert_eq!(one.users(), two.users());
        assert_eq!(one.groups(), two.groups());
        assert_ne!(told, company(8).1);
    }

    #[test]
    fn a_story_ends_in_a_company_that_is_in_order() {
        let (directory, _) = company(3);
        let users = directory.users();

        let mut emails: Vec<_> = users.iter().filter_map(|user| user.email.clone()).collect();
        emails.sort();
        emails.dedup();
        assert_eq!(emails.len(), users.len());
        let groups: Vec<_> = directory
            .groups()
            .into_iter()
            .map(|g| (g.id, g.name))
            .collect();
        for (id, name) in users.iter().flat_map(|user| &user.groups) {
            assert!(groups.contains(&(id.clone(), name.clone())));
        }
    }
}
