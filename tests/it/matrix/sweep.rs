//! A run over the whole tenant, with a fault at one of its stages.

use qlik_roster::demo::tenant::{Edit, Endpoint, Fault, NewUser, User, When};
use qlik_roster::model::{Outcome, Run};
use qlik_roster::store::Store;

use super::claims::{Claim, Claims, assert_only_truth, claims};
use super::{Stage, try_all};
use crate::support::{World, assert_journal_leads_to_state, assert_same_as_tenant};

/// The stages of a run, in their order, with what the manual calls them.
const STAGES: [Stage; 10] = [
    (Endpoint::Token, "token"),
    (Endpoint::TenantMe, "who am I"),
    (Endpoint::Tenant, "tenant"),
    (Endpoint::Roles, "roles"),
    (Endpoint::Groups, "groups"),
    (Endpoint::SystemGroups, "system groups"),
    (Endpoint::Users, "users"),
    (Endpoint::Role, "a role by id"),
    (Endpoint::Group, "a group by id"),
    (Endpoint::User, "a user by id"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_at_every_stage_is_right_or_loses_nothing() {
    try_all("faults", &STAGES, try_out).await;
}

/// Loads the tenant, changes something of each sort, switches the fault on for a run, and off for
/// another. Returns the outcome of the first, in one word.
async fn try_out(fault: Fault, at: Endpoint, what: String) -> &'static str {
    let world = World::of_several_pages().await;
    let tenant = world.tenant.directory();
    let doomed_role = tenant.create_role("Doomed Role");
    let doomed_group = tenant.create_group("Doomed Group");
    let running = world.start().await;
    let people: Vec<User> = tenant
        .users()
        .into_iter()
        .filter(|user| user.client_id.is_none())
        .collect();
    tenant.create_user(NewUser::named("Nia Okafor")).unwrap();
    tenant.delete_user(&people[120].id).unwrap();
    let renamed = Edit::Name("Zoë Ångström".to_owned());
    tenant.update_user(&people[150].id, renamed).unwrap();
    tenant.delete_role(&doomed_role).unwrap();
    tenant.delete_group(&doomed_group).unwrap();
    let truth: Claims = [
        people[120].id.to_string(),
        doomed_role.to_string(),
        doomed_group.to_string(),
    ]
    .map(Claim::Gone)
    .into();
    // A fault at the token only strikes if there is no token yet.
    world.tenant.revoke_tokens();

    let strikes = world.tenant.faults().on(at, fault, When::Always);
    let run = running.sync().await;
    assert!(strikes.count() > 0, "{what}: the fault never struck");
    assert_only_truth(running.store(), &truth, &what);
    let became = in_a_word(&run, running.store(), &truth);
    world.tenant.faults().clear();

    let after = running.sync().await;
    assert_eq!(
        after.outcome,
        Outcome::Succeeded,
        "{what}: {:?}",
        after.findings
    );
    assert_eq!(claims(running.store()), truth, "{what}");
    assert_same_as_tenant(running.store(), tenant);
    assert_journal_leads_to_state(running.store());
    running.stop().await;
    became
}

fn in_a_word(run: &Run, store: &Store, truth: &Claims) -> &'static str {
    match run.outcome {
        Outcome::Succeeded => {
            assert_eq!(claims(store), *truth, "a success tells everything");
            "right"
        }
        Outcome::Degraded => "degraded",
        Outcome::Held => "held",
        Outcome::Incomplete { .. } => "incomplete",
        Outcome::Failed { .. } => "failed",
        Outcome::Running | Outcome::Interrupted => panic!("{:?}", run.outcome),
    }
}
