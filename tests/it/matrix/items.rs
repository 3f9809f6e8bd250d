//! A question about an app that was never shared, with a fault in what Qlik says of it.

use qlik_roster::clock::Clock;
use qlik_roster::demo::tenant::{Assignee, Endpoint, Fault, NewSpace, NewUser, SpaceSort, When};
use qlik_roster::model::Timestamp;
use serde_json::Value;

use super::{Stage, try_all};
use crate::spaces::{read_once, world};

/// The stages of a question, in their order, with what the manual calls them.
const STAGES: [Stage; 2] = [(Endpoint::Token, "token"), (Endpoint::Items, "the app")];

/// The app that is asked about.
const APP: &str = "app-1";

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_question_about_an_app_is_right_or_says_what_is_not_known() {
    try_all("faults of apps", &STAGES, try_out).await;
}

/// Asks who can open an app: with the fault, and then without it. Returns what the first answer
/// says, in one word.
async fn try_out(fault: Fault, at: Endpoint, what: String) -> &'static str {
    let clock = Clock::stopped_at(Timestamp::parse("2026-06-01T08:00:00Z").unwrap());
    let world = world(clock, 2).await;
    let tenant = world.tenant.directory();
    let [maria, olga] =
        ["Maria Silva", "Olga Owner"].map(|name| tenant.create_user(NewUser::named(name)).unwrap());
    let sales = tenant.create_space(NewSpace {
        name: "Sales".into(),
        sort: SpaceSort::Shared,
        owner: olga.clone(),
    });
    let with = Assignee::User(maria.clone());
    tenant.assign(&sales, with, &["consumer"]).unwrap();
    tenant.create_app(APP, olga, Some(sales)).unwrap();
    tenant.create_app("app-10", maria, None).unwrap();
    let running = world.start().await;
    read_once(&running).await;
    let ask = async || {
        let args = ["access", "--app", APP, "--output", "json"];
        let (_, out, err) = world.command(&args).await;
        let told: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}"));
        let rows = told["rows"].as_array().unwrap().iter();
        let names = rows.map(|row| row["user"]["name"].as_str().unwrap().to_owned());
        let mut not_known = told["answers"][0]["not_known"].as_array().unwrap().iter();
        let lack = not_known.find(|it| it["what"] == "app");
        let lack = lack.map(|it| it["lack"].as_str().unwrap().to_owned());
        (names.collect::<Vec<_>>(), lack)
    };
    let right = vec!["Maria Silva".to_owned(), "Olga Owner".to_owned()];
    if at == Endpoint::Token {
        // A token that is kept would be used.
        world.tenant.revoke_tokens();
    }

    let strikes = world.tenant.faults().on(at, fault, When::Always);
    let (names, lack) = ask().await;
    let told = match lack.as_deref() {
        None => {
            assert_eq!(names, right, "{what}");
            "right"
        }
        Some(lack) => {
            assert_eq!(names, [""; 0], "{what}: {lack}");
            match lack {
                "refused" => "refused",
                "no_answer" => "no answer",
                "not_shown" => "not shown",
                "unreadable" => "unreadable",
                "no_owner" => "no owner",
                other => panic!("{what}: {other}"),
            }
        }
    };
    assert!(strikes.count() > 0, "{what}: the fault never struck");

    world.tenant.faults().clear();
    assert_eq!(ask().await, (right, None), "{what}");
    running.stop().await;
    told
}
