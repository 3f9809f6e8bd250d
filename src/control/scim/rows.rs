//! Renders the records that were found, each with the version of the whole resource.

use std::collections::BTreeMap;

use super::answers::ScimRow;
use super::group_roles::GroupRoles;
use super::members::{self, Extent, MemberLimit, Membership};
use super::spaces::SpaceRoles;
use super::tenant::{TenantSearch, rendered};
use super::unanswered::Unanswered;
use crate::model::scim::{ResourceType, UserExtra, content_version};
use crate::model::{GroupId, Record};
use crate::store::{Kept, Names};

/// Whether versions are wanted, for which all of a resource must be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Versions {
    Wanted,
    Unwanted,
}

impl TenantSearch<'_> {
    /// Returns whether the version of a resource is wanted. That of a single one is also in a
    /// header.
    pub(super) fn wants_version(&self, extent: Extent) -> bool {
        extent == Extent::One || self.selection.wants_part("meta", "version")
    }

    /// Renders records with all that the request wants of them.
    pub(super) fn render(
        &self,
        taken: Vec<Kept>,
        extent: Extent,
    ) -> Result<Vec<ScimRow>, Unanswered> {
        let versions = match self.wants_version(extent) {
            true => Versions::Wanted,
            false => Versions::Unwanted,
        };
        let has_version = versions == Versions::Wanted;
        let mut rows = Vec::with_capacity(taken.len());
        let mut names = Names::of(self.known.no);
        let memberships = self.memberships(&taken, extent, versions)?;
        let is_user = self.sort == ResourceType::User;
        let in_spaces = match is_user && (has_version || self.selection.wants("entitlements")) {
            true => SpaceRoles::of(self.reading, self.known, Some(&taken))?,
            false => None,
        };
        let has_inherited = has_version || self.selection.wants_of_extension("inheritedRoles");
        let mut groups = GroupRoles::default();
        for mut kept in taken {
            names.join(self.reading.store, &mut kept.record)?;
            let extra = match &kept.record {
                Record::User(user) => UserExtra {
                    in_spaces: in_spaces.as_ref().map(|it| it.of_user(user)),
                    by_groups: match has_inherited {
                        true => groups.of_user(self.reading.store, self.known, user)?,
                        false => None,
                    },
                },
                Record::Group(_) | Record::Role(_) => UserExtra::default(),
            };
            let membership = match &kept.record {
                Record::Group(group) => memberships.get(&group.id),
                Record::User(_) | Record::Role(_) => None,
            };
            rows.push(self.row(&kept, &extra, membership, versions));
        }
        Ok(rows)
    }

    fn row(
        &self,
        kept: &Kept,
        extra: &UserExtra,
        membership: Option<&Membership>,
        versions: Versions,
    ) -> ScimRow {
        let record = &kept.record;
        let version = match versions {
            Versions::Wanted => {
                // Rendering it in full once more would take longer than all else.
                let tenant = &self.known.tenant;
                let shown = (&self.known.name, &tenant.id, &tenant.region);
                let content = (shown, record, extra);
                let digest = membership.map(|it| it.digest);
                Some(content_version(kept.version, &content, digest))
            }
            Versions::Unwanted => None,
        };
        let members = membership.and_then(|it| it.members.as_deref());
        let wanted = |name: &str| self.selection.wants(name);
        ScimRow {
            position: self.position(record.id()),
            version,
            resource: self.origin(|it| rendered(it, record, extra, (members, &wanted))),
        }
    }

    /// Returns who is in groups, if that is wanted or part of a version.
    fn memberships(
        &self,
        taken: &[Kept],
        extent: Extent,
        versions: Versions,
    ) -> Result<BTreeMap<GroupId, Membership>, Unanswered> {
        let is_needed = versions == Versions::Wanted || self.selection.wants("members");
        if self.sort != ResourceType::Group || !is_needed {
            return Ok(BTreeMap::new());
        }
        let groups = taken.iter().filter_map(|kept| match &kept.record {
            Record::Group(group) => Some(group),
            Record::User(_) | Record::Role(_) => None,
        });
        let limit = MemberLimit::of(self.selection, extent);
        members::of_groups(self.reading, self.known, groups, limit)
    }
}
