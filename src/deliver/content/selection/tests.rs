//! Which records are selected, by how they were, how they are, or both.

use super::*;
use crate::deliver::tests::{create, open, options, plain_user, role, start, user};
use crate::deliver::{Endpoint, EventSource, Format, Privacy, ScimSets, SetEvents, SetKey};
use crate::model::{Change, Entry, Fact, Id, Origin, RunId, Seq, TenantId, User};
use crate::secret::Secret;

fn chosen(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Makes a user who holds roles of these numbers.
fn holder(roles: &[u32]) -> Record {
    let id = |n: &u32| RoleId(Id::parse(&format!("{n:024x}")).unwrap());
    Record::User(User {
        roles: Some(roles.iter().map(|n| (id(n), format!("Role {n}"))).collect()),
        ..plain_user(1)
    })
}

#[test]
fn a_role_is_touched_by_who_has_gains_or_loses_it() {
    let selection = Selection {
        roles: Some(chosen(&["Role 7", "000000000000000000000008"])),
        ..Selection::default()
    };
    for (before, after, expected) in [
        (None, Some(holder(&[7])), true),
        (None, Some(holder(&[8])), true),
        (None, Some(holder(&[9])), false),
        (None, Some(user(1)), false),
        (Some(holder(&[7])), Some(holder(&[])), true),
        (Some(holder(&[])), Some(holder(&[7, 9])), true),
        (Some(holder(&[7])), Some(holder(&[7])), true),
        (Some(holder(&[9])), Some(holder(&[])), false),
        (Some(holder(&[7])), None, true),
        (None, Some(role(7)), true),
        (Some(role(8)), None, true),
        (Some(role(9)), Some(role(9)), false),
    ] {
        let wants = selection.wants_record(before.as_ref(), after.as_ref());

        assert_eq!(wants, expected, "{before:?} {after:?}");
    }
}

#[test]
fn kinds_are_chosen() {
    let selection = Selection {
        kinds: Some(BTreeSet::from([Kind::User, Kind::Group])),
        ..Selection::default()
    };

    assert!(selection.wants_record(None, Some(&user(1))));
    assert!(!selection.wants_record(None, Some(&role(1))));
    assert!(Selection::default().wants_record(None, Some(&role(1))));
}

#[test]
fn a_tenant_is_chosen_by_any_of_its_names() {
    let account = Account {
        tenant: TenantId("tenant-1".into()),
        name: "Acme Inc.".into(),
        region: None,
    };
    let called = TenantName("acme".into());
    for (names, expected) in [
        (&["tenant-1"][..], true),
        (&["Acme Inc."], true),
        (&["globex", "acme"], true),
        (&["globex"], false),
    ] {
        let selection = Selection {
            tenants: Some(chosen(names)),
            ..Selection::default()
        };

        assert_eq!(selection.wants_tenant(&account, Some(&called)), expected);
    }
    assert!(Selection::default().wants_tenant(&account, None));
}

fn entry(change: Change) -> Entry {
    Entry {
        seq: Seq(1),
        stamp: None,
        at: start(),
        origin: Some(Origin {
            run: RunId(1),
            account: std::sync::Arc::new(Account {
                tenant: TenantId("tenant-1".into()),
                name: "Acme".into(),
                region: None,
            }),
        }),
        reported: None,
        fact: Fact::Changed(change),
    }
}

fn renamed(name: &str) -> Change {
    let Record::User(mut after) = user(1) else {
        unreachable!("it is a user");
    };
    after.name = Some(name.to_owned());
    Change::Updated {
        before: user(1),
        after: Record::User(after),
    }
}

#[test]
fn a_change_of_what_is_left_out_is_not_for_the_endpoint() {
    let rename = entry(renamed("Zoë 2"));
    let gain = entry(Change::Updated {
        before: user(1),
        after: holder(&[7]),
    });
    for (omit, expected) in [
        (&[][..], [true, true]),
        (&["user.name"], [false, true]),
        (&["roles"], [true, false]),
        (&["group.name"], [true, true]),
    ] {
        let mut options = options("127.0.0.1:9".parse().unwrap());
        options.privacy = Privacy::parse(omit, &[], None).unwrap();
        let endpoint = Endpoint::new(options).unwrap();

        let wants = [&rename, &gain].map(|entry| endpoint.wants(entry));

        assert_eq!(wants, expected, "{omit:?}");
    }
}

#[test]
fn a_set_is_only_for_what_scim_has_words_for() {
    let key = Secret::new(include_str!("../../../../tests/keys/ed25519.pem"));
    let mut options = options("127.0.0.1:9".parse().unwrap());
    options.privacy = Privacy::parse(&["name"], &[], None).unwrap();
    options.format = Format::ScimSet(Box::new(ScimSets {
        source: EventSource::default(),
        audience: "hr".into(),
        events: SetEvents::Notice,
        key: SetKey::parse(&key).unwrap(),
    }));
    let endpoint = Endpoint::new(options).unwrap();
    let created = |after| Change::Created {
        after,
        replaces: None,
    };
    let Record::User(mut bot) = user(1) else {
        unreachable!("it is a user");
    };
    bot.client_id = Some("client".into());
    let no_attribute = Change::Updated {
        before: user(1),
        after: Record::User(bot),
    };
    let failed = Entry {
        reported: None,
        fact: Fact::Failed {
            code: "qlik.x".into(),
            message: String::new(),
        },
        ..entry(created(user(1)))
    };
    for (entry, expected) in [
        (entry(created(user(1))), true),
        (entry(created(role(1))), false),
        (entry(renamed("Zoë 2")), false),
        (entry(no_attribute), false),
        (failed, false),
    ] {
        assert_eq!(endpoint.wants(&entry), expected, "{entry:?}");
    }
    let created = entry(created(user(1)));
    let account = created.account().unwrap();
    assert!(endpoint.wants_record(account, &user(1)));
    assert!(!endpoint.wants_record(account, &role(1)));
}

#[test]
fn the_operators_name_of_a_tenant_is_looked_up() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    create(&store, [user(1)]);
    let entry = store.entry(Seq(1)).unwrap().unwrap();
    for (name, expected) in [("acme", true), ("globex", false)] {
        let mut options = options("127.0.0.1:9".parse().unwrap());
        options.selection.tenants = Some(chosen(&[name]));
        let endpoint = Endpoint::new(options).unwrap();
        let endpoint = endpoint.knowing(&store).unwrap();

        assert_eq!(endpoint.wants(&entry), expected, "{name}");
        let account = entry.account().unwrap();
        assert_eq!(endpoint.wants_record(account, &user(1)), expected);
    }
}
