//! What alerts say, and that no name can change anything but what it says.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::deliver::content::event::Event;
use crate::deliver::content::format::Format;
use crate::deliver::content::privacy::Privacy;
use crate::model::{
    Account, AccountChange, EndpointName, GroupId, HeldLoss, Holder, Id, Loss, Missing, Origin,
    Path, PlanId, Reason, Recovery, RightHolders, RoleId, RoleMention, RunId, Seq, ShownPath,
    StoreId, TenantId, Timestamp, UserId, Weight,
};

const STORE: StoreId = StoreId([7; 8]);

/// Asks for everybody's attention, in every service that we know.
const HOSTILE: &str = "<!channel> <@U01> <users/all> @everyone @here *b* `c` [l](http://x) {{DATE(1)}} <at>all</at> &lt;";

fn alerts(style: AlertStyle) -> Format {
    let roles = AlertRoles::OfAdministrators;
    Format::Alert(Box::new(Alerts { style, roles }))
}

fn entry(fact: Fact, tenant: &str) -> Entry {
    let account = Account {
        tenant: TenantId("tenant-1".into()),
        name: tenant.to_owned(),
        region: None,
    };
    Entry {
        seq: Seq(3),
        stamp: None,
        at: Timestamp::parse("2026-03-01T10:00:00Z").unwrap(),
        origin: Some(Origin {
            run: RunId(5),
            account: account.into(),
        }),
        reported: None,
        fact,
    }
}

fn role(level: &str) -> RoleMention {
    RoleMention {
        id: RoleId(Id::parse("600000000000000000000009").unwrap()),
        name: "TenantAdmin".to_owned(),
        level: Some(level.to_owned()),
        is_unknown: false,
    }
}

fn granted(name: &str, level: &str) -> Fact {
    let group = ShownPath {
        path: Path::Group(GroupId(Id::parse("600000000000000000000007").unwrap())),
        group: Some(format!("Group of {name}")),
    };
    Fact::RightChanged(RightChange {
        right: Right::Role(role(level)),
        change: AccessChange::Granted,
        holders: RightHolders::One(Holder {
            id: UserId(Id::parse("600000000000000000000001").unwrap()),
            subject: "idp|maria".to_owned(),
            name: Some(name.to_owned()),
            email: Some("maria@example.com".to_owned()),
            is_bot: false,
            barrier: None,
            account: AccountChange::Created,
        }),
        before: Vec::new(),
        after: vec![group],
    })
}

fn written(format: &Format, privacy: &Privacy, entry: &Entry) -> Value {
    let event = Event::of_entry(STORE, entry).unwrap();
    let message = format.message(&[privacy.show(&event)]);
    assert_eq!(
        (message.id.as_str(), message.content_type),
        (event.id.as_str(), "application/json")
    );
    serde_json::from_slice(&message.body).unwrap()
}

/// Returns all texts of a message that somebody reads, in their order.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(text) if key == "text" => found.push(text.clone()),
                    other => texts(other, found),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| texts(value, found)),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn all_texts(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    texts(value, &mut found);
    found
}

fn template() -> AlertTemplate {
    AlertTemplate::parse(
        r#"{"content": "{{title}}\n{{text}}", "n": [1, true, {"id": "{{ id }}"}]}"#,
    )
    .unwrap()
}

fn facts() -> Vec<Fact> {
    let held = HeldLoss {
        weight: Weight {
            lost: 14,
            known: 61,
            shown: 47,
        },
        reason: Reason::OverShare { max_permille: 100 },
    };
    vec![
        Fact::Held {
            plan: PlanId(7),
            supersedes: None,
            losses: BTreeMap::from([(Loss::Users, held)]),
        },
        Fact::Failed {
            code: "qlik.forbidden".to_owned(),
            message: "listing users: not allowed".to_owned(),
        },
        Fact::Recovered(Recovery::Sync),
        Fact::Recovered(Recovery::Plan(PlanId(7))),
        Fact::EndpointDisabled {
            endpoint: EndpointName("payroll".to_owned()),
            reason: "deliver.gone: the receiver answered 410".to_owned(),
            failing_since: None,
        },
        Fact::HistoryLost(Missing {
            entries: 2,
            ..Missing::default()
        }),
        Fact::HistoryLost(Missing::default()),
        granted("Maria Silva", "admin"),
    ]
}

#[test]
fn each_alert_says_what_who_and_the_next_step() {
    let mut said = String::new();
    for fact in facts() {
        let body = written(
            &alerts(AlertStyle::Slack),
            &Privacy::default(),
            &entry(fact, "Acme"),
        );
        said += body["text"].as_str().unwrap();
        said += "\n\n";
    }
    insta::assert_snapshot!(said, @r"
    Removals in Acme wait for your decision
    Plan: plan-7
    Held: 14 of 61 users (more than 10 % at once)
    Look at it, then approve or reject it: qlik-roster plan show plan-7

    Acme can no longer be read
    Why: listing users: not allowed [qlik.forbidden]
    See what failed; docs/errors.md has the remedy for the code: qlik-roster runs show run-5

    Acme is read again

    plan-7 needs no decision: Qlik shows everything in Acme again

    Endpoint payroll is disabled and gets no events
    Why: deliver.gone: the receiver answered 410
    When its receiver works again, enable it: qlik-roster endpoints enable payroll

    The store was damaged, and a part of the history was lost
    Lost: 2 events, 0 records
    See what is missing, then acknowledge it with `qlik-roster store accept`: qlik-roster status

    The store was restored from a backup; what was found since then is not known any more
    See what is missing, then acknowledge it with `qlik-roster store accept`: qlik-roster status

    Maria Silva (600000000000000000000001) holds TenantAdmin in Acme
    Role: TenantAdmin (600000000000000000000009)
    How: group Group of Maria Silva
    Account: created
    See what this user holds, and why: qlik-roster access --user 600000000000000000000001
    ");
}

#[test]
fn alerts_tell_of_administrators_and_of_nothing_else() {
    let told = alerts(AlertStyle::Teams);
    assert!(told.can_tell(&entry(granted("Maria", "admin"), "Acme")));
    assert!(!told.can_tell(&entry(granted("Maria", "user"), "Acme")));
    let selected = Format::Alert(Box::new(Alerts {
        style: AlertStyle::Slack,
        roles: AlertRoles::Selected,
    }));
    assert!(selected.can_tell(&entry(granted("Maria", "user"), "Acme")));
    let Fact::RightChanged(change) = granted("Maria", "admin") else {
        unreachable!()
    };
    let moved = Fact::RightChanged(RightChange {
        change: AccessChange::PathChanged,
        ..change
    });
    assert!(!selected.can_tell(&entry(moved, "Acme")));
    for fact in facts() {
        assert!(ALERT_TYPES.contains(&fact.event_type().unwrap()));
    }
}

#[test]
fn slack_finds_no_control_character_in_a_name() {
    let entry = entry(granted(HOSTILE, "admin"), HOSTILE);
    let body = written(&alerts(AlertStyle::Slack), &Privacy::default(), &entry);

    let text = body["text"].as_str().unwrap();
    assert!(
        text.contains("&lt;!channel&gt; &lt;@\u{200b}U01&gt;"),
        "{text}"
    );
    for text in all_texts(&body) {
        assert!(!text.contains(['<', '>']), "{text}");
        assert!(
            !text.contains("@everyone") && !text.contains("@here"),
            "{text}"
        );
    }
    for block in body["blocks"].as_array().unwrap() {
        let is_code = block["text"]["type"] == "mrkdwn";
        assert!(
            !is_code || !block["text"]["text"].as_str().unwrap().contains("everyone"),
            "{block}"
        );
    }
    let header = &body["blocks"][0]["text"];
    assert_eq!(header["type"], "plain_text");
    assert!(header["text"].as_str().unwrap().len() <= 150);
}

/// The only texts of a card are text runs, which are not Markdown, and there is no entity.
#[test]
fn a_card_has_texts_that_are_not_markdown_and_mentions_nobody() {
    fn check(value: &Value) {
        match value {
            Value::Object(fields) => {
                assert!(!fields.contains_key("entities"));
                if fields.contains_key("text") {
                    assert_eq!(fields["type"], "TextRun", "{value}");
                }
                fields.values().for_each(check);
            }
            Value::Array(list) => list.iter().for_each(check),
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let entry = entry(granted(HOSTILE, "admin"), HOSTILE);
    let body = written(&alerts(AlertStyle::Teams), &Privacy::default(), &entry);

    check(&body);
    assert!(all_texts(&body).iter().all(|text| !text.contains("{{")));
    let attachment = &body["attachments"][0];
    assert_eq!(body["type"], "message");
    assert_eq!(
        attachment["contentType"],
        "application/vnd.microsoft.card.adaptive"
    );
    assert_eq!(attachment["content"]["type"], "AdaptiveCard");
}

#[test]
fn what_may_not_be_known_of_a_person_is_not_said() {
    let key = crate::secret::Secret::new("0123456789abcdef0123456789abcdef");
    let hidden = Privacy::parse(&["user.name", "groups"], &[] as &[&str], None).unwrap();
    let hashed = Privacy::parse(&["group.name"], &["user.name"], Some(&key)).unwrap();
    for style in [
        AlertStyle::Slack,
        AlertStyle::Teams,
        AlertStyle::Template(template()),
    ] {
        for (privacy, mark) in [
            (&hidden, "600000000000000000000001"),
            (&hashed, "hmac-sha256:"),
        ] {
            let entry = entry(granted("Maria Silva", "admin"), "Acme");
            let text = written(&alerts(style.clone()), privacy, &entry).to_string();
            assert!(!text.contains("Maria") && text.contains(mark), "{text}");
        }
        // Nothing but a name and an id is said of anybody, whatever is allowed.
        let entry = entry(granted("Maria Silva", "admin"), "Acme");
        let text = written(&alerts(style), &Privacy::default(), &entry).to_string();
        assert!(text.contains("Maria Silva"), "{text}");
        assert!(
            !text.contains("example.com") && !text.contains("idp|"),
            "{text}"
        );
    }
}

#[test]
fn a_template_that_says_nothing_or_is_no_json_is_refused() {
    for (text, expected) in [
        ("{", "the template is not JSON"),
        ("text", "the template is not JSON"),
        (
            r#"{"a": "{{titel}}"}"#,
            "there is no placeholder `{{titel}}`; there are {{title}}, {{text}}",
        ),
        (
            r#"{"a": "{{id}}"}"#,
            "the template lacks `{{title}}` and `{{text}}`",
        ),
        (
            r#"{"{{text}}": 1}"#,
            "the template lacks `{{title}}` and `{{text}}`",
        ),
    ] {
        let error = AlertTemplate::parse(text).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    let long = format!("\"{{{{text}}}}{}\"", "x".repeat(20_000));
    assert_eq!(AlertTemplate::parse(&long), Err(InvalidTemplate::TooLong));
}

/// Returns a value with all texts replaced by one.
fn skeleton(value: &Value) -> Value {
    match value {
        Value::String(_) => json!("text"),
        Value::Array(list) => list.iter().map(skeleton).collect(),
        Value::Object(fields) => {
            let fields = fields.iter();
            Value::Object(
                fields
                    .map(|(key, value)| (key.clone(), skeleton(value)))
                    .collect(),
            )
        }
        other => other.clone(),
    }
}

proptest! {
    /// Whatever people and tenants are called: the message has the same form as for plain names, no
    /// text has a control character of Slack, and no text mentions anybody.
    #[test]
    fn names_change_nothing_but_what_is_said(
        name in r#"(\PC|[<>&@{}*_`~"\\\[\]()|!#]){0,400}"#,
        tenant in r#"(\PC|[<>&@{}"\\]){0,400}"#,
    ) {
        for style in [AlertStyle::Slack, AlertStyle::Teams, AlertStyle::Template(template())] {
            let format = alerts(style.clone());
            let write = |name: &str, tenant: &str| {
                let entry = entry(granted(name, "admin"), tenant);
                written(&format, &Privacy::default(), &entry)
            };
            let (body, plain) = (write(&name, &tenant), write("Maria", "Acme"));
            prop_assert_eq!(skeleton(&body), skeleton(&plain));
            let said = all_texts(&body);
            for text in &said {
                if matches!(style, AlertStyle::Slack) {
                    prop_assert!(!text.contains(['<', '>']), "{}", text);
                }
                let mentions = text.match_indices('@').any(|(at, _)| {
                    let before = text[..at].chars().next_back();
                    let after = text[at + 1..].chars().next();
                    !before.is_some_and(char::is_alphanumeric)
                        && after.is_some_and(char::is_alphanumeric)
                });
                prop_assert!(!mentions && !text.contains("{{"), "{}", text);
                prop_assert!(text.chars().count() <= 4_000);
                prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
            }
        }
    }

    /// The texts of Slack lose nothing but their end.
    #[test]
    fn what_is_escaped_can_be_read_again(text in r"(\PC|[<>&;]){0,200}") {
        let read = slack::escaped(&text);
        let read = read.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        prop_assert_eq!(read, text);
    }

    #[test]
    fn what_does_not_fit_is_cut_at_a_letter(text in r"\PC{0,200}", most in 10_usize..200) {
        let cut = plain::fitted(&text, most, slack::escaped);
        prop_assert!(cut.len() <= most);
        match cut.strip_suffix('…') {
            Some(start) if slack::escaped(&text).len() > most => {
                prop_assert!(slack::escaped(&text).starts_with(start));
            }
            _ => prop_assert_eq!(cut, slack::escaped(&text)),
        }
    }
}
