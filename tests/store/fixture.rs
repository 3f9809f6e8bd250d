//! Makes a small store that has a row of every sort, by the store's own interface. Every version
//! that reads the stores of older ones is tested with it.
//!
//! `fixtures/README.md` says which version made which of the stores that are kept.

use std::collections::{BTreeMap, BTreeSet};
use std::path;
use std::time::Duration;

use qlik_roster::clock::Clock;
use qlik_roster::model::{
    Acceptance, AccessChange, Account, AccountChange, Allotment, ApiToken, Assignee, AuditEventId,
    Barrier, Change, Coded, ConnectionName, EndpointName, Fact, Finding, FindingCode, FindingId,
    Fingerprint, Found, Group, GroupId, GroupType, Held, HeldLoss, HeldPlan, Holder, Id, Kind,
    KindCounts, LicenceAssignment, LicenceCounts, LicenceHead, Link, Loss, Mode, OWNER, Outcome,
    Path, Pause, PlanId, PlanState, Proof, Reason, Record, RecordRef, Recovery, Removal, Reported,
    Right, RightChange, RightHolders, Role, RoleId, RoleMention, RoleType, Run, RunId, Scope, Seq,
    ShownPath, Space, SpaceAssignment, SpaceChange, SpaceCounts, SpaceHead, SpaceId, SpaceMention,
    SpacePart, SpaceShare, Taken, Tenant, TenantId, TenantName, Timestamp, TokenDigest, TokenId,
    Traffic, Trigger, User, UserId, UserStatus, Weight,
};
use qlik_roster::store::{
    Attempt, Backfill, Behind, Bookmark, Closing, Commit, Cursor, Deferred, DeliveryChange,
    Disabled, DisabledBy, EarlierReading, Expansion, Failing, Item, KeptSpace, Known, LicenceEnd,
    LicenceReading, LicenceReport, MaintenancePass, Named, NewRun, Order, Parked, PlanHead,
    Progress, ReadingMark, Remains, Retention, RightsMark, SeenEvent, SpaceNote, SpaceReading,
    SpaceReport, SpaceWrite, Store, StoreError, Trouble, Write,
};
use xxhash_rust::xxh3::xxh3_128;

const RETENTION: Retention = Retention {
    keep: Duration::from_secs(90 * 24 * 3600),
    keep_runs: 500,
};

/// The plan that waits.
const WAITING: PlanId = PlanId(7);

/// Makes the store in a folder and closes it.
pub fn make(path: &path::Path) -> Result<(), StoreError> {
    let store = Store::open_by(path, &Clock::stopped_at(day(0)))
        .expect("nothing is in the way of a new store")
        .store;
    let acme = store.adopt(&acme(), &TenantName("acme".into()), day(0))?;
    let globex = store.adopt(&globex(), &TenantName("globex".into()), day(0))?;
    load(&store, &acme, &globex)?;
    change(&store, &acme)?;
    deliver(&store)?;
    let endpoints = ["hr", "audit", "gone"].map(hook).to_vec();
    MaintenancePass::new(store.clone(), RETENTION, endpoints, day(100)).finish()?;
    runs(&store, &acme, &globex)?;
    plans(&store, &acme)?;
    sealed(&store, &globex)?;
    between(&store, &acme)?;
    want(&store, &acme)?;
    rights(&store, &acme)?;
    spaces(&store, &acme)?;
    licences(&store, &acme)?;
    let acceptance = Acceptance {
        at: day(60),
        by: "ops".into(),
        why: "it is the break-glass account".into(),
        extent: texts(&["role 1", "role 2"]),
    };
    store.accept(acme.no, FindingId([1, 2, 3, 4, 5]), &acceptance)?;
    tokens(&store, &acme)?;
    store.close()
}

fn load(store: &Store, acme: &Known, globex: &Known) -> Result<(), StoreError> {
    let run = begin(store, "acme", Some("T1"), Trigger::Start, day(0))?;
    let mut writes: Vec<Write> = (1..=3).map(|n| quiet(role(n))).collect();
    writes.extend((1..=4).map(|n| quiet(group(n))));
    writes.extend((1..=30).map(|n| quiet(user(n, "first"))));
    let loaded = Closing::Loaded {
        roles: 3,
        groups: 4,
        users: 30,
    };
    commit(store, acme, run.id, day(0), writes, loaded)?;
    store.save_run(&Run {
        ended_at: Some(day(0)),
        outcome: Outcome::Succeeded,
        counts: [(Kind::User, counts()), (Kind::Role, KindCounts::default())].into(),
        population: Loss::ALL.map(|loss| (loss, 30)).into(),
        traffic: Traffic {
            requests: 7,
            retries: 2,
            waited: Duration::new(3, 500_000_007),
        },
        audit_missed: Some(0),
        spaces: None,
        licence: None,
        ..run
    })?;
    let run = begin(store, "globex", None, Trigger::Command, day(0))?;
    let writes = vec![
        quiet(role(1)),
        quiet(user(1, "first")),
        quiet(user(6, "first")),
    ];
    let loaded = Closing::Loaded {
        roles: 1,
        groups: 0,
        users: 2,
    };
    commit(store, globex, run.id, day(0), writes, loaded)?;
    store.save_run(&Run {
        tenant: Some(TenantId("T2".into())),
        ended_at: Some(day(0)),
        outcome: Outcome::Degraded,
        findings: findings(),
        ..run
    })
}

/// Entries of every sort of change; some will be cut.
fn change(store: &Store, acme: &Known) -> Result<(), StoreError> {
    let run = begin(store, "acme", Some("T1"), Trigger::Schedule, day(1))?;
    let updated = |number, from, to| Change::Updated {
        before: user(number, from),
        after: user(number, to),
    };
    let writes = (1..=12).map(|number| changed(updated(number, "first", "second")));
    commit(
        store,
        acme,
        run.id,
        day(1),
        writes.collect(),
        Closing::Nothing,
    )?;
    let writes = [
        Change::Deleted {
            before: user(13, "first"),
        },
        Change::Created {
            after: user(40, "first"),
            replaces: Some(user(13, "first").id().clone()),
        },
        Change::Created {
            after: group(9),
            replaces: None,
        },
        Change::Deleted { before: role(3) },
        updated(1, "second", "third"),
        updated(6, "second", "third"),
    ];
    let writes = writes.map(changed).to_vec();
    commit(store, acme, run.id, day(100), writes, Closing::Nothing)?;
    store.save_run(&Run {
        ended_at: Some(day(1)),
        outcome: Outcome::Incomplete {
            reason: "12 of 13 users were shown".into(),
        },
        lost: [(Loss::Users, 1), (Loss::Roles, 1)].into(),
        ..run
    })
}

fn deliver(store: &Store) -> Result<(), StoreError> {
    let hr = Cursor {
        settled: Seq(16),
        ahead: [Seq(18), Seq(19)].into(),
        trouble: Some(Trouble {
            probes: 2,
            due: day(101),
            reason: "the receiver answered 503".into(),
        }),
        failing: Some(Failing {
            since: day(99),
            last: day(100),
            attempts: 3,
        }),
        disabled: None,
        backfill: None,
        delivered_at: Some(day(99)),
        expansion: None,
    };
    let changes = vec![
        DeliveryChange::Park(parked(Item::Entry(Seq(4)))),
        DeliveryChange::Park(parked(snapshot(2, Kind::User))),
        DeliveryChange::Defer(Item::Entry(Seq(5)), deferred(7, None)),
        DeliveryChange::Defer(Item::Entry(Seq(17)), deferred(8, Some(7))),
        DeliveryChange::Defer(snapshot(1, Kind::Group), deferred(9, None)),
    ];
    let attempts = (1..=3).map(|number| attempt(number, Item::Entry(Seq(4))));
    progress(store, "hr", hr, changes, attempts.collect(), None)?;
    let audit = Cursor {
        settled: Seq(15),
        backfill: Some(Backfill {
            mark: Seq(15),
            at: day(2),
            tenant: None,
            after: Some((
                store.tenants()?[0].no,
                Kind::User,
                user(4, "first").id().clone(),
            )),
            beyond: [(
                store.tenants()?[0].no,
                Kind::User,
                user(6, "first").id().clone(),
            )]
            .into(),
        }),
        ..Cursor::default()
    };
    progress(store, "audit", audit, Vec::new(), Vec::new(), None)?;
    let by = [
        (
            "gone",
            DisabledBy::Receiver {
                url_mark: "[url 1]".into(),
            },
        ),
        ("quiet", DisabledBy::Operator),
        ("weak", DisabledBy::Failures),
    ];
    for (name, by) in by {
        let disabled = Cursor {
            settled: Seq(3),
            disabled: Some(Disabled {
                at: day(3),
                by,
                reason: "410 Gone".into(),
            }),
            ..Cursor::default()
        };
        let told = Fact::EndpointDisabled {
            endpoint: hook(name),
            reason: "410 Gone".into(),
            failing_since: (name == "weak").then(|| day(2)),
        };
        progress(
            store,
            name,
            disabled,
            Vec::new(),
            Vec::new(),
            Some((day(100), told)),
        )?;
    }
    Ok(())
}

/// Licences: one subject in two letter cases, and how far the licences were read.
fn licences(store: &Store, acme: &Known) -> Result<(), StoreError> {
    let assignment = |subject: &str, sort: Option<&str>| LicenceAssignment {
        subject: subject.to_owned(),
        sort: sort.map(str::to_owned),
        is_excess: sort.map(|_| false),
        created_at: sort.map(|_| day(3)),
    };
    let allotment = Allotment {
        units: Some(20),
        used: Some(3),
        overage: Some(-1),
    };
    let reading = LicenceReading {
        mark: ReadingMark {
            number: 2,
            last: Some(day(98)),
            began: Some(day(99)),
            tried: Some(day(100)),
            is_refused: false,
        },
        head: LicenceHead {
            number: Some("9999000000001234".into()),
            allotments: [("analyzer".to_owned(), allotment)].into(),
        },
        licence: Some("9999000000001234".into()),
        first: Some(day(96)),
        cursor: Some("bmV4dA".into()),
        unreadable: 1,
        unreadable_so_far: 3,
        listed_so_far: Some(11),
        failures: 12,
        complete: 13,
        unconfirmed: 14,
        kept: 2,
        earlier: Some(EarlierReading {
            number: 1,
            began: day(97),
        }),
        named: Named {
            times: 0,
            at_begin: 3,
            read: 2,
        },
    };
    let shown = [
        assignment("ACME\\USER1", Some("analyzer")),
        assignment("acme\\user1", Some("professional")),
        assignment("auth0|nobody", None),
    ];
    let run = begin(store, "acme", Some("T1"), Trigger::Licence, day(100))?;
    store.keep_licences(acme.no, shown.into(), reading.clone())?;
    store.note_licence(acme.no)?;
    let report = LicenceReport {
        run: run.id,
        at: day(100),
        account: acme.tenant.account(),
        not_before: Some(day(99)),
    };
    let end = LicenceEnd {
        number: 2,
        remove_before: 1,
        report: Some(report.clone()),
    };
    store.end_licence_listing(acme.no, &end)?;
    let other = LicenceReading {
        licence: Some("9999000000005678".into()),
        ..reading.clone()
    };
    store.end_licence_reading(acme.no, other, Some(&report))?;
    let next = LicenceReading {
        mark: ReadingMark {
            number: 3,
            ..reading.mark
        },
        ..reading
    };
    let shown = assignment("acme\\user1", Some("analyzer"));
    store.keep_licences(acme.no, vec![shown], next)?;
    store.save_run(&Run {
        ended_at: Some(day(100)),
        outcome: Outcome::Degraded,
        licence: Some(LicenceCounts {
            read: 3,
            unreadable: 4,
            removed: 5,
            kept: 6,
        }),
        ..run
    })
}

/// Spaces: one that is seen in part, one that changed, one that is to be read again, and how far
/// they were read.
fn spaces(store: &Store, acme: &Known) -> Result<(), StoreError> {
    let run = begin(store, "acme", Some("T1"), Trigger::Spaces, day(100))?;
    let space = |number, role: &str, unseen: &[SpacePart]| Space {
        id: SpaceId(id(Kind::Group, number)),
        head: SpaceHead {
            name: format!("Space {number}"),
            sort: Some("shared".into()),
            owner: Some(UserId(id(Kind::User, number))),
            created_at: Some(day(2)),
            unseen: unseen.iter().copied().collect(),
        },
        assignments: Some(
            [(
                Assignee {
                    sort: "group".into(),
                    id: id(Kind::Group, 1),
                },
                SpaceAssignment {
                    roles: texts(&[role]),
                    created_at: Some(day(3)),
                    created_by: Some(id(Kind::User, 1)),
                    updated_at: Some(day(4)),
                },
            )]
            .into(),
        ),
        shares: unseen.is_empty().then(|| {
            let share = SpaceShare {
                sort: "user".into(),
                with: Some(id(Kind::User, 2)),
                roles: texts(&["consumer"]),
                resource: Some("app-1".into()),
                resource_sort: Some("app".into()),
                is_disabled: true,
                created_at: Some(day(5)),
                created_by: Some(id(Kind::User, 1)),
            };
            [(id(Kind::Role, 1), share)].into()
        }),
        partial: unseen
            .iter()
            .copied()
            .filter(|it| *it == SpacePart::Assignments)
            .collect(),
    };
    let all = [SpacePart::Itself, SpacePart::Assignments, SpacePart::Shares];
    let keep = |space, changed_at| {
        SpaceWrite::Keep(KeptSpace {
            space,
            reading: 2,
            changed_at,
        })
    };
    store.write_space(acme.no, keep(space(1, "consumer", &all), None), None, None)?;
    let (before, after) = (space(2, "consumer", &[]), space(2, "producer", &[]));
    let told = SpaceReport {
        run: run.id,
        at: day(100),
        account: acme.tenant.account(),
        change: SpaceChange::between(Some(&before), Some(&after), Found::New)
            .expect("the roles differ"),
    };
    store.write_space(acme.no, keep(after, Some(day(100))), Some(told), None)?;
    store.note_spaces(acme.no, [(SpaceId(id(Kind::Group, 3)), SpaceNote::Deleted)])?;
    let reading = SpaceReading {
        mark: ReadingMark {
            number: 2,
            last: Some(day(99)),
            began: Some(day(100)),
            tried: Some(day(100)),
            is_refused: false,
        },
        first: Some(day(98)),
        since: Some(Seq(20)),
        n_unread: 1,
        removed: [SpaceId(id(Kind::Group, 4))].into(),
    };
    store.set_space_reading(acme.no, reading)?;
    store.save_run(&Run {
        ended_at: Some(day(100)),
        outcome: Outcome::Degraded,
        spaces: Some(SpaceCounts {
            listed: 2,
            read: 2,
            created: 0,
            updated: 1,
            deleted: 0,
            unseen: 1,
        }),
        ..run
    })
}

/// Changes of rights: for one user, for many, for all, and of what a role allows; an endpoint that
/// is in the middle of a list, and a delivery about one of its users that was given up.
fn rights(store: &Store, acme: &Known) -> Result<(), StoreError> {
    let run = begin(store, "acme", Some("T1"), Trigger::Schedule, day(100))?;
    let list = store.next_list(acme.no, Remains::BehindLast)?;
    let holder = |number: u32, barrier, account| Holder {
        id: UserId(id(Kind::User, number)),
        subject: format!("auth0|{number}"),
        name: (number != 3).then(|| format!("User {number}")),
        email: (number != 4).then(|| format!("u{number}@example.com")),
        is_bot: number == 5,
        barrier,
        account,
    };
    let users = [
        holder(1, None, AccountChange::Stayed),
        holder(2, Some(Barrier::Disabled), AccountChange::Created),
        holder(3, Some(Barrier::Invited), AccountChange::Stayed),
        holder(4, Some(Barrier::InvitationEnded), AccountChange::Deleted),
        holder(5, Some(Barrier::UnknownStatus), AccountChange::Stayed),
    ];
    store.add_list_part(acme.no, list, 0, &users)?;
    let role = RoleMention {
        id: RoleId(id(Kind::Role, 1)),
        name: "TenantAdmin".into(),
        level: Some("admin".into()),
        is_unknown: false,
    };
    let path = |path: Path| ShownPath {
        group: path.group().map(|_| "Admins".to_owned()),
        path,
    };
    let group = || GroupId(id(Kind::Group, 1));
    let right = |change, holders, before: Vec<Path>, after: Vec<Path>| {
        Fact::RightChanged(RightChange {
            right: Right::Role(role.clone()),
            change,
            holders,
            before: before.into_iter().map(path).collect(),
            after: after.into_iter().map(path).collect(),
        })
    };
    let one = RightHolders::One(holder(1, None, AccountChange::Stayed));
    let direct = vec![Path::Direct];
    let by_group = vec![Path::Group(group())];
    let facts = vec![
        right(AccessChange::Granted, one, Vec::new(), direct.clone()),
        right(
            AccessChange::PathChanged,
            RightHolders::Listed { list, count: 5 },
            direct,
            by_group.clone(),
        ),
        right(
            AccessChange::Revoked,
            RightHolders::Everybody { count: 9 },
            vec![Path::Everyone(group()), Path::UserDefault],
            Vec::new(),
        ),
        Fact::RoleContentChanged {
            role: RoleMention {
                is_unknown: true,
                level: None,
                ..role.clone()
            },
            gained: texts(&["apps:read", "spaces:read"]),
            lost: texts(&["users:delete"]),
        },
    ];
    let facts = [
        facts,
        rights_in_spaces(holder(2, None, AccountChange::Created)),
    ]
    .concat();
    let mark = RightsMark {
        reported: Seq(9),
        under_way: Some((Seq(12), 4)),
        in_spaces: Some(Behind {
            reported: Seq(7),
            reading: 2,
        }),
    };
    let closing = Closing::Rights { facts, mark };
    commit(store, acme, run.id, day(100), Vec::new(), closing)?;
    let entry = Seq(store.last_seq().0 - 5);
    let cursor = Cursor {
        settled: entry,
        expansion: Some(Expansion {
            entry,
            settled: Some(1),
            beyond: [3].into(),
        }),
        ..Cursor::default()
    };
    let member = |number| Item::Member { entry, number };
    let changes = vec![DeliveryChange::Park(parked(member(0)))];
    let attempts = vec![attempt(1, member(0))];
    progress(store, "each", cursor, changes, attempts, None)
}

/// Adds a token that may do everything, and one that was used.
fn tokens(store: &Store, acme: &Known) -> Result<(), StoreError> {
    let first = ApiToken {
        id: TokenId([1; 6]),
        digest: TokenDigest([1; 32]),
        name: "first".into(),
        scopes: [Scope::Admin].into(),
        tenants: None,
        created_at: day(1),
        created_by: "qlik-roster".into(),
        expires_at: None,
        last_used_at: None,
    };
    store.add_api_token(&first)?;
    store.add_api_token(&ApiToken {
        id: TokenId([2; 6]),
        digest: TokenDigest([2; 32]),
        scopes: [Scope::Read, Scope::Scim, Scope::Events].into(),
        tenants: Some([acme.tenant.id.clone()].into()),
        expires_at: Some(day(200)),
        ..first
    })?;
    store.note_api_token_use(TokenId([2; 6]), day(100))
}

/// Changes of rights in spaces.
fn rights_in_spaces(holder: Holder) -> Vec<Fact> {
    let mention = |sort: Option<&str>| SpaceMention {
        id: SpaceId(id(Kind::Group, 5)),
        name: "Sales".into(),
        sort: sort.map(str::to_owned),
    };
    let path = |path: Path| ShownPath {
        group: path.group().map(|_| "Sellers".to_owned()),
        path,
    };
    let everyone = Path::Everyone(GroupId(id(Kind::Group, 2)));
    let app = |resource: Option<&str>, sort: Option<&str>| Right::App {
        space: mention(Some("managed")),
        resource: resource.map(str::to_owned),
        sort: sort.map(str::to_owned),
        role: "contributor".into(),
    };
    let changes = [
        RightChange {
            right: Right::SpaceRole {
                space: mention(None),
                role: OWNER.into(),
            },
            change: AccessChange::Granted,
            holders: RightHolders::One(holder),
            before: Vec::new(),
            after: vec![path(Path::Owner)],
        },
        RightChange {
            right: app(Some("app-1"), Some("app")),
            change: AccessChange::PathChanged,
            holders: RightHolders::Everybody { count: 9 },
            before: vec![path(everyone.clone())],
            after: vec![
                path(Path::Group(GroupId(id(Kind::Group, 1)))),
                path(everyone.clone()),
            ],
        },
        RightChange {
            right: app(None, None),
            change: AccessChange::Revoked,
            holders: RightHolders::Everybody { count: 9 },
            before: vec![path(everyone)],
            after: Vec::new(),
        },
    ];
    changes.map(Fact::RightChanged).into()
}

/// A run of every outcome and trigger, one of them still in progress.
fn runs(store: &Store, acme: &Known, globex: &Known) -> Result<(), StoreError> {
    let run = begin(store, "acme", Some("T1"), Trigger::Gap, day(100))?;
    let failed = Fact::Failed {
        code: "qlik.unreachable".into(),
        message: "reading users: connection refused".into(),
    };
    told(store, acme, run.id, Vec::new(), vec![failed])?;
    store.save_run(&Run {
        ended_at: Some(day(100)),
        outcome: Outcome::Failed {
            code: "qlik.unreachable".into(),
            message: "reading users: connection refused".into(),
        },
        ..run
    })?;
    let run = begin(store, "globex", Some("T2"), Trigger::Audit, day(100))?;
    let recovered = Fact::Recovered(Recovery::Sync);
    told(store, globex, run.id, Vec::new(), vec![recovered])?;
    store.save_run(&Run {
        ended_at: Some(day(100)),
        outcome: Outcome::Interrupted,
        ..run
    })?;
    let run = store.begin_run(NewRun {
        mode: Mode::DryRun,
        ..new_run("globex", Some("T2"), Trigger::Command, day(100))
    })?;
    store.save_run(&Run {
        ended_at: Some(day(100)),
        outcome: Outcome::Succeeded,
        ..run
    })
}

/// Held plans in every state, the newest of them waiting.
fn plans(store: &Store, acme: &Known) -> Result<(), StoreError> {
    let run = begin(store, "acme", Some("T1"), Trigger::Schedule, day(100))?;
    assert_eq!(PlanId::from(run.id), WAITING);
    let at = day(100);
    let states = [
        PlanState::Approved { at },
        PlanState::Applied { at, run: run.id },
        PlanState::Rejected { at },
        PlanState::Superseded { at, by: WAITING },
        PlanState::Recovered { at, run: run.id },
        PlanState::Held,
    ];
    let mut staged = Vec::new();
    for id in 2..=WAITING.0 {
        staged.push(store.stage_removals(acme.no, PlanId(id), &removals())?);
    }
    let losses: BTreeMap<Loss, HeldLoss> = Loss::ALL
        .into_iter()
        .zip([
            Reason::NothingLeft,
            Reason::OverCount { max_count: 1 },
            Reason::OverShare { max_permille: 125 },
            Reason::Never,
            Reason::NothingLeft,
        ])
        .map(|(loss, reason)| {
            (
                loss,
                HeldLoss {
                    weight: weight(),
                    reason,
                },
            )
        })
        .collect();
    let plans = (2..).zip(states).zip(staged);
    let plans = plans.map(|((id, state), staged)| HeldPlan {
        id: PlanId(id),
        account: account(acme),
        at,
        losses: losses.clone(),
        entries: staged.count,
        checksum: staged.checksum,
        state,
    });
    let facts = vec![
        Fact::Recovered(Recovery::Plan(PlanId(6))),
        Fact::Held {
            plan: WAITING,
            supersedes: Some(PlanId(5)),
            losses: losses.clone(),
        },
    ];
    told(store, acme, run.id, plans.collect(), facts)?;
    store.save_run(&Run {
        ended_at: Some(at),
        outcome: Outcome::Held,
        held: Some(Held {
            plan: Some(WAITING),
            losses,
        }),
        ..run
    })
}

/// What a held plan would remove.
fn removals() -> Vec<Removal> {
    let gone = |number| Removal {
        record: user(number, "first").to_ref(),
        label: format!("User {number}"),
        what: Taken::Record {
            proof: [Proof::Confirmed, Proof::NotYetAsked][number as usize % 2],
        },
    };
    let less = Removal {
        record: user(22, "first").to_ref(),
        label: "User 22".into(),
        what: Taken::Access {
            roles: roles(&[1]),
            groups: groups(&[1, 2]),
        },
    };
    (20..22).map(gone).chain([less]).collect()
}

/// A sealed plan of which a part is committed.
fn sealed(store: &Store, globex: &Known) -> Result<(), StoreError> {
    let run = begin(store, "globex", Some("T2"), Trigger::Schedule, day(100))?;
    let mut rows = vec![
        changed(Change::Updated {
            before: user(1, "first"),
            after: user(1, "second"),
        }),
        quiet(role(2)),
        Write::Forget {
            record: role(2).to_ref(),
        },
    ];
    rows.extend((50..55).map(|number| {
        reported(Change::Created {
            after: user(number, "first"),
            replaces: None,
        })
    }));
    store.stage(globex.no, 0, &rows)?;
    store.seal_plan(
        globex.no,
        &PlanHead {
            run: run.id,
            at: day(100),
            account: account(globex),
            rows_total: 8,
        },
    )?;
    let first = store.plan_rows_from(globex.no, 0, 4)?;
    commit(store, globex, run.id, day(100), first, Closing::PlanRows(4))?;
    let late = Reported {
        first: day(97),
        last: day(97),
        by: Some([UserId(id(Kind::User, 7))].into()),
    };
    store.note_late_reports(&globex.tenant.id, &[(user(50, "first").to_ref(), late)])
}

/// What is kept between two sweeps.
fn between(store: &Store, acme: &Known) -> Result<(), StoreError> {
    let absences = [(user(23, "first").to_ref(), 2), (role(2).to_ref(), 1)];
    store.keep_absences(acme.no, &absences.into())?;
    let bookmark = Bookmark {
        since: day(2),
        until: day(100),
        untold: vec![(day(99), user(6, "first").to_ref())],
        sessions_since: Some(day(3)),
    };
    let seen = [1_u8, 2].map(|number| SeenEvent {
        at: day(99),
        id: AuditEventId([number; 16]),
    });
    store.set_bookmark(acme.no, &bookmark, &seen, day(90))?;
    let sessions = [(1, 97), (6, 99)];
    let sessions = sessions.map(|(number, at)| (UserId(id(Kind::User, number)), day(at)));
    store.note_sessions(acme.no, &sessions.into())?;
    store.note_all_spaces(acme.no)?;
    let pauses = [
        None,
        Some(Pause::Status("deactivated".into())),
        Some(Pause::Gone),
        Some(Pause::LeftOut),
        Some(Pause::SameAs(TenantName("acme".into()))),
        Some(Pause::NotConfigured),
    ];
    let links = (1..).zip(pauses).map(|(number, pause)| Link {
        id: format!("L{number}"),
        name: TenantName(format!("found-{number}")),
        hosts: vec![format!("found-{number}.eu.qlikcloud.com")],
        region: (number > 1).then(|| "eu-west-1".to_owned()),
        pause,
    });
    let links: Vec<Link> = links.collect();
    store.set_links(&ConnectionName("all".into()), &links)?;
    // A change that was being planned when the process ended.
    let begun = begin(store, "acme", Some("T1"), Trigger::Schedule, day(100))?;
    assert_eq!(begun.outcome, Outcome::Running);
    let planned = [
        Change::Deleted { before: role(1) },
        Change::Deleted { before: group(1) },
    ];
    store.stage(acme.no, 0, &planned.map(changed))
}

/// What operators request for an endpoint.
fn want(store: &Store, acme: &Known) -> Result<(), StoreError> {
    let orders = [
        Order::Disable { at: day(100) },
        Order::Enable,
        Order::Rewind { to: Seq(15) },
        Order::Backfill {
            at: day(100),
            mark: Seq(20),
        },
    ];
    for order in &orders {
        store.order(&hook("hr"), order)?;
    }
    let record = user(7, "first").to_ref();
    let again = Item::Snapshot {
        mark: Seq(15),
        at: day(2),
        tenant: acme.no,
        record,
    };
    store.replay(&hook("audit"), &[Item::Entry(Seq(18)), again])
}

/// Begins another run of a tenant of the fixture.
pub fn begin_one(store: &Store) -> Result<Run, StoreError> {
    begin(store, "acme", Some("T1"), Trigger::Command, day(101))
}

fn begin(
    store: &Store,
    name: &str,
    tenant: Option<&str>,
    trigger: Trigger,
    at: Timestamp,
) -> Result<Run, StoreError> {
    store.begin_run(new_run(name, tenant, trigger, at))
}

fn new_run(name: &str, tenant: Option<&str>, trigger: Trigger, at: Timestamp) -> NewRun {
    NewRun {
        tenant_name: TenantName(name.to_owned()),
        tenant: tenant.map(|id| TenantId(id.to_owned())),
        trigger,
        mode: Mode::Commit,
        started_at: at,
    }
}

fn commit(
    store: &Store,
    known: &Known,
    run: RunId,
    at: Timestamp,
    writes: Vec<Write>,
    closing: Closing,
) -> Result<(), StoreError> {
    let commit = Commit {
        tenant: known.no,
        run,
        at,
        account: account(known),
        writes,
        closing,
    };
    store.commit(commit).map(drop)
}

fn told(
    store: &Store,
    known: &Known,
    run: RunId,
    plans: Vec<HeldPlan>,
    facts: Vec<Fact>,
) -> Result<(), StoreError> {
    let closing = Closing::Report { plans, facts };
    commit(store, known, run, day(100), Vec::new(), closing)
}

fn progress(
    store: &Store,
    endpoint: &str,
    cursor: Cursor,
    changes: Vec<DeliveryChange>,
    attempts: Vec<Attempt>,
    fact: Option<(Timestamp, Fact)>,
) -> Result<(), StoreError> {
    let mut log = store.attempt_log(&hook(endpoint))?;
    let progress = Progress {
        changes,
        attempts,
        fact,
        ..Progress::of(cursor)
    };
    store.save_progress(&hook(endpoint), &mut log, progress)
}

pub fn day(day: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_123 + day * 24 * 3600 * 1000)
}

pub fn hook(name: &str) -> EndpointName {
    EndpointName(name.into())
}

fn acme() -> Tenant {
    Tenant {
        id: TenantId("T1".into()),
        name: "Acme".into(),
        hosts: vec!["acme.eu.qlikcloud.com".into(), "acme.example.com".into()],
        region: Some("eu-west-1".into()),
        status: None,
    }
}

fn globex() -> Tenant {
    Tenant {
        id: TenantId("T2".into()),
        name: "Globex".into(),
        hosts: Vec::new(),
        region: None,
        status: Some("active".into()),
    }
}

fn account(known: &Known) -> Account {
    known.tenant.account()
}

fn id(kind: Kind, number: u32) -> Id {
    let text = match number % 6 {
        // An id of another shape than most.
        0 => format!("{kind}~{number:04}"),
        _ => format!("60d5ca1b2f8a4c00{number:08x}"),
    };
    Id::parse(&text).expect("it is made as ids are")
}

fn roles(numbers: &[u32]) -> BTreeMap<RoleId, String> {
    let named = |number: &u32| (RoleId(id(Kind::Role, *number)), format!("Role {number}"));
    numbers.iter().map(named).collect()
}

fn groups(numbers: &[u32]) -> BTreeMap<GroupId, String> {
    let named = |number: &u32| (GroupId(id(Kind::Group, *number)), format!("Group {number}"));
    numbers.iter().map(named).collect()
}

fn texts(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn role(number: u32) -> Record {
    let types = [RoleType::Admin, RoleType::Basic, RoleType::UnmappedValue];
    let role_type = Coded::new(types[number as usize % 3], "as written");
    Record::Role(Role {
        description: Some(format!("What role {number} is for")),
        origin: (number != 1).then(|| "default".to_owned()),
        level: Some("admin".into()),
        permissions: (number != 2).then(|| texts(&["app.read", "space.update"])),
        scopes: Some(texts(&["admin.users"])),
        created_at: Some(day(-30)),
        updated_at: None,
        ..Role::new(
            id(Kind::Role, number).into(),
            format!("Role {number}"),
            role_type,
        )
    })
}

fn group(number: u32) -> Record {
    let types = [
        GroupType::Group,
        GroupType::Organization,
        GroupType::CostCenter,
    ];
    Record::Group(Group {
        id: id(Kind::Group, number).into(),
        name: format!("Group {number}"),
        description: (number == 1).then(|| "The first".to_owned()),
        group_type: Coded {
            value: types[number as usize % 3],
            source_value: (number != 2).then(|| "idp".to_owned()),
        },
        status: Some("active".into()),
        idp_id: Some(format!("idp-{number}")),
        roles: (number != 3).then(|| roles(&[1, 2])),
        created_at: Some(day(-20)),
        updated_at: Some(day(-10)),
    })
}

/// Every third user has all of the fields that users can have.
fn user(number: u32, name: &str) -> Record {
    let user = User::new(id(Kind::User, number).into(), format!("auth0|{number}"));
    let statuses = [
        UserStatus::Enabled,
        UserStatus::Disabled,
        UserStatus::Pending,
        UserStatus::UnmappedValue,
    ];
    let user = User {
        name: Some(format!("Zoë {number}, {name}")),
        email: Some(format!("{number}@example.com")),
        status: Coded::new(statuses[number as usize % 4], "as written"),
        ..user
    };
    if !number.is_multiple_of(3) {
        return Record::User(user);
    }
    Record::User(User {
        is_bot: number == 9,
        client_id: Some("client".into()),
        roles: Some(roles(&[1, 2])),
        groups: Some(groups(&[1, 6])),
        scopes: Some(texts(&["user_default"])),
        created_at: Some(day(-10)),
        updated_at: Some(day(-9)),
        invite_expires_at: Some(day(200)),
        picture: Some("https://example.com/picture".into()),
        locale: Some("de".into()),
        zone_info: Some("Europe/Berlin".into()),
        preferred_locale: Some("en".into()),
        preferred_zone_info: Some("UTC".into()),
        ..user
    })
}

fn fingerprint(record: &Record) -> Fingerprint {
    Fingerprint(xxh3_128(record.label().as_bytes()).to_be_bytes())
}

fn raw(record: &Record) -> Box<str> {
    format!(r#"{{"id":"{}","name":"{}"}}"#, record.id(), record.label()).into()
}

fn quiet(record: Record) -> Write {
    Write::Quiet {
        fingerprint: fingerprint(&record),
        raw: raw(&record),
        record,
    }
}

fn changed(change: Change) -> Write {
    Write::Change {
        fingerprint: fingerprint(change.latest()),
        raw: raw(change.latest()),
        change,
        reported: None,
    }
}

/// Returns the write of a change that the audit log reported, too.
fn reported(change: Change) -> Write {
    Write::Change {
        fingerprint: fingerprint(change.latest()),
        raw: raw(change.latest()),
        change,
        reported: Some(Reported {
            first: day(98),
            last: day(99),
            by: Some([UserId(id(Kind::User, 3))].into()),
        }),
    }
}

fn counts() -> KindCounts {
    KindCounts {
        seen: 1,
        created: 2,
        updated: 3,
        deleted: 4,
        rescued: 5,
        unreadable: 6,
        partial: 7,
    }
}

fn weight() -> Weight {
    Weight {
        lost: 3,
        known: 30,
        shown: 27,
    }
}

/// One finding of each sort that the first format knows.
fn findings() -> Vec<Finding> {
    let codes = [
        FindingCode::UnreadableRecord,
        FindingCode::HiddenRoles,
        FindingCode::HiddenGroups,
        FindingCode::Rescued,
        FindingCode::ForbiddenCollection,
        FindingCode::AuditForbidden,
        FindingCode::AuditGap,
        FindingCode::Unconfirmed,
    ];
    let finding = |(number, code)| Finding {
        code,
        kind: Kind::ALL[number as usize % 3],
        id: (number != 4).then(|| id(Kind::User, number)),
        detail: format!("what was wrong with {number}"),
    };
    (0..).zip(codes).map(finding).collect()
}

fn snapshot(number: u32, kind: Kind) -> Item {
    Item::Snapshot {
        mark: Seq(15),
        at: day(2),
        tenant: first_tenant(),
        record: RecordRef {
            kind,
            id: id(kind, number),
        },
    }
}

/// Returns the number of a store's first tenant. It is read from the name of a delivery, since only
/// the store can make a number.
fn first_tenant() -> qlik_roster::store::TenantNo {
    let named = "snapshot/1/user/60d5ca1b2f8a4c0000000001/1/1".parse();
    match named.expect("it is written as deliveries are") {
        Item::Snapshot { tenant, .. } => tenant,
        Item::Entry(_) | Item::Member { .. } => unreachable!("it names a record"),
    }
}

fn parked(item: Item) -> Parked {
    Parked {
        item,
        reason: "the receiver answered 400".into(),
        at: day(99),
        attempts: 3,
    }
}

fn deferred(entity: u64, after: Option<u64>) -> Deferred {
    Deferred {
        entity,
        after,
        attempts: 2,
        due: after.is_none().then(|| day(101)),
        is_endpoints: entity == 8,
        is_alone: entity == 9,
    }
}

fn attempt(number: u32, item: Item) -> Attempt {
    Attempt {
        item,
        event_type: "user.updated".into(),
        number,
        at: day(99),
        took_ms: 17,
        status: (number > 1).then_some(400),
        answer: "no such user".into(),
        error: (number < 3).then(|| "the receiver answered 400".into()),
    }
}

/// Makes the fixture store of this version's format.
#[test]
#[ignore = "makes a fixture; run with FIXTURE=FOLDER and --ignored"]
fn make_the_fixture() {
    let folder = std::env::var_os("FIXTURE").unwrap();
    make(path::Path::new(&folder)).unwrap();
}
