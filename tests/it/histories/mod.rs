//! Who holds which role, by which path: random tenants with random histories, in which roles and
//! groups are hidden, removals wait for an operator, and daemons are stopped and killed in the
//! middle. Compares our answers, our events and what we say of earlier times with a slow model that
//! reads the tenant itself.

mod answers;
mod events;
pub mod known;
mod looked;
pub mod operator;
mod raw;

use std::time::Duration;

use qlik_roster::clock::Clock;
use qlik_roster::demo::tenant::{
    Directory, Edit, GroupEdit, Hidden, NewUser, RateLimits, Status, TenantOptions, User,
    UserDefault,
};
use qlik_roster::model::{Outcome, RoleId, Seq, TenantName, Timestamp, UserId};

use crate::guard::removals;
use crate::support::{Running, World, within};

pub use known::{Known, Removals};
pub use looked::{Looked, first_look, without_groups};

use operator::{Decision, Interruption};

/// Histories in an ordinary run, and with `QLIK_ROSTER_LONG`.
const HISTORIES: u64 = 6;
const MANY_HISTORIES: u64 = 120;

/// Runs in one history.
const STEPS: usize = 8;

/// The fewest requests of a run, in a tenant that refuses to list roles and groups.
pub const FEWEST_REQUESTS: u64 = 5;

/// A user and a group that nothing ever happens to. While a record shows an empty list, a list that
/// is left out of another record is hidden, and not empty.
pub const QUIET: &str = "Nothing Happens";

fn acme() -> TenantName {
    TenantName("acme".to_owned())
}

/// What was known at a time.
pub struct Sight {
    pub at: Timestamp,
    /// The last entry of the journal.
    pub seq: Seq,
    pub known: Known,
}

/// What the guard of a history lets happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Everything.
    Open,
    /// What is within the limits.
    Limits,
    /// Nothing that nobody has approved.
    Never,
}

impl Guard {
    pub fn of(seed: u64) -> Self {
        match (seed / 3 + seed) % 3 {
            0 => Self::Open,
            1 => Self::Limits,
            _ => Self::Never,
        }
    }

    /// Returns a configuration with this guard, in which an endpoint gets the events about rights.
    pub fn config(self, world: &World) -> String {
        if self == Self::Open {
            world.let_all_go();
        }
        let config = std::fs::read_to_string(world.config_path()).unwrap();
        let config = config.replace("\"group.*\"]", "\"access.*\"]");
        let config = config.replace("name = \"hr\"", "name = \"hr\"\nexpand_lists = true");
        match self {
            Self::Open | Self::Limits => config,
            Self::Never => config.replace("[log]\n", "guard = { mode = \"never\" }\n[log]\n"),
        }
    }
}

/// Whose clock a history has. A process that can be killed has the system's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    Stopped,
    Real,
}

impl Time {
    pub fn of(seed: u64) -> Self {
        match seed % 3 {
            2 => Self::Real,
            _ => Self::Stopped,
        }
    }

    pub fn clock(self) -> Clock {
        match self {
            Self::Stopped => Clock::stopped_at(Timestamp::parse("2026-03-01T08:00:00Z").unwrap()),
            Self::Real => Clock::system(),
        }
    }
}

/// How often something has happened in some histories, so that none of it is left out by chance.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// How often the credentials had no rights.
    pub blind: usize,
    pub hidden: usize,
    pub waiting: usize,
    approved: usize,
    rejected: usize,
    stopped: usize,
    killed: usize,
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_and_events_equal_those_of_a_slow_model_over_random_histories() {
    let long = std::env::var_os("QLIK_ROSTER_LONG").is_some();
    let one = std::env::var("QLIK_ROSTER_SEED").ok();
    let one = one.map(|text| text.parse::<u64>().unwrap());
    let histories = if long { MANY_HISTORIES } else { HISTORIES };
    let mut all = Tally::default();
    for seed in one.map_or(0..histories, |seed| seed..seed + 1) {
        let (time, guard) = (Time::of(seed), Guard::of(seed));
        println!("history {seed}, {time:?}, {guard:?}");
        let mut history = History::begin(seed, time, guard).await;
        for _ in 0..STEPS {
            history.step().await;
        }
        history.compare().await;
        history.running.take().unwrap().stop().await;
        all.add(history.tally);
    }
    println!("{all:?}");
    if one.is_none() {
        all.assert_complete();
    }
}

impl Tally {
    pub fn note(&mut self, decision: &Decision, interruption: Interruption) {
        match decision {
            Decision::Leave => {}
            Decision::Approve(_) => self.approved += 1,
            Decision::Reject(_) => self.rejected += 1,
        }
        match interruption {
            Interruption::Nothing | Interruption::Restart => {}
            Interruption::StopInRun => self.stopped += 1,
            Interruption::Kills => self.killed += 1,
        }
    }

    /// Asserts that everything has happened.
    pub fn assert_complete(self) {
        self.assert_complete_but_for_rejections();
        assert!(self.rejected > 0, "{self:?}");
    }

    /// Asserts that everything but a rejection has happened: there may be few plans to reject.
    pub fn assert_complete_but_for_rejections(self) {
        let Self {
            blind,
            hidden,
            waiting,
            approved,
            rejected: _,
            stopped,
            killed,
        } = self;
        let counts = [blind, hidden, waiting, approved, stopped, killed];
        assert!(counts.iter().all(|n| *n > 0), "{self:?}");
    }

    pub fn add(&mut self, other: Self) {
        self.blind += other.blind;
        self.hidden += other.hidden;
        self.waiting += other.waiting;
        self.approved += other.approved;
        self.rejected += other.rejected;
        self.stopped += other.stopped;
        self.killed += other.killed;
    }
}

/// A tenant, a daemon, and what may be known after each run.
struct History {
    world: World,
    running: Option<Running>,
    dice: fastrand::Rng,
    time: Time,
    guard: Guard,
    rules: Vec<answers::Rule>,
    sights: Vec<Sight>,
    /// The users that nothing must happen to.
    spared: Vec<UserId>,
    /// Whether roles and groups were refused from the beginning.
    is_blind: bool,
    tally: Tally,
}

impl History {
    async fn begin(seed: u64, time: Time, guard: Guard) -> Self {
        let mut dice = fastrand::Rng::with_seed(seed);
        let options = TenantOptions {
            users: 40,
            groups: 8,
            custom_roles: 5,
            user_default: match dice.bool() {
                true => UserDefault::Listed,
                false => UserDefault::Absent,
            },
            rate_limits: RateLimits::Off,
            seed,
            ..TenantOptions::default()
        };
        let world = World::by(time.clock(), options).await;
        world.write_config(&guard.config(&world));
        let rules = answers::keep_apart(&world, &mut dice);
        let tenant = world.tenant.directory();
        let quiet = tenant.create_user(NewUser::named(QUIET)).unwrap();
        tenant.create_group(QUIET);
        for _ in 0..dice.usize(..4) {
            hide_or_show(tenant, &mut dice, &[]);
        }
        let is_blind = seed % 2 == 1;
        if is_blind {
            world.tenant.hide_access(Hidden::Yes);
        }
        let running = world.start().await;
        assert_ne!(running.last_run().await.outcome, Outcome::Running);
        let mut spared = world.tenant.credential_users();
        spared.push(quiet);
        let mut history = Self {
            world,
            running: Some(running),
            dice,
            time,
            guard,
            rules,
            sights: Vec::new(),
            spared,
            is_blind,
            tally: Tally {
                blind: usize::from(is_blind),
                ..Tally::default()
            },
        };
        history.look(&Removals::default()).await;
        history
    }

    fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    fn known(&self) -> Known {
        let last = self.sights.last();
        last.map_or_else(Known::default, |sight| sight.known.clone())
    }

    /// Lets time pass. Changes the tenant, has an operator decide, interrupts the daemon, and has
    /// it do a run.
    async fn step(&mut self) {
        match self.time {
            // What a restart finds is later than the last step.
            Time::Stopped => {
                let hour = Duration::from_secs(3_600);
                self.world.clock.set(self.world.clock.now().plus(hour));
            }
            Time::Real => {}
        }
        if std::mem::take(&mut self.is_blind) {
            self.world.tenant.hide_access(Hidden::No);
        }
        let decision = Decision::make(self.running.as_ref().unwrap(), &mut self.dice).await;
        for _ in 0..self.dice.usize(..15) {
            change(&self.world, &mut self.dice, &self.spared);
        }
        let mut approved = Removals::default();
        if let Decision::Approve(id) = &decision {
            approved = Removals::of(&removals(self.running(), *id).await);
        }
        let interruption = match (self.dice.u32(..5), self.time) {
            (0, _) => Interruption::Restart,
            (1, _) => Interruption::StopInRun,
            (_, Time::Real) => Interruption::Kills,
            (_, Time::Stopped) => Interruption::Nothing,
        };
        self.tally.note(&decision, interruption);
        decision.carry_out(self.running(), interruption).await;
        let running = self.running.take().unwrap();
        let interrupted = interruption.interrupt(&self.world, running, &mut self.dice);
        self.running = Some(interrupted.await);
        self.running().sync().await;
        if self.dice.bool() {
            while self.running().store().build_postings().unwrap() {}
        }
        self.look(&approved).await;
    }

    /// Looks at the tenant and at what waits, and notes what is known now.
    async fn look(&mut self, approved: &Removals) {
        let before = self.known();
        let looked = Looked::after(&before, &self.world, self.running(), self.guard, approved);
        let Looked { known, waiting } = looked.await;
        self.tally.hidden += usize::from(known.hides_anything());
        self.tally.waiting += usize::from(!waiting.is_empty());
        let now = self.world.clock.now();
        self.sights.push(Sight {
            at: now,
            seq: self.running().store().last_seq(),
            known,
        });
        within("the clock goes on", || async {
            self.time == Time::Stopped || self.world.clock.now() > now
        })
        .await;
    }

    async fn compare(&mut self) {
        self.running().settled().await;
        answers::compare(self).await;
        events::compare(self).await;
    }
}

/// Makes a random change in a tenant.
fn change(world: &World, dice: &mut fastrand::Rng, spared: &[UserId]) {
    let tenant = world.tenant.directory();
    let users: Vec<User> = tenant.users();
    let users: Vec<User> = users
        .into_iter()
        .filter(|it| !spared.contains(&it.id))
        .collect();
    let user = users[dice.usize(..users.len())].id.clone();
    let mut roles = tenant.roles();
    roles.retain(|role| role.name != "UserDefault");
    let role = roles[dice.usize(..roles.len())].clone();
    let mut groups = tenant.groups();
    groups.retain(|group| group.name != QUIET);
    let group = groups[dice.usize(..groups.len())].id.clone();
    match dice.u32(..20) {
        0 | 1 => drop(tenant.update_user(&user, Edit::AssignRole(role.id))),
        2 => drop(tenant.update_user(&user, Edit::UnassignRole(any_of(tenant, &user, role.id)))),
        3 => drop(tenant.update_user(&user, Edit::JoinGroup(group))),
        4 => {
            let of_user = tenant.user(&user).unwrap().groups.into_keys().next();
            let group = of_user.unwrap_or(group);
            drop(tenant.update_user(&user, Edit::LeaveGroup(group)));
        }
        5 => drop(tenant.update_group(&group, GroupEdit::AssignRole(role.id))),
        6 => drop(tenant.update_group(&group, GroupEdit::UnassignRole(role.id))),
        7 => drop(tenant.delete_user(&user)),
        8 | 9 => {
            let new = NewUser {
                roles: vec![role.id],
                groups: vec![group],
                ..NewUser::named("Somebody New")
            };
            tenant.create_user(new).unwrap();
        }
        10 => {
            let statuses = [Status::Disabled, Status::Active, Status::Provisioned];
            let status = statuses[dice.usize(..3)];
            drop(tenant.update_user(&user, Edit::Status(status)));
        }
        11 if groups.len() > 3 => drop(tenant.delete_group(&group)),
        12 => {
            let edit = match dice.bool() {
                true => GroupEdit::AssignRole(role.id),
                false => GroupEdit::UnassignRole(role.id),
            };
            tenant.update_group(&Directory::everyone(), edit).unwrap();
        }
        13 => {
            let role = tenant.create_role("Newly made");
            let edit = GroupEdit::AssignRole(role);
            tenant.update_group(&group, edit).unwrap();
        }
        14 if role.origin == "custom" => drop(tenant.delete_role(&role.id)),
        // The role moves from one group to another.
        15 => {
            let other = groups[dice.usize(..groups.len())].id.clone();
            drop(tenant.update_group(&group, GroupEdit::UnassignRole(role.id.clone())));
            drop(tenant.update_group(&other, GroupEdit::AssignRole(role.id)));
        }
        16 if dice.u32(..3) == 0 => {
            let hidden = [Hidden::Yes, Hidden::No][dice.usize(..2)];
            world.tenant.hide_access(hidden);
        }
        _ => hide_or_show(tenant, dice, spared),
    }
}

/// Returns a role of a user, or the given one if the user has none.
fn any_of(tenant: &Directory, user: &UserId, otherwise: RoleId) -> RoleId {
    let user = tenant.user(user).unwrap();
    user.roles.into_keys().next().unwrap_or(otherwise)
}

/// Hides the roles of a user or a group, or the groups of a user, or shows them again.
pub fn hide_or_show(tenant: &Directory, dice: &mut fastrand::Rng, spared: &[UserId]) {
    let hidden = [Hidden::Yes, Hidden::No][dice.usize(..2)];
    let users: Vec<User> = tenant.users();
    let is_free = |user: &&User| !spared.contains(&user.id) && user.name != QUIET;
    let users: Vec<&User> = users.iter().filter(is_free).collect();
    let user = users[dice.usize(..users.len())].id.clone();
    let mut groups = tenant.groups();
    groups.retain(|group| group.name != QUIET);
    match dice.u32(..6) {
        0 => tenant.hide_roles(&Directory::everyone().0, hidden),
        1 | 2 => tenant.hide_roles(&groups[dice.usize(..groups.len())].id.0, hidden),
        3 => tenant.hide_groups(&user, hidden),
        _ => tenant.hide_roles(&user.0, hidden),
    }
}
