//! What raises a concern, and what does not.

use std::collections::BTreeMap;

use super::*;
use crate::model::{
    Coded, Group, GroupId, GroupType, Id, Record, Role, RoleId, RoleType, TenantId, Timestamp,
    User, UserId, UserStatus,
};

fn id(n: u32) -> Id {
    Id::parse(&format!("{n:024x}")).unwrap()
}

fn user(n: u32, name: &str) -> User {
    User {
        name: Some(name.to_owned()),
        roles: Some(BTreeMap::new()),
        groups: Some(BTreeMap::new()),
        ..User::new(UserId(id(n)), format!("idp|{n}"))
    }
}

fn bot(n: u32, name: &str, client: Option<&str>) -> User {
    User {
        is_bot: true,
        client_id: client.map(str::to_owned),
        ..user(n, name)
    }
}

fn role(n: u32, name: &str, role_type: RoleType) -> Record {
    Record::Role(Role::new(
        RoleId(id(n)),
        name.to_owned(),
        Coded::new(role_type, "x"),
    ))
}

fn group(n: u32, name: &str, roles: &[u32]) -> Record {
    let roles_held = roles.iter().map(|n| (RoleId(id(*n)), "r".to_owned()));
    Record::Group(Group {
        id: GroupId(id(n)),
        name: name.to_owned(),
        description: None,
        group_type: Coded::new(GroupType::Group, "custom"),
        status: None,
        idp_id: None,
        roles: Some(roles_held.collect()),
        created_at: None,
        updated_at: None,
    })
}

/// Looks at records, which must be in the order of their kinds.
fn look(rules: Vec<Separation>, records: &[Record]) -> (Vec<Concern>, Vec<Judged>) {
    let clients = ["ours".to_owned()].into();
    let mut inspection = Inspection::begin(Timestamp::from_millis(1_000), clients, rules);
    let mut concerns = Vec::new();
    for record in records {
        inspection.look(record, &mut |concern| concerns.push(concern));
    }
    let judged = inspection.end(&mut |concern| concerns.push(concern));
    (concerns, judged)
}

/// Looks at users of a small tenant. Findings about its groups are left out.
fn inspect(users: Vec<User>) -> Vec<(&'static str, String, String)> {
    let mut records = vec![
        role(1, "TenantAdmin", RoleType::Admin),
        role(2, "Steward", RoleType::Editor),
        group(1, "Admins", &[1, 2]),
        group(2, "Everyone", &[2]),
    ];
    records.extend(users.into_iter().map(Record::User));
    let concerns = look(Vec::new(), &records).0.into_iter();
    concerns
        .filter(|concern| matches!(concern.subject, ConcernSubject::User(_)))
        .map(|concern| (concern.code.code(), concern.label, concern.detail))
        .collect()
}

fn with(user: User, roles: &[u32], groups: &[u32]) -> User {
    User {
        roles: Some(
            roles
                .iter()
                .map(|n| (RoleId(id(*n)), "old name".to_owned()))
                .collect(),
        ),
        groups: Some(
            groups
                .iter()
                .map(|n| (GroupId(id(*n)), String::new()))
                .collect(),
        ),
        ..user
    }
}

fn disabled(user: User) -> User {
    User {
        status: Coded::new(UserStatus::Disabled, "disabled"),
        ..user
    }
}

#[test]
fn a_disabled_user_who_administers_is_found_by_every_path() {
    let found = inspect(vec![
        with(user(1, "Active"), &[1], &[1]),
        disabled(with(user(2, "Direct"), &[1, 2], &[])),
        disabled(with(user(3, "By group"), &[2], &[1, 2])),
        disabled(with(user(4, "Harmless"), &[2], &[2])),
        User {
            roles: None,
            groups: None,
            ..disabled(user(5, "Unseen"))
        },
    ]);

    let expected = [
        (
            "access.redundant-admin",
            "Active",
            "TenantAdmin directly and by the group Admins",
        ),
        ("access.disabled-admin", "Direct", "TenantAdmin"),
        (
            "access.disabled-admin",
            "By group",
            "TenantAdmin by the group Admins",
        ),
    ];
    let expected = expected.map(|(code, who, what)| (code, who.to_owned(), what.to_owned()));
    assert_eq!(found, expected);
}

#[test]
fn bots_that_clients_left_behind_are_found() {
    let found = inspect(vec![
        bot(1, "EU OAuth client", Some("ours")),
        bot(2, "EU OAuth client", Some("replaced")),
        bot(3, "Nightly", Some("other")),
        bot(4, "Orphan", None),
    ]);

    let of = |code: &str| -> Vec<&str> {
        let found = found.iter().filter(|(found, _, _)| *found == code);
        found.map(|(_, _, detail)| detail.as_str()).collect()
    };
    assert_eq!(
        of("access.unknown-bot"),
        [
            "acts for the client replaced",
            "acts for the client other",
            "acts for no client"
        ]
    );
    assert_eq!(
        of("access.spare-bot"),
        ["one of 2 bot users of this name"; 2]
    );
}

#[test]
fn two_bots_of_one_client_are_one_too_many() {
    let found = inspect(vec![
        bot(1, "First", Some("ours")),
        bot(2, "Second", Some("ours")),
    ]);

    assert_eq!(found.len(), 2);
    assert!(
        found
            .iter()
            .all(|(code, _, detail)| *code == "access.spare-bot"
                && detail == "one of 2 bot users of its client")
    );
}

#[test]
fn an_invitation_is_of_concern_once_it_has_ended() {
    let invited = |n, name: &str, until| User {
        status: Coded::new(UserStatus::Pending, "invited"),
        invite_expires_at: Some(Timestamp::from_millis(until)),
        ..user(n, name)
    };
    let taken_up = User {
        status: Coded::new(UserStatus::Enabled, "active"),
        ..invited(3, "Taken up", 1)
    };

    let found = inspect(vec![
        invited(1, "Late", 999),
        invited(2, "In time", 1_000),
        taken_up,
    ]);

    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, "access.expired-invitation");
    assert_eq!(found[0].1, "Late");
}

#[test]
fn a_finding_keeps_its_id_and_says_what_it_consists_of() {
    let tenant = |name: &str| TenantId(name.to_owned());
    let look = |users: Vec<User>| {
        let mut records = vec![
            role(1, "TenantAdmin", RoleType::Admin),
            role(3, "DataAdmin", RoleType::Admin),
            group(1, "Admins", &[1]),
        ];
        records.extend(users.into_iter().map(Record::User));
        look(Vec::new(), &records).0
    };

    let before = look(vec![disabled(with(user(2, "Ada"), &[1], &[]))]).remove(0);
    let after = look(vec![disabled(with(user(2, "Ada Lovelace"), &[1, 3], &[1]))]).remove(0);
    let other = look(vec![disabled(with(user(4, "Ada"), &[1], &[]))]).remove(0);

    let acme = tenant("acme");
    assert_eq!(before.id(&acme), after.id(&acme));
    assert_ne!(before.id(&acme), other.id(&acme));
    assert_ne!(before.id(&acme), before.id(&tenant("beta")));
    assert!(before.extent.is_subset(&after.extent) && before.extent != after.extent);
    assert_eq!(after.extent.len(), 3, "{:?}", after.extent);

    let spare = |n| (1..=n).map(|it| bot(it, "Bot", Some("one"))).collect();
    let (two, three) = (look(spare(2)), look(spare(3)));
    let is_spare = |it: &&Concern| it.code == ConcernCode::SpareBot;
    let (two, three) = (two.iter().find(is_spare), three.iter().find(is_spare));
    assert!(!three.unwrap().extent.is_subset(&two.unwrap().extent));
}

/// A rule between roles with these names.
fn rule(left: &[&str], right: &[&str]) -> Separation {
    let set = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Separation {
        name: "payments".to_owned(),
        tenants: None,
        left: set(left),
        right: set(right),
    }
}

fn everyone(roles: Option<&[u32]>) -> Record {
    let Record::Group(group) = group(9, "Everyone", roles.unwrap_or_default()) else {
        unreachable!()
    };
    Record::Group(Group {
        group_type: Coded::new(GroupType::Organization, "system"),
        roles: group.roles.filter(|_| roles.is_some()),
        ..group
    })
}

/// Returns who breaks a rule, each with the detail, and the result of the rule.
fn judge(rule: Separation, records: &[Record]) -> (Vec<(String, String)>, Judged) {
    let (concerns, judged) = look(vec![rule], records);
    let broken = concerns.into_iter();
    let broken = broken.filter(|it| it.code == ConcernCode::Separation);
    let broken = broken.map(|it| (it.label, it.detail));
    (broken.collect(), judged.into_iter().next().unwrap())
}

/// Roles Clerk and Approver, and a group Finance that gives Approver.
fn finance() -> Vec<Record> {
    vec![
        role(1, "Clerk", RoleType::Basic),
        role(2, "Approver", RoleType::Basic),
        group(1, "Finance", &[2]),
    ]
}

#[test]
fn a_rule_is_broken_over_all_paths_and_by_both_sides_alone() {
    let mut records = finance();
    records.extend(
        [
            with(user(1, "Both"), &[1, 2], &[]),
            with(user(2, "By group"), &[1], &[1]),
            with(user(3, "Left"), &[1], &[]),
            with(user(4, "Right"), &[], &[1]),
            disabled(with(user(5, "Disabled"), &[1], &[1])),
        ]
        .map(Record::User),
    );

    let (broken, judged) = judge(rule(&["CLERK"], &["approver", "Nobody's"]), &records);

    let by_group = "`payments`: Clerk directly; Approver by the group Finance";
    let expected = [
        ("Both", "`payments`: Clerk directly; Approver directly"),
        ("By group", by_group),
        ("Disabled", by_group),
    ];
    let expected = expected.map(|(who, what)| (who.to_owned(), what.to_owned()));
    assert_eq!(broken, expected);
    assert_eq!((judged.n_broken, judged.n_unseen), (3, 0));
}

#[test]
fn each_rule_that_names_a_role_means_it() {
    let mut records = finance();
    records.push(Record::User(with(user(1, "Both"), &[1, 2], &[])));
    let rules = vec![
        rule(&["Clerk"], &["Approver"]),
        rule(&["Approver"], &["Clerk"]),
    ];

    let (_, judged) = look(rules, &records);

    let broken: Vec<u64> = judged.iter().map(|it| it.n_broken).collect();
    assert_eq!(broken, [1, 1]);
}

/// A role may be on both sides: by its name on one, and by its id on the other.
#[test]
fn one_role_on_both_sides_breaks_no_rule() {
    let mut records = finance();
    records.extend(
        [
            with(user(1, "Clerk"), &[1], &[]),
            with(user(2, "Both"), &[1, 2], &[]),
        ]
        .map(Record::User),
    );
    let Some(Record::Role(clerk)) = records.first() else {
        unreachable!()
    };
    let by_id = clerk.id.to_string();

    let (broken, judged) = judge(rule(&["Clerk"], &[&by_id, "Approver"]), &records);

    let names: Vec<&str> = broken.iter().map(|(who, _)| who.as_str()).collect();
    assert_eq!((names, judged.n_broken), (vec!["Both"], 1));
}

#[test]
fn what_all_users_hold_counts_and_what_all_break_is_said_once() {
    let people = || {
        let people = [
            with(user(1, "None"), &[], &[]),
            with(user(2, "Clerk"), &[1], &[]),
            with(user(3, "Approver"), &[], &[1]),
        ];
        people.map(Record::User)
    };
    let ask = |everyones: &[u32]| {
        let mut records = finance();
        records.push(everyone(Some(everyones)));
        records.extend(people());
        judge(rule(&["Clerk"], &["Approver"]), &records)
    };

    let (broken, judged) = ask(&[2]);
    let detail = "`payments`: Clerk directly; Approver as all users do, by Everyone";
    assert_eq!(broken, [("Clerk".to_owned(), detail.to_owned())]);
    assert_eq!(judged.n_broken, 1);

    let (broken, judged) = ask(&[1, 2]);
    let detail = "`payments`: all 3 users hold Clerk as all users do, by Everyone; Approver \
                  as all users do, by Everyone";
    assert_eq!(broken, [("all users".to_owned(), detail.to_owned())]);
    assert_eq!(judged.n_broken, 3);
}

#[test]
fn where_a_rule_cannot_be_judged_is_counted() {
    let unseen = User {
        roles: None,
        ..with(user(1, "Unseen"), &[], &[])
    };
    let hidden = with(user(2, "In a hidden group"), &[1], &[7]);
    let clean = with(user(3, "Clean"), &[1], &[]);
    let found_out = User {
        groups: None,
        ..with(user(4, "Found out"), &[1, 2], &[])
    };
    let people = || [&unseen, &hidden, &clean, &found_out].map(|it| Record::User(it.clone()));
    let ask = |mut records: Vec<Record>, rule| {
        records.extend(people());
        let (broken, judged) = judge(rule, &records);
        (broken.len(), judged.n_unseen, judged.is_blind)
    };
    let hidden_everyone = || [finance(), vec![everyone(None)]].concat();

    let sides = || rule(&["Clerk"], &["Approver"]);
    assert_eq!(ask(finance(), sides()), (1, 2, false));
    assert_eq!(ask(hidden_everyone(), sides()), (1, 3, false));
    // No role has this name, so users whose roles are hidden cannot hold it either.
    assert_eq!(
        ask(finance(), rule(&["Clerk"], &["Nobody's"])),
        (0, 0, false)
    );
    let (_, n_unseen, is_blind) = ask(Vec::new(), sides());
    assert!(is_blind && n_unseen == 3, "{n_unseen}");
}

#[test]
fn a_role_that_is_not_listed_is_known_by_the_name_under_which_it_is_assigned() {
    let named = |id_of: u32, name: &str| (RoleId(id(id_of)), name.to_owned());
    let somebody = User {
        roles: Some([named(1, "Clerk"), named(8, "approver")].into()),
        ..user(1, "Somebody")
    };
    let records = vec![role(1, "Clerk", RoleType::Basic), Record::User(somebody)];

    let (broken, _) = judge(rule(&["Clerk"], &["Approver"]), &records);

    assert_eq!(broken.len(), 1);
}

#[test]
fn groups_that_make_administrators_are_named_once_with_their_members() {
    let mut records = vec![
        role(1, "TenantAdmin", RoleType::Admin),
        role(2, "Steward", RoleType::Basic),
        group(1, "Admins", &[1, 2]),
        group(2, "Stewards", &[2]),
        everyone(Some(&[1])),
    ];
    records.extend((1..=3).map(|n| Record::User(with(user(n, "Member"), &[], &[1, 2]))));
    records.push(Record::User(User {
        groups: None,
        ..user(4, "Unseen")
    }));

    let found = look(Vec::new(), &records).0.into_iter();
    let found: Vec<_> = found
        .filter(|it| matches!(it.subject, ConcernSubject::Group(_)))
        .map(|it| (it.code.code(), it.label, it.detail))
        .collect();

    let expected = [
        (
            "access.admin-by-group",
            "Admins",
            "TenantAdmin, to 3 members; the groups of 1 user are not visible",
        ),
        (
            "access.everyone-admin",
            "Everyone",
            "TenantAdmin, to all 4 users",
        ),
    ];
    let expected = expected.map(|(code, who, what)| (code, who.to_owned(), what.to_owned()));
    assert_eq!(found, expected);
}
