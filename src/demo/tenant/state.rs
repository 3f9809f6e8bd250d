//! The tenant's tables, and what must hold between them.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use xxhash_rust::xxh3::xxh3_64;

use crate::model::{GroupId, Id, RoleId, SpaceId, Timestamp, UserId};

use super::app::App;
use super::filter::{Clause, UserFilter};
use super::licence::Licence;
use super::record::{Field, Group, GroupRow, Role, RoleRow, Slot, Status, User, UserRow};
use super::render::{self, Fragments};
use super::space::Space;
use super::table::Table;

/// Everything the tenant knows.
#[derive(Debug)]
pub struct State {
    pub users: Table<UserRow>,
    pub roles: Table<RoleRow>,
    pub groups: Table<GroupRow>,
    pub everyone: GroupRow,
    pub spaces: BTreeMap<SpaceId, Space>,
    pub apps: BTreeMap<String, App>,
    pub licence: Licence,
    pub fragments: Fragments,
    /// Ids by slot.
    pub role_ids: Vec<RoleId>,
    /// Ids by slot.
    pub group_ids: Vec<GroupId>,
    /// Users by status, in the order of [`Status::ALL`].
    pub statuses: [usize; 5],
    /// Hashes of the addresses in use: a set of a million texts would be too large.
    emails: HashSet<u64>,
    pub mint: Mint,
    pub tombstones: bool,
}

/// Makes ids that ascend with time.
#[derive(Debug)]
pub struct Mint {
    pub seconds: u32,
    pub middle: [u8; 5],
    pub counter: u32,
}

impl Mint {
    pub fn id(&mut self, at: Timestamp) -> Id {
        let now = u32::try_from(at.seconds()).unwrap_or(0);
        self.seconds = self.seconds.max(now);
        self.counter += 1;
        Id::from_object_bytes(object_id(self.seconds, self.middle, self.counter))
    }
}

pub fn object_id(seconds: u32, middle: [u8; 5], counter: u32) -> [u8; 12] {
    let mut bytes = [0; 12];
    let (time, rest) = bytes.split_at_mut(4);
    let (process, count) = rest.split_at_mut(5);
    time.copy_from_slice(&seconds.to_be_bytes());
    process.copy_from_slice(&middle);
    // The id has no space for the upper byte: nobody makes sixteen million records.
    let [_, counter @ ..] = counter.to_be_bytes();
    count.copy_from_slice(&counter);
    bytes
}

fn email_hash(email: &str) -> u64 {
    xxh3_64(email.to_lowercase().as_bytes())
}

impl State {
    pub fn new(tenant_id: String, everyone: Group, mint: Mint) -> Self {
        let everyone = GroupRow {
            group: everyone,
            roles: Box::default(),
            slot: 0,
        };
        Self {
            users: Table::default(),
            roles: Table::default(),
            groups: Table::default(),
            spaces: BTreeMap::new(),
            apps: BTreeMap::new(),
            licence: Licence::default(),
            fragments: Fragments {
                tenant_id,
                roles: Vec::new(),
                groups: vec![String::new()],
                hidden: BTreeSet::new(),
                groupless: BTreeSet::new(),
            },
            role_ids: Vec::new(),
            // The group Everyone has the first slot, and no user's row lists it.
            group_ids: vec![everyone.group.id.clone()],
            everyone,
            statuses: [0; 5],
            emails: HashSet::new(),
            mint,
            tombstones: false,
        }
    }

    pub fn email_is_free(&self, email: &str) -> bool {
        !self.emails.contains(&email_hash(email))
    }

    /// Fills the users at once; `rows` ascend by id.
    pub fn fill_users(&mut self, rows: impl Iterator<Item = UserRow>) {
        let Self {
            users,
            statuses,
            emails,
            ..
        } = self;
        users.fill(rows.inspect(|row| {
            count(statuses, row.status, 1);
            emails.extend(row.email.as_deref().map(email_hash));
        }));
    }

    pub fn put_user(&mut self, row: UserRow) {
        count(&mut self.statuses, row.status, 1);
        self.emails.extend(row.email.as_deref().map(email_hash));
        self.users.insert(row);
    }

    pub fn take_user(&mut self, id: &UserId) -> Option<UserRow> {
        let row = self.users.remove(&id.0)?;
        count(&mut self.statuses, row.status, -1);
        if let Some(email) = &row.email {
            self.emails.remove(&email_hash(email));
        }
        Some(row)
    }

    pub fn put_role(&mut self, role: Role) {
        let slot = slot(self.role_ids.len());
        self.role_ids.push(role.id.clone());
        self.fragments.roles.push(render::role_fragment(&role));
        self.roles.insert(RoleRow { role, slot });
    }

    pub fn put_group(&mut self, group: Group, roles: Box<[Slot]>) {
        let slot = slot(self.group_ids.len());
        self.group_ids.push(group.id.clone());
        let row = GroupRow { group, roles, slot };
        let fragment = render::group_fragment(&row, &self.fragments.roles);
        self.fragments.groups.push(fragment);
        self.groups.insert(row);
    }

    /// Renders the fragments again after a change of this role.
    pub fn role_changed(&mut self, row: &RoleRow) {
        if let Some(fragment) = self.fragments.roles.get_mut(row.slot as usize) {
            *fragment = render::role_fragment(&row.role);
        }
        for group in self.groups.iter().filter(|g| g.roles.contains(&row.slot)) {
            refresh(&mut self.fragments, group);
        }
    }

    /// Renders the fragment again after a change of this group.
    pub fn group_changed(&mut self, id: &GroupId) {
        if let Some(row) = self.groups.get(&id.0) {
            refresh(&mut self.fragments, row);
        }
    }

    pub fn role_slot(&self, id: &RoleId) -> Option<Slot> {
        self.roles.get(&id.0).map(|row| row.slot)
    }

    pub fn group_slot(&self, id: &GroupId) -> Option<Slot> {
        self.groups.get(&id.0).map(|row| row.slot)
    }

    pub fn role_of(&self, slot: Slot) -> Option<&RoleRow> {
        self.roles.get(&self.role_ids.get(slot as usize)?.0)
    }

    pub fn group_of(&self, slot: Slot) -> Option<&GroupRow> {
        self.groups.get(&self.group_ids.get(slot as usize)?.0)
    }

    /// Counts the users that a filter keeps. For a filter on statuses alone, it looks at no user.
    pub fn count_users(&self, filter: &UserFilter) -> usize {
        if filter.rest.is_empty() {
            let all = Status::ALL.iter().zip(self.statuses);
            all.filter(|(status, _)| filter.statuses & status.bit() != 0)
                .map(|(_, n_users)| n_users)
                .sum()
        } else {
            let kept = self.users.iter().filter(|row| self.keeps(filter, row));
            kept.count()
        }
    }

    pub fn keeps(&self, filter: &UserFilter, row: &UserRow) -> bool {
        let holds = |clause: &Clause| self.user_holds(row, clause);
        filter.statuses & row.status.bit() != 0 && filter.rest.iter().all(|expr| expr.holds(&holds))
    }

    fn user_holds(&self, row: &UserRow, clause: &Clause) -> bool {
        let roles = || row.roles.iter().filter_map(|slot| self.role_of(*slot));
        let groups = || row.groups.iter().filter_map(|slot| self.group_of(*slot));
        match clause.field {
            Field::Id => clause.is_id(&row.id),
            Field::RoleId => roles().any(|row| clause.is_id(&row.role.id.0)),
            Field::RoleName => roles().any(|row| clause.is(&row.role.name)),
            Field::GroupId => groups().any(|row| clause.is_id(&row.group.id.0)),
            Field::GroupRoleName => groups()
                .flat_map(|row| row.roles.iter())
                .filter_map(|slot| self.role_of(*slot))
                .any(|row| clause.is(&row.role.name)),
            Field::Name => clause.is(&row.name),
            Field::Subject => clause.is(&row.subject),
            Field::Email => row.email.as_deref().is_some_and(|email| clause.is(email)),
            Field::ClientId => row.client_id().is_some_and(|id| clause.is(id)),
            Field::Scope => row
                .rare
                .as_ref()
                .and_then(|rare| rare.scopes.as_ref())
                .is_some_and(|scopes| scopes.contains(&clause.value)),
            // The set of statuses selects by status, and nobody can filter by the other fields.
            Field::Status
            | Field::TenantId
            | Field::InviteExpiry
            | Field::CreatedAt
            | Field::UpdatedAt
            | Field::Type
            | Field::Level
            | Field::Provider => false,
        }
    }

    pub fn role_holds(row: &RoleRow, clause: &Clause) -> bool {
        match clause.field {
            Field::Id => clause.is_id(&row.role.id.0),
            Field::Name => clause.is(&row.role.name),
            Field::Type => clause.is(row.role.origin),
            Field::Level => clause.is(row.role.level),
            other => not_asked(other),
        }
    }

    pub fn group_holds(&self, row: &GroupRow, clause: &Clause) -> bool {
        let mut roles = row.roles.iter().filter_map(|slot| self.role_of(*slot));
        match clause.field {
            Field::Id => clause.is_id(&row.group.id.0),
            Field::Name => clause.is(&row.group.name),
            Field::Status => clause.is(row.group.status),
            Field::Provider => clause.is(row.group.provider),
            Field::RoleId => roles.any(|row| clause.is_id(&row.role.id.0)),
            Field::RoleName => roles.any(|row| clause.is(&row.role.name)),
            other => not_asked(other),
        }
    }

    pub fn show_user(&self, row: &UserRow) -> User {
        let rare = row.rare.as_deref().cloned().unwrap_or_default();
        let groups = row.groups.iter().filter_map(|slot| self.group_of(*slot));
        User {
            id: UserId(row.id.clone()),
            subject: row.subject.to_string(),
            name: row.name.to_string(),
            email: row.email.as_deref().map(String::from),
            status: row.status,
            roles: self.show_roles(&row.roles),
            groups: groups
                .map(|row| (row.group.id.clone(), row.group.name.clone()))
                .collect(),
            scopes: rare.scopes,
            client_id: rare.client_id,
            created_at: row.created,
            updated_at: row.updated,
            invite_expires_at: rare.invite_expires,
            locale: rare.locale,
            zone_info: rare.zone_info,
            picture: rare.picture,
        }
    }

    pub fn show_group(&self, row: &GroupRow) -> Group {
        Group {
            roles: self.show_roles(&row.roles),
            ..row.group.clone()
        }
    }

    fn show_roles(&self, slots: &[Slot]) -> BTreeMap<RoleId, String> {
        let roles = slots.iter().filter_map(|slot| self.role_of(*slot));
        roles
            .map(|row| (row.role.id.clone(), row.role.name.clone()))
            .collect()
    }
}

impl Clause {
    /// Compares names without regard to case, as SCIM does.
    pub fn is(&self, text: &str) -> bool {
        if self.contains {
            return text.to_lowercase().contains(&self.value.to_lowercase());
        }
        text == self.value
            || (text.len() == self.value.len() && text.to_lowercase() == self.value.to_lowercase())
    }

    fn is_id(&self, id: &Id) -> bool {
        Id::parse(&self.value).is_ok_and(|asked| asked == *id)
    }
}

fn refresh(fragments: &mut Fragments, row: &GroupRow) {
    let new = render::group_fragment(row, &fragments.roles);
    if let Some(fragment) = fragments.groups.get_mut(row.slot as usize) {
        *fragment = new;
    }
}

fn count(statuses: &mut [usize; 5], status: Status, by: isize) {
    if let Some(n_users) = statuses.get_mut(status as usize) {
        *n_users = n_users.saturating_add_signed(by);
    }
}

fn slot(length: usize) -> Slot {
    Slot::try_from(length).expect("nobody makes four billion roles or groups")
}

/// Keeps no record: the collection has no such field, so the parser refuses it in a filter.
fn not_asked(_field: Field) -> bool {
    false
}

/// Adds a slot at the end, unless it already exists.
pub fn with_slot(slots: &[Slot], slot: Slot) -> Box<[Slot]> {
    let added = (!slots.contains(&slot)).then_some(slot);
    slots.iter().copied().chain(added).collect()
}

/// Removes a slot, keeping the others in their order.
pub fn without_slot(slots: &[Slot], slot: Slot) -> Box<[Slot]> {
    slots.iter().copied().filter(|one| *one != slot).collect()
}

/// Collects texts into a set.
pub fn set_of(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// Returns the id of the system group that everybody is in.
pub(super) fn everyone() -> GroupId {
    GroupId(Id::from_object_bytes(object_id(0, [0; 5], 1)))
}
