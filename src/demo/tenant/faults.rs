//! What can be made to go wrong, where, and at which request.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::lock::lock;

/// A place where requests arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// `POST /oauth/token`
    Token,
    /// `GET /api/v1/users`
    Users,
    /// `GET /api/v1/users/{id}`
    User,
    /// `GET /api/v1/users/me`
    UserMe,
    /// `GET /api/v1/users/actions/count`
    UserCount,
    /// `GET /api/v1/roles`
    Roles,
    /// `GET /api/v1/roles/{id}`
    Role,
    /// `GET /api/v1/groups`
    Groups,
    /// `GET /api/v1/groups?systemGroups=true`
    SystemGroups,
    /// `GET /api/v1/groups/{id}`
    Group,
    /// `GET /api/v1/groups/settings`
    GroupSettings,
    /// `GET /api/v1/tenants/me`
    TenantMe,
    /// `GET /api/v1/tenants/{id}`
    Tenant,
    /// `GET /api/v1/audits`
    Audits,
    /// `GET /api/v1/audits/types` and `/api/v1/audits/sources`
    AuditNames,
    /// `GET /api/v1/spaces`
    Spaces,
    /// `GET /api/v1/spaces/{id}`
    Space,
    /// `GET /api/v1/spaces/{id}/assignments`
    Assignments,
    /// `GET /api/v1/spaces/{id}/shares`
    Shares,
    /// `GET /api/v1/items`
    Items,
    /// `GET /api/v1/licenses/overview`
    Licence,
    /// `GET /api/v1/licenses/assignments`
    Licences,
}

impl Endpoint {
    /// Every endpoint.
    pub const ALL: [Self; 22] = [
        Self::Token,
        Self::Users,
        Self::User,
        Self::UserMe,
        Self::UserCount,
        Self::Roles,
        Self::Role,
        Self::Groups,
        Self::SystemGroups,
        Self::Group,
        Self::GroupSettings,
        Self::TenantMe,
        Self::Tenant,
        Self::Audits,
        Self::AuditNames,
        Self::Spaces,
        Self::Space,
        Self::Assignments,
        Self::Shares,
        Self::Items,
        Self::Licence,
        Self::Licences,
    ];
}

/// What goes wrong. Faults that change what a listing contains keep its status 200.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// 429 with Qlik's body.
    TooManyRequests {
        /// Seconds in `Retry-After`.
        retry_after: u64,
    },
    /// 500 in the service's envelope.
    Internal,
    /// 503 from a proxy, as HTML.
    Unavailable,
    /// 401 in Qlik's envelope.
    Unauthorized,
    /// 403 in the service's envelope.
    Forbidden,
    /// 404 in the service's envelope.
    NotFound,
    /// The answer comes this much later.
    Slow(Duration),
    /// The connection is cut in the middle of the body.
    Cut,
    /// A login page with this status where JSON was expected.
    Html(u16),
    /// The answer is the first half of the JSON, as if it were complete.
    Truncated,
    /// A redirect to this address.
    Redirect(String),
    /// An answer with more records than this is too large to be accepted.
    TooLarge(usize),
    /// An answer with the third record of its kind is too large, unless only ids are asked for.
    OneTooLarge,
    /// The first name in the answer begins with half of a character, and so does the first name of
    /// an assigned role or group.
    HalfCharacter,
    /// Those names begin with a byte that is not UTF-8.
    BadByte,
    /// The first role or group that is assigned has a number for an id.
    BadReference,
    /// Users and groups come without `assignedRoles`.
    MissingRoles,
    /// Users come without `assignedGroups`.
    MissingGroups,
    /// Empty lists of assigned roles and groups are left out.
    EmptyLeftOut,
    /// Assigned roles and groups are shown as empty, which is wrong.
    EmptyAccess,
    /// Every second record is left out, and the total agrees, so nothing shows that any are
    /// missing.
    HalfShown,
    /// The first record of a page has an object where its name should be.
    WrongType,
    /// All records of a page have an object where their name should be.
    WrongTypes,
    /// The first record of a page has a status, role type or provider that nobody documented.
    UnknownValues,
    /// A page without records, whose next link leads to the records that should have been on it.
    EmptyPage,
    /// The next link leads back to the page it is on.
    RepeatedCursor,
    /// A request that continues from a cursor is refused with this status: the cursor has run out.
    ExpiredCursor(u16),
    /// A request that asks for an order is refused.
    RefusedSort,
    /// Links are spelled `Next` and `Href`.
    CapitalLinks,
    /// Pages do not say what comes next.
    NoLinks,
    /// The requested page is skipped: the answer is the page after it.
    PageLeftOut,
    /// The listing has no records and no next link.
    EmptyCollection,
    /// `totalResults` and the count are higher by this many than the records there are.
    InflatedTotal(usize),
    /// `totalResults` and the count are lower by this many.
    DeflatedTotal(usize),
    /// Every page gives a total, each a different one and higher than the number of records.
    DriftingTotal,
    /// No page gives a total, whatever was asked for.
    NoTotal,
    /// Token endpoint: the client's consent method is not `trusted`.
    ConsentNotTrusted,
    /// Token endpoint: the client may not act machine-to-machine.
    M2mNotAllowed,
    /// Token endpoint: the secret is not the client's.
    WrongSecret,
}

/// At which requests to the endpoint a fault strikes, counted from when it was switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// All.
    Always,
    /// Only the n-th, counted from 1.
    Nth(u64),
    /// Every n-th.
    Every(u64),
    /// The n-th and all later ones.
    From(u64),
    /// The next k, from now.
    Next(u64),
}

impl When {
    /// Returns whether the n-th request is affected by the fault, counted from 1.
    pub fn strikes(self, request: u64) -> bool {
        match self {
            Self::Always => true,
            Self::Nth(n) => request == n,
            Self::Every(n) => n > 0 && request.is_multiple_of(n),
            Self::From(n) => request >= n,
            Self::Next(k) => request <= k,
        }
    }
}

/// Whether roles and groups are hidden from the credentials, or those of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hidden {
    /// 403, and no `assignedRoles`; for one record, only no `assignedRoles` or `assignedGroups`.
    Yes,
    /// Everything shows.
    No,
}

/// The faults that are switched on.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<Arc<Armed>>>);

/// A fault that was switched on.
#[derive(Debug)]
struct Armed {
    endpoint: Endpoint,
    fault: Fault,
    when: When,
    asked: AtomicU64,
    struck: AtomicU64,
}

/// Tells how often a fault struck.
#[derive(Debug, Clone)]
pub struct Strikes(Arc<Armed>);

impl Strikes {
    /// Returns how often it struck so far.
    pub fn count(&self) -> u64 {
        self.0.struck.load(Ordering::SeqCst)
    }
}

impl Faults {
    /// Switches a fault on. Several may strike the same request: of those that end the request, the
    /// first one counts; those that change a listing add up.
    pub fn on(&self, endpoint: Endpoint, fault: Fault, when: When) -> Strikes {
        let armed = Arc::new(Armed {
            endpoint,
            fault,
            when,
            asked: AtomicU64::new(0),
            struck: AtomicU64::new(0),
        });
        self.all().push(Arc::clone(&armed));
        Strikes(armed)
    }

    /// Switches all faults off.
    pub fn clear(&self) {
        self.all().clear();
    }

    /// Counts a request, and returns what strikes it.
    pub(super) fn strike(&self, endpoint: Endpoint) -> Vec<Fault> {
        let all = self.all();
        let here = all.iter().filter(|armed| armed.endpoint == endpoint);
        here.filter(|armed| {
            let request = armed.asked.fetch_add(1, Ordering::SeqCst) + 1;
            let strikes = armed.when.strikes(request);
            armed.struck.fetch_add(u64::from(strikes), Ordering::SeqCst);
            strikes
        })
        .map(|armed| armed.fault.clone())
        .collect()
    }

    fn all(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Armed>>> {
        lock(&self.0)
    }
}
