//! How a listing changes the links.

use super::*;
use crate::connector::qlik::Rule;

fn listed(id: &str, hosts: &[&str], status: &str) -> Listed {
    Listed {
        id: id.into(),
        name: Some(format!("Tenant {id}")),
        hosts: hosts
            .iter()
            .map(|host| TenantHost::parse(host).unwrap())
            .collect(),
        region: Some("eu-west-1".into()),
        status: status.into(),
    }
}

fn roster(tenants: Vec<Listed>) -> Roster {
    Roster {
        tenants,
        unreadable: 0,
    }
}

fn names(texts: &[&str]) -> BTreeSet<TenantName> {
    texts
        .iter()
        .map(|text| TenantName((*text).into()))
        .collect()
}

/// Shows each link as `name: pause`.
fn shown(links: &[Link]) -> Vec<String> {
    let word = |link: &Link| match &link.pause {
        None => "read".to_owned(),
        Some(pause) => pause.to_string(),
    };
    links
        .iter()
        .map(|link| format!("{}: {}", link.name, word(link)))
        .collect()
}

fn relinked(known: Vec<Link>, roster: Roster) -> Vec<Link> {
    relink(known, roster, &Selection::default(), &BTreeSet::new())
}

fn two() -> Vec<Listed> {
    vec![
        listed(
            "1",
            &["x1.eu.qlikcloud.com", "acme.eu.qlikcloud.com"],
            "active",
        ),
        listed("2", &["x2.eu.qlikcloud.com"], "active"),
    ]
}

#[test]
fn a_tenant_is_called_by_its_alias_and_reached_by_its_first_host() {
    let links = relinked(Vec::new(), roster(two()));

    assert_eq!(shown(&links), ["acme: read", "x2: read"]);
    assert_eq!(
        links[0].hosts,
        [
            "https://x1.eu.qlikcloud.com/",
            "https://acme.eu.qlikcloud.com/"
        ]
    );
}

#[test]
fn a_name_stays_when_the_alias_changes() {
    let links = relinked(Vec::new(), roster(two()));
    let mut renamed = two();
    renamed[0].hosts[1] = TenantHost::parse("other.eu.qlikcloud.com").unwrap();

    let links = relinked(links, roster(renamed));

    assert_eq!(shown(&links), ["acme: read", "x2: read"]);
    assert_eq!(links[0].hosts[1], "https://other.eu.qlikcloud.com/");
}

#[test]
fn names_that_are_taken_grow() {
    let tenants = vec![
        listed("1", &["acme.eu.qlikcloud.com"], "active"),
        listed("2", &["acme.us.qlikcloud.com"], "active"),
        listed("3", &["acme.us.qlikcloud.com"], "active"),
        listed("4", &["acme.us.qlikcloud.com"], "active"),
    ];

    let links = relink(
        Vec::new(),
        roster(tenants),
        &Selection::default(),
        &names(&["acme", "acme-2"]),
    );

    assert_eq!(
        shown(&links),
        [
            "acme.eu: read",
            "acme.us: read",
            "acme.us.qlikcloud.com: read",
            "acme-3: read"
        ]
    );
}

#[test]
fn what_is_not_active_is_paused_and_goes_on_when_it_is() {
    let links = relinked(Vec::new(), roster(two()));
    let mut off = two();
    off[0].status = "Deactivated".into();

    let links = relinked(links, roster(off));
    assert_eq!(
        shown(&links),
        ["acme: the console says that it is deactivated", "x2: read"]
    );

    let links = relinked(links, roster(two()));
    assert_eq!(shown(&links), ["acme: read", "x2: read"]);
}

#[test]
fn who_is_listed_no_longer_is_paused_unless_that_proves_nothing() {
    let links = relinked(Vec::new(), roster(two()));
    let one = || vec![two().remove(0)];
    let partial = Roster {
        tenants: one(),
        unreadable: 1,
    };

    let all_stay = ["acme: read", "x2: read"];
    assert_eq!(shown(&relinked(links.clone(), partial)), all_stay);
    assert_eq!(
        shown(&relinked(links.clone(), roster(Vec::new()))),
        all_stay
    );
    let links = relinked(links, roster(one()));
    assert_eq!(
        shown(&links),
        ["acme: read", "x2: the console no longer lists it"]
    );
    assert_eq!(shown(&relinked(links, roster(two()))), all_stay);
}

#[test]
fn rules_leave_out_what_is_new_and_pause_what_was_read() {
    let links = relinked(Vec::new(), roster(two()));
    let selection = Selection {
        exclude: vec![Rule::parse("acme.*").unwrap()],
        ..Selection::default()
    };

    let new = relink(Vec::new(), roster(two()), &selection, &BTreeSet::new());
    assert_eq!(shown(&new), ["x2: read"]);

    let links = relink(links, roster(two()), &selection, &BTreeSet::new());
    assert_eq!(
        shown(&links),
        ["acme: the connection's rules leave it out", "x2: read"]
    );
}

#[test]
fn a_tenant_without_a_host_is_not_linked_and_a_known_one_keeps_its_own() {
    let hostless = || vec![listed("1", &[], "active"), listed("2", &[], "active")];
    assert_eq!(relinked(Vec::new(), roster(hostless())), []);

    let links = relinked(Vec::new(), roster(two()));
    assert_eq!(relinked(links.clone(), roster(hostless())), links);
}
