//! What the store says about itself and about tenants.

use std::borrow::Cow;

use crate::model::{Link, Pause, Seq, Tenant, Version};
use crate::store::layout::{v1, v3};
use crate::store::values::audit::Bookmark;
use crate::store::values::census::Census;
use crate::store::values::count::{Count, Usage};
use crate::store::values::head::Head;

use super::{owned, text};

impl From<Seq> for v1::Seq {
    fn from(seq: Seq) -> Self {
        Self(seq.0)
    }
}

impl From<v1::Seq> for Seq {
    fn from(seq: v1::Seq) -> Self {
        Self(seq.0)
    }
}

impl From<Head> for v3::Head {
    fn from(head: Head) -> Self {
        let Head {
            commits,
            last,
            at,
            version,
        } = head;
        Self {
            commits,
            last: last.0,
            at,
            version: version.0,
        }
    }
}

impl From<v3::Head> for Head {
    fn from(head: v3::Head) -> Self {
        let v3::Head {
            commits,
            last,
            at,
            version,
        } = head;
        Self {
            commits,
            last: Seq(last),
            at,
            version: Version(version),
        }
    }
}

/// In this format the positions of entries serve as their versions.
impl From<v1::Head> for Head {
    fn from(v1::Head { commits, last, at }: v1::Head) -> Self {
        Self {
            commits,
            last: Seq(last),
            at,
            version: Version(last),
        }
    }
}

impl From<Usage> for v1::Usage {
    fn from(Usage { count, commits }: Usage) -> Self {
        let Count { rows, bytes } = count;
        let count = v1::Count { rows, bytes };
        Self { count, commits }
    }
}

impl From<v1::Usage> for Usage {
    fn from(v1::Usage { count, commits }: v1::Usage) -> Self {
        let v1::Count { rows, bytes } = count;
        let count = Count { rows, bytes };
        Self { count, commits }
    }
}

impl From<Census> for v1::Census {
    fn from(Census { count, checksum }: Census) -> Self {
        Self { count, checksum }
    }
}

impl From<v1::Census> for Census {
    fn from(v1::Census { count, checksum }: v1::Census) -> Self {
        Self { count, checksum }
    }
}

impl<'a> From<&'a Tenant> for v1::Tenant<'a> {
    fn from(tenant: &'a Tenant) -> Self {
        let Tenant {
            id,
            name,
            hosts,
            region,
            status,
        } = tenant;
        Self {
            id: id.clone(),
            name: Cow::Borrowed(name),
            hosts: Cow::Borrowed(hosts),
            region: text(region.as_ref()),
            status: text(status.as_ref()),
        }
    }
}

impl From<v1::Tenant<'_>> for Tenant {
    fn from(tenant: v1::Tenant<'_>) -> Self {
        let v1::Tenant {
            id,
            name,
            hosts,
            region,
            status,
        } = tenant;
        Self {
            id,
            name: name.into_owned(),
            hosts: hosts.into_owned(),
            region: owned(region),
            status: owned(status),
        }
    }
}

impl<'a> From<&'a Link> for v1::Link<'a> {
    fn from(link: &'a Link) -> Self {
        let Link {
            id,
            name,
            hosts,
            region,
            pause,
        } = link;
        Self {
            id: Cow::Borrowed(id),
            name: name.clone(),
            hosts: Cow::Borrowed(hosts),
            region: text(region.as_ref()),
            pause: pause.as_ref().map(Into::into),
        }
    }
}

impl From<v1::Link<'_>> for Link {
    fn from(link: v1::Link<'_>) -> Self {
        let v1::Link {
            id,
            name,
            hosts,
            region,
            pause,
        } = link;
        Self {
            id: id.into_owned(),
            name,
            hosts: hosts.into_owned(),
            region: owned(region),
            pause: pause.map(Into::into),
        }
    }
}

impl From<&Pause> for v1::Pause {
    fn from(pause: &Pause) -> Self {
        match pause {
            Pause::Status(status) => Self::Status(status.clone()),
            Pause::Gone => Self::Gone,
            Pause::LeftOut => Self::LeftOut,
            Pause::SameAs(name) => Self::SameAs(name.clone()),
            Pause::NotConfigured => Self::NotConfigured,
        }
    }
}

impl From<v1::Pause> for Pause {
    fn from(pause: v1::Pause) -> Self {
        match pause {
            v1::Pause::Status(status) => Self::Status(status),
            v1::Pause::Gone => Self::Gone,
            v1::Pause::LeftOut => Self::LeftOut,
            v1::Pause::SameAs(name) => Self::SameAs(name),
            v1::Pause::NotConfigured => Self::NotConfigured,
        }
    }
}

impl From<&Bookmark> for v1::Bookmark {
    fn from(bookmark: &Bookmark) -> Self {
        let Bookmark {
            since,
            until,
            untold,
            // It has a row of its own.
            sessions_since: _,
        } = bookmark;
        Self {
            since: *since,
            until: *until,
            untold: untold
                .iter()
                .map(|(at, record)| (*at, record.into()))
                .collect(),
        }
    }
}

impl From<v1::Bookmark> for Bookmark {
    fn from(bookmark: v1::Bookmark) -> Self {
        let v1::Bookmark {
            since,
            until,
            untold,
        } = bookmark;
        Self {
            since,
            until,
            untold: untold
                .into_iter()
                .map(|(at, record)| (at, record.into()))
                .collect(),
            sessions_since: None,
        }
    }
}
