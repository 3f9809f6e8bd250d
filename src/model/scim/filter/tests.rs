//! Tests of the filter: what it reads, what it refuses, and whether it finds what an evaluator of
//! its own finds, which knows nothing of schemas and JSON.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::model::scim::{Member, Origin, ResourceType, UserExtra};
use crate::model::{
    Coded, Group, GroupId, GroupType, Id, RoleId, TenantId, TenantName, Timestamp, User, UserId,
    UserStatus,
};

fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

fn maria() -> User {
    let mut user = User::new(UserId(id("60d5ca1b2f8a4c0012345678")), "ACME\\Maria");
    user.name = Some("Maria Silva".to_owned());
    user.email = Some("Maria@example.com".to_owned());
    user.status = Coded::new(UserStatus::Enabled, "active");
    user.roles = Some([(RoleId(id("r1")), "TenantAdmin".to_owned())].into());
    let groups = [("g1", "Finance"), ("g2", "Sales")];
    let groups = groups.map(|(it, name)| (GroupId(id(it)), name.to_owned()));
    user.groups = Some(groups.into());
    user.created_at = Timestamp::parse("2026-03-02T09:15:04.120Z");
    user
}

fn origin<T>(use_it: impl FnOnce(&Origin<'_>) -> T) -> T {
    use_it(&Origin {
        base: "https://iam.example.com/scim/v2",
        tenant: &TenantName("acme".to_owned()),
        tenant_id: &TenantId("T1".to_owned()),
        region: Some("eu"),
        id_of: &|id| id.to_owned(),
    })
}

fn finds(user: &User, filter: &str) -> Result<bool, ScimFilterError> {
    let filter: ScimFilter = filter.parse()?;
    let matcher = ScimMatcher::of(&filter, &[ResourceType::User])?;
    let resource = origin(|it| {
        it.user(user, &UserExtra::default(), &|name| {
            matcher.needs(ResourceType::User, name)
        })
    });
    Ok(matcher.matches(ResourceType::User, &resource))
}

/// Filters, and whether they find Maria.
const FILTERS: &[(&str, bool)] = &[
    (r#"userName eq "acme\\maria""#, true),
    (r#"USERNAME Eq "ACME\\MARIA""#, true),
    (r#"externalId eq "acme\\maria""#, false),
    (r#"externalId eq "ACME\\Maria""#, true),
    (r#"id eq "60d5ca1b2f8a4c0012345678""#, true),
    (
        r#"emails[type eq "work"].value eq "maria@example.com""#,
        true,
    ),
    (
        r#"emails[type eq "home"].value eq "maria@example.com""#,
        false,
    ),
    (r#"emails[type eq "work" and value co "@EXAMPLE"]"#, true),
    (
        r#"emails.value ew "example.com" and emails.type eq "work""#,
        true,
    ),
    (r#"emails eq "maria@example.com""#, true),
    ("active eq True", true),
    ("active eq \"False\"", false),
    ("active ne false", true),
    ("not(active eq TRUE)", false),
    (
        r#"not (userName sw "x") and (title pr or locale pr or active pr)"#,
        true,
    ),
    ("title pr", false),
    ("title eq null", true),
    ("displayName ne null", true),
    (r#"roles.value eq "r1" or roles.value eq "r2""#, true),
    (r#"roles[value eq "r1" and display eq "other"]"#, false),
    (r#"groups.display sw "fin""#, true),
    (r#"meta.created gt "2026-03-02T10:15:04.119+01:00""#, true),
    (r#"meta.created eq "2026-03-02T09:15:04.12""#, true),
    (r#"meta.created lt "2026-03-02T09:15:04.120Z""#, false),
    (r#"meta.created co "2026-03""#, true),
    (r#"meta.resourceType eq "User""#, true),
    (
        r#"schemas eq "urn:ietf:params:scim:schemas:core:2.0:user""#,
        false,
    ),
    (
        r#"schemas[value eq "urn:ietf:params:scim:schemas:core:2.0:User"]"#,
        true,
    ),
    (
        r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "acme""#,
        true,
    ),
    (
        r#"urn:qlik-roster:scim:schemas:extension:2.0:User:tenant.name eq "ACME""#,
        true,
    ),
    ("urn:qlik-roster:scim:schemas:extension:2.0:User pr", true),
    (
        "urn:qlik-roster:scim:schemas:extension:2.0:User:clientId pr",
        false,
    ),
    (
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq \"7\"",
        false,
    ),
    // `and` binds before `or`, and `not` before both.
    ("title pr and locale pr or active eq true", true),
    ("active eq true or title pr and locale pr", true),
    ("(active eq true or title pr) and locale pr", false),
    // One value that differs is enough. What has no value differs, too.
    (r#"emails.value ne "x""#, true),
    (r#"roles.value ne "r1""#, false),
    (r#"groups.value ne "g1""#, true),
    (r#"groups ne "g1""#, true),
    (r#"groups[value ne "g1"]"#, true),
    (r#"not (groups.value eq "g1")"#, false),
    (r#"groups.value ne "g1" and groups.value ne "g2""#, true),
    (r#"emails.display ne "x""#, true),
    (r#"emails[display ne "x"]"#, true),
    (r#"nickName ne "x""#, true),
    (r#"photos.value ne "x""#, true),
    // What RFC 7643 defines and Qlik does not have.
    (r#"emails[display eq "x"]"#, false),
    (r#"name[givenName eq "x"]"#, false),
    (r#"addresses[type eq "work"].locality eq "Lund""#, false),
    (r#"phoneNumbers[type eq "work"].value eq "1""#, false),
    (
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value pr",
        false,
    ),
    ("userName\teq\n\"x\"", false),
];

#[test]
fn what_clients_ask_is_found() {
    let user = maria();
    for (filter, expected) in FILTERS {
        assert_eq!(finds(&user, filter), Ok(*expected), "{filter}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (filter, at, what) in [
        ("", 1, "a condition is expected"),
        ("userName", 9, "`eq`, `ne`"),
        ("userName eq", 12, "a value is expected"),
        ("userName eq maria", 13, "a value is expected"),
        ("userName is \"x\"", 10, "not `is`"),
        ("userName eq \"x\" und active pr", 17, "`and`, `or`"),
        ("(userName pr", 13, "character 1 is not closed"),
        ("userName pr)", 12, "`and`, `or`"),
        ("emails[type eq \"work\"", 22, "character 7 is not closed"),
        ("emails[a[b pr]]", 9, "brackets cannot be nested"),
        ("userName eq \"x", 13, "no closing quote"),
        (
            "displayName eq \"é\" and \u{1f600} pr",
            24,
            "the name of an attribute",
        ),
        ("a.b.c pr", 1, "not the name of an attribute"),
        ("userName eq \"x\"and active pr", 16, "a blank is missing"),
        ("userName eq 1.2.3", 13, "a value is expected"),
        ("id pr and nothing eq 1", 11, "no attribute `nothing`"),
        ("active gt true", 1, "true or false"),
        ("active co \"t\"", 1, "true or false"),
        ("active eq \"yes\"", 1, "`true` or `false`"),
        ("userName gt null", 1, "null"),
        ("meta.created gt \"yesterday\"", 1, "is a time"),
        ("meta eq \"x\"", 1, "not a single value"),
        ("meta.version eq \"x\"", 1, "If-None-Match"),
        // Nobody defines these.
        ("emails[nothing eq \"x\"]", 8, "no attribute `nothing`"),
        ("emails[type eq \"work\"].nothing pr", 24, "`nothing`"),
        ("emails[type.value pr]", 8, "`type.value`"),
        ("name[value eq \"x\"]", 6, "`value`"),
        ("name.value eq \"x\"", 1, "`name.value`"),
        ("schemas[type pr]", 9, "`type`"),
        ("addresses[nothing pr]", 11, "`nothing`"),
        ("addresses.nothing pr", 1, "`addresses.nothing`"),
        ("nothing.type pr", 1, "`nothing.type`"),
        ("title.value pr", 1, "`title.value`"),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:nothing pr",
            1,
            "no attribute",
        ),
        // A backslash that is written once.
        (r#"userName eq "ACME\maria""#, 19, r"written as `\\`"),
        (r#"userName eq "ACME\bob""#, 1, r"written as `\\`"),
        (r#"externalId sw "ACME\nina""#, 1, r"written as `\\`"),
        (r#"userName eq "ACME\""#, 13, r"written as `\\`"),
    ] {
        let error = finds(&maria(), filter).unwrap_err();
        assert_eq!(error.at, Some(at), "{filter}: {error}");
        assert!(error.to_string().contains(what), "{filter}: {error}");
    }
}

#[test]
fn filters_have_bounds() {
    let deep = |n: usize| format!("{}id pr{}", "(".repeat(n), ")".repeat(n));
    assert!(finds(&maria(), &deep(MAX_DEPTH)).is_ok());
    let error = finds(&maria(), &deep(MAX_DEPTH + 1)).unwrap_err();
    assert_eq!(error.at, Some(MAX_DEPTH + 1));
    assert!(finds(&maria(), &deep(5_000)).is_err());
    let many = |n: usize| vec!["id pr"; n].join(" or ");
    assert!(finds(&maria(), &many(MAX_CONDITIONS)).is_ok());
    assert!(finds(&maria(), &many(MAX_CONDITIONS + 1)).is_err());
    let long = format!("userName eq \"{}\"", "x".repeat(MAX_FILTER));
    assert_eq!(finds(&maria(), &long).unwrap_err().at, None);
}

/// A type that does not have an attribute treats it as one without a value, if another type of the
/// search has it.
#[test]
fn a_search_over_types_knows_the_attributes_of_all() {
    let filter: ScimFilter = "members.value eq \"u1\" or userName pr".parse().unwrap();
    let types = [ResourceType::User, ResourceType::Group];
    let matcher = ScimMatcher::of(&filter, &types).unwrap();
    assert!(ScimMatcher::of(&filter, &[ResourceType::Role]).is_err());
    let group = Group {
        id: GroupId(id("g1")),
        name: "Finance".to_owned(),
        description: None,
        group_type: Coded::new(GroupType::Group, "idp"),
        status: None,
        idp_id: None,
        roles: None,
        created_at: None,
        updated_at: None,
    };
    let members = |user: &str| {
        vec![Member {
            id: UserId(id(user)),
            name: "Maria".to_owned(),
        }]
    };
    for (user, expected) in [("u1", true), ("u2", false)] {
        let resource = origin(|it| it.group(&group, Some(&members(user)), &|_| true));
        assert_eq!(matcher.matches(ResourceType::Group, &resource), expected);
    }
}

#[test]
fn records_that_a_filter_names_are_known() {
    let pinned = |filter: &str, names: &[&str]| {
        let filter: ScimFilter = filter.parse().unwrap();
        filter.pinned(names).map(|found| {
            let values = found.into_iter().map(|(_, value)| value);
            values.collect::<Vec<_>>().join(",")
        })
    };
    for (filter, found) in [
        (r#"id eq "a""#, Some("a")),
        (r#"active pr and (ID eq "a" or id eq "b")"#, Some("a,b")),
        (r#"id eq "a" or active pr"#, None),
        (r#"not (id eq "a")"#, None),
        (r#"id ne "a""#, None),
    ] {
        assert_eq!(pinned(filter, &["id"]).as_deref(), found, "{filter}");
    }
    let emails = ["emails", "emails.value"];
    for filter in [
        r#"emails[type eq "work"].value eq "a""#,
        r#"emails[type eq "work" and value eq "a"]"#,
        r#"emails.value eq "a""#,
        r#"emails eq "a""#,
    ] {
        assert_eq!(pinned(filter, &emails).as_deref(), Some("a"), "{filter}");
    }
    let compared = |filter: &str| filter.parse::<ScimFilter>().unwrap().compared("members");
    let with = |values: &[&str]| {
        let values = values.iter().map(|it| (*it).to_owned());
        Compared::With(values.collect())
    };
    for (filter, values) in [
        (
            r#"members eq "a" and not (members.value eq "b")"#,
            &["a", "b"][..],
        ),
        (r#"members[value eq "a"]"#, &["a"]),
        (r#"members[value eq "a" and display co "x"]"#, &["a"]),
        (r#"displayName eq "x" and not (id pr)"#, &[]),
    ] {
        assert_eq!(compared(filter), with(values), "{filter}");
    }
    for other in [
        "members pr",
        r#"members ne "a""#,
        r#"members.display eq "a""#,
        r#"members[value ne "a"]"#,
        r#"members[not (value eq "a")]"#,
        r#"members[value eq "a" or display co "x"]"#,
        "members.value eq null",
    ] {
        assert_eq!(compared(other), Compared::Otherwise, "{other}");
    }
}

/// A condition of the other evaluator.
#[derive(Debug, Clone)]
enum Asked {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Present(usize),
    Compares(usize, &'static str, String),
    /// Some address has this type, and compares like this.
    Address(&'static str, &'static str, String),
}

/// An attribute of the other evaluator: its name, whether letter case counts, and its values.
type Values = fn(&User) -> Vec<String>;

const ATTRIBUTES: [(&str, Case, Values); 10] = [
    ("userName", Case::Ignored, |user| vec![user.subject.clone()]),
    ("externalId", Case::Counts, |user| {
        vec![user.subject.clone()]
    }),
    ("displayName", Case::Ignored, |user| {
        user.name.iter().cloned().collect()
    }),
    ("name.formatted", Case::Ignored, |user| {
        user.name.iter().cloned().collect()
    }),
    ("emails.value", Case::Ignored, |user| {
        user.email.iter().cloned().collect()
    }),
    ("locale", Case::Ignored, |user| {
        user.locale.iter().cloned().collect()
    }),
    ("timezone", Case::Ignored, |user| {
        user.zone_info.iter().cloned().collect()
    }),
    ("roles.display", Case::Ignored, |user| {
        user.roles
            .iter()
            .flat_map(BTreeMap::values)
            .cloned()
            .collect()
    }),
    ("groups.value", Case::Ignored, |user| {
        let groups = user.groups.iter().flat_map(BTreeMap::keys);
        groups.map(ToString::to_string).collect()
    }),
    (
        "urn:qlik-roster:scim:schemas:extension:2.0:User:clientId",
        Case::Counts,
        |user| user.client_id.iter().cloned().collect(),
    ),
];

#[derive(Clone, Copy, PartialEq)]
enum Case {
    Counts,
    Ignored,
}

fn compares(value: &str, word: &str, expected: &str, case: Case) -> bool {
    let fold = |text: &str| match case {
        Case::Counts => text.to_owned(),
        Case::Ignored => text.to_lowercase(),
    };
    let (value, expected) = (fold(value), fold(expected));
    match word {
        "eq" => value == expected,
        "co" => value.contains(&expected),
        "sw" => value.starts_with(&expected),
        "ew" => value.ends_with(&expected),
        "gt" => value > expected,
        "ge" => value >= expected,
        "lt" => value < expected,
        "le" => value <= expected,
        other => panic!("{other}"),
    }
}

impl Asked {
    fn finds(&self, user: &User) -> bool {
        match self {
            Self::All(all) => all.iter().all(|it| it.finds(user)),
            Self::Any(all) => all.iter().any(|it| it.finds(user)),
            Self::Not(inner) => !inner.finds(user),
            Self::Present(at) => ATTRIBUTES[*at].2(user).iter().any(|it| !it.is_empty()),
            Self::Compares(at, "ne", expected) => {
                let (_, case, values) = ATTRIBUTES[*at];
                let values = values(user);
                let equals = |it: &String| compares(it, "eq", expected, case);
                values.is_empty() || !values.iter().all(equals)
            }
            Self::Compares(at, word, expected) => {
                let (_, case, values) = ATTRIBUTES[*at];
                let values = values(user);
                values.iter().any(|it| compares(it, word, expected, case))
            }
            Self::Address(sort, word, expected) => user.email.as_ref().is_some_and(|email| {
                *sort == "work"
                    && match *word {
                        "ne" => !compares(email, "eq", expected, Case::Ignored),
                        word => compares(email, word, expected, Case::Ignored),
                    }
            }),
        }
    }

    /// Writes it as clients do: in odd case, with parentheses that are not needed.
    fn text(&self) -> String {
        let joined = |all: &[Self], word: &str| {
            let all: Vec<String> = all.iter().map(|it| format!("({})", it.text())).collect();
            all.join(word)
        };
        let quoted = |text: &str| serde_json::to_string(text).unwrap();
        match self {
            Self::All(all) => joined(all, "  AND "),
            Self::Any(all) => joined(all, " Or "),
            Self::Not(inner) => format!("NOT({})", inner.text()),
            Self::Present(at) => format!("{} PR", ATTRIBUTES[*at].0.to_uppercase()),
            Self::Compares(at, word, expected) => {
                let name = ATTRIBUTES[*at].0;
                format!("{name}   {} {}", word.to_uppercase(), quoted(expected))
            }
            Self::Address(sort, word, expected) => {
                let expected = quoted(expected);
                format!("emails[type eq {sort:?}].value {word} {expected}")
            }
        }
    }
}

const WORDS: [&str; 9] = ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"];

/// Short texts of few letters, so that many of them are equal.
fn short() -> impl Strategy<Value = String> {
    prop_oneof![
        "[aAbB]{0,3}",
        Just("É\"\\".to_owned()),
        Just("é\"\\".to_owned()),
        Just("İ".to_owned()),
    ]
}

fn asked() -> impl Strategy<Value = Asked> {
    let word = || prop::sample::select(WORDS.to_vec());
    let leaf = prop_oneof![
        (0..ATTRIBUTES.len()).prop_map(Asked::Present),
        (0..ATTRIBUTES.len(), word(), short())
            .prop_map(|(at, word, text)| Asked::Compares(at, word, text)),
        (prop::sample::select(vec!["work", "home"]), word(), short())
            .prop_map(|(sort, word, text)| Asked::Address(sort, word, text)),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Asked::All),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Asked::Any),
            inner.prop_map(|it| Asked::Not(Box::new(it))),
        ]
    })
}

fn user() -> impl Strategy<Value = User> {
    let some = || prop::option::of(short());
    let names = prop::option::of(prop::collection::vec(short(), 0..3));
    (
        short(),
        some(),
        some(),
        some(),
        some(),
        some(),
        names,
        0..3_usize,
    )
        .prop_map(
            |(subject, name, email, locale, zone_info, client_id, roles, n_groups)| {
                let mut user = User::new(UserId(id("u1")), subject);
                user.name = name;
                user.email = email;
                user.locale = locale;
                user.zone_info = zone_info;
                user.client_id = client_id;
                user.roles = roles.map(|names| {
                    let roles = names.into_iter().zip(1..);
                    roles
                        .map(|(name, n)| (RoleId(id(&format!("r{n}"))), name))
                        .collect()
                });
                let groups = ["a", "Ab", "b"].into_iter().take(n_groups);
                user.groups = Some(groups.map(|it| (GroupId(id(it)), "x".to_owned())).collect());
                user
            },
        )
}

proptest! {
    #[test]
    fn the_filter_finds_what_another_evaluator_finds(asked in asked(), user in user()) {
        let text = asked.text();
        prop_assert_eq!(finds(&user, &text), Ok(asked.finds(&user)), "{}", text);
    }

    #[test]
    fn a_filter_prints_and_reads_back(asked in asked()) {
        let filter: ScimFilter = asked.text().parse().unwrap();
        let printed = filter.to_string();
        prop_assert_eq!(printed.parse::<ScimFilter>(), Ok(filter), "{}", printed);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,60}") {
        drop(text.parse::<ScimFilter>());
    }

    #[test]
    fn nor_does_one_that_is_nearly_a_filter(
        parts in prop::collection::vec(prop::sample::select(vec![
            "userName", "emails", "[", "]", "(", ")", "eq", "pr", "and", "or", "not", " ", " ",
            "\"x\"", "\"", "\\", "true", "null", "-1.5e3", ".value", "urn:a:b", "é", "\u{0}",
        ]), 0..24),
    ) {
        let text: String = parts.concat();
        if let Ok(filter) = text.parse::<ScimFilter>() {
            prop_assert_eq!(filter.to_string().parse::<ScimFilter>(), Ok(filter), "{}", text);
        }
    }
}
