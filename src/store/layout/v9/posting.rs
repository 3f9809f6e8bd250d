//! Posting lists: which ones a tenant has, and what changed in them.

use serde::{Deserialize, Serialize};

use crate::model::{GroupId, Id, RoleId, UserId};
use crate::store::layout::stored;

stored!(9: Postings, PostingBuild, PostingLog);

/// Which posting lists a tenant has.
#[derive(Debug, Serialize, Deserialize)]
pub struct Postings {
    pub build: u32,
    pub stage: PostingStage,
    pub groups: Vec<(GroupId, PostedGroup)>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum PostingStage {
    Groups,
    Users,
    Ended,
    TooMany,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum PostedGroup {
    Members { build: u32 },
    Unknown { member: UserId },
    Doubtful { build: u32 },
}

/// The last record that a build has read.
#[derive(Debug, Serialize, Deserialize)]
pub struct PostingBuild(pub Id);

/// What a write changed in posting lists: for each list, who was added and who was removed, by
/// their places in `users`.
#[derive(Debug, Serialize, Deserialize)]
pub struct PostingLog {
    pub users: Vec<UserId>,
    pub lists: Vec<(PostingList, Vec<u32>, Vec<u32>)>,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum PostingList {
    Role(RoleId),
    Group(GroupId),
    HiddenRoles,
    HiddenGroups,
}
