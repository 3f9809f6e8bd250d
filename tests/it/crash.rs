//! The daemon is killed at random points of sweeps, polls and delivery, again and again.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use qlik_roster::deliver;
use qlik_roster::demo::Reply;
use qlik_roster::demo::tenant::{
    Directory, Edit, Endpoint, NewUser, RateLimits, Status, TenantOptions, User, When,
};
use qlik_roster::model::{Fact, Outcome, RecordRef, Seq, Trigger};
use qlik_roster::store::Store;

use crate::support::{World, assert_journal_leads_to_state, assert_same_as_tenant, within};

/// Kills in an ordinary run; `QLIK_ROSTER_LONG` makes ten times as many.
const N_KILLS: usize = 50;

/// How many of the kills hit the first load; if all did, it would never end.
const N_IN_LOAD: usize = 8;

/// Users who join before each start, so that the deliveries that are waited for are sure to come.
const N_JOINERS: u64 = 30;

/// People to whom something happens in most rounds.
const N_BUSY: usize = 8;

/// Where the daemon is killed.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// After this many requests to the tenant: in the load or in a sweep.
    Requests(u64),
    /// After this many deliveries.
    Deliveries(u64),
    /// After this many requests for single records since the sweep: in the run of a poll.
    Polled(u64),
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_kills_lose_nothing_and_miss_nothing() {
    let long = std::env::var_os("QLIK_ROSTER_LONG").is_some();
    let world = World::with(TenantOptions {
        users: 450,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    })
    .await;
    world.let_all_go();
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    world.write_config(&config.replace("poll = \"off\"", "poll = \"1s\""));
    let mut dice = fastrand::Rng::with_seed(7);
    let mut last = Seq::START;
    let mut loaded = false;
    let (mut in_load, mut in_sweep, mut in_delivery, mut in_poll) = (0, 0, 0, 0);

    for round in 0..if long { 10 * N_KILLS } else { N_KILLS } {
        if round == N_IN_LOAD {
            loaded = !matches!(world.one_run().await.outcome, Outcome::Failed { .. });
        }
        change_something(world.tenant.directory(), round, &mut dice);
        let moment = match dice.u8(..5) {
            0 if loaded => Moment::Polled(dice.u64(1..2 * N_BUSY as u64)),
            1 | 2 if loaded => Moment::Deliveries(dice.u64(1..N_JOINERS)),
            _ => Moment::Requests(dice.u64(1..12)),
        };
        match moment {
            // Events pile up, several of a record, until the receiver answers again. It does not
            // refuse them: the next start would wait before it asks a receiver in trouble.
            Moment::Polled(_) => world
                .receiver
                .respond_with(Reply::Slow(Duration::from_secs(3_600)), When::Always),
            Moment::Requests(_) | Moment::Deliveries(_) => world.receiver.respond_well(),
        }
        let mut daemon = world.serve();
        reach(&world, moment).await;
        daemon.kill().unwrap();
        daemon.wait().unwrap();

        let store = world.store();
        assert!(store.last_seq() >= last, "the journal became shorter");
        last = store.last_seq();
        match moment {
            _ if !loaded => in_load += 1,
            Moment::Requests(_) => in_sweep += 1,
            Moment::Deliveries(_) => in_delivery += 1,
            Moment::Polled(_) => in_poll += 1,
        }
        loaded = store
            .tenants()
            .unwrap()
            .iter()
            .any(|known| known.loaded.is_some());
        if loaded {
            assert_journal_leads_to_state(&store);
        }
        assert_what_was_sent_is_in_the_journal(&world, &store);
        store.close().unwrap();
    }
    println!(
        "killed in load {in_load}, in sweep {in_sweep}, in delivery {in_delivery}, \
         in poll {in_poll} times"
    );
    assert!(
        in_load > 0 && in_sweep > 5 && in_delivery > 5 && in_poll > 5,
        "the kills missed their marks"
    );

    world.receiver.respond_well();
    let running = world.start().await;
    running.settled().await;
    assert_same_as_tenant(running.store(), world.tenant.directory());
    running.stop().await;
    let store = world.store();
    assert_journal_leads_to_state(&store);
    let n_sent = assert_what_was_sent_is_in_the_journal(&world, &store);
    let runs = store.runs(None, usize::MAX).unwrap();
    let was_polled = |trigger: &Trigger| *trigger == Trigger::Audit;
    assert!(
        runs.iter().any(|run| was_polled(&run.trigger)),
        "no run of the audit log"
    );
    let entries = store.entries(Seq::START, usize::MAX).unwrap();
    let is_event = |fact: &Fact| matches!(fact, Fact::Changed(_));
    let n_events = entries.iter().filter(|entry| is_event(&entry.fact)).count();
    assert_eq!(n_sent, n_events, "an event was never delivered");
    store.close().unwrap();
}

async fn reach(world: &World, moment: Moment) {
    let (requests, deliveries) = (world.tenant.requests().total(), world.receiver.count());
    let at = |endpoint| world.tenant.requests().at(endpoint);
    let polled = Cell::new(at(Endpoint::Audits));
    if let Moment::Polled(_) = moment {
        within("the sweep is over and a poll begins", || async {
            at(Endpoint::Audits) > polled.get()
        })
        .await;
    }
    let asked = at(Endpoint::User);
    within("the daemon gets to where it is killed", || async {
        match moment {
            Moment::Requests(n) => world.tenant.requests().total() >= requests + n,
            Moment::Deliveries(n) => world.receiver.count() >= deliveries + n,
            Moment::Polled(n) => {
                // Each poll gets new changes to read, until one is killed while it reads them.
                let now = at(Endpoint::Audits);
                if polled.replace(now) < now {
                    rename_the_busy(world.tenant.directory(), now);
                }
                at(Endpoint::User) >= asked + n
            }
        }
    })
    .await;
}

/// Returns the people, without machine accounts, always in the same order.
fn people(tenant: &Directory) -> Vec<User> {
    let users = tenant.users().into_iter();
    users.filter(|user| user.client_id.is_none()).collect()
}

fn rename_the_busy(tenant: &Directory, n: u64) {
    for user in people(tenant).iter().take(N_BUSY) {
        let edit = Edit::Name(format!("Renamed before poll {n}"));
        tenant.update_user(&user.id, edit).unwrap();
    }
}

fn change_something(tenant: &Directory, round: usize, dice: &mut fastrand::Rng) {
    for n in 0..N_JOINERS {
        tenant
            .create_user(NewUser::named(&format!("Joiner {round}.{n}")))
            .unwrap();
    }
    let people = people(tenant);
    let role = tenant.role_named("TenantAdmin").unwrap();
    for n in 0..24 {
        // Half of the changes concern a few users, so that several events of one record wait at
        // a time.
        let n_met = if n % 2 == 0 { N_BUSY } else { people.len() };
        let user = &people[dice.usize(..n_met)];
        // Somebody picked twice may be gone already.
        drop(match dice.u8(..6) {
            0 => tenant.delete_user(&user.id).map(|_gone| ()),
            1 => tenant.recreate_user(&user.id).map(|_id| ()),
            2 => tenant.update_user(&user.id, Edit::AssignRole(role.clone())),
            3 => tenant.update_user(&user.id, Edit::UnassignRole(role.clone())),
            4 => tenant.update_user(&user.id, Edit::Name(format!("Renamed {round}"))),
            _ => tenant.update_user(&user.id, Edit::Status(Status::Disabled)),
        });
    }
}

/// Asserts that what a receiver has seen is in the journal, under the same id and with the same
/// body: it was committed before. And that an event first came when all earlier ones of its record
/// had come. Returns how many different events were sent.
pub fn assert_what_was_sent_is_in_the_journal(world: &World, store: &Store) -> usize {
    let of_records = events_of_records(store);
    let mut sent: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    for delivery in world.receiver.deliveries() {
        assert!(delivery.verified, "a signature did not verify");
        let seq = delivery.body["sequence"].as_u64().unwrap();
        if let Some(first) = sent.get(&seq) {
            assert_eq!(*first, delivery.raw, "an event changed between attempts");
            continue;
        }
        let entry = store
            .entry(Seq(seq))
            .unwrap()
            .expect("a sent event is gone");
        let body = deliver::body(store.id(), &entry);
        assert_eq!(body.as_deref(), Some(&*delivery.raw));
        if let Fact::Changed(change) = &entry.fact {
            let record = change.latest().to_ref();
            for earlier in of_records[&record].range(..seq) {
                assert!(
                    sent.contains_key(earlier),
                    "{seq} of {record} came before {earlier}"
                );
            }
        }
        sent.insert(seq, delivery.raw.to_vec());
    }
    sent.len()
}

/// Returns the positions of the events of each record.
fn events_of_records(store: &Store) -> BTreeMap<RecordRef, BTreeSet<u64>> {
    let mut places: BTreeMap<RecordRef, BTreeSet<u64>> = BTreeMap::new();
    for entry in store.entries(Seq::START, usize::MAX).unwrap() {
        if let Fact::Changed(change) = &entry.fact {
            let of_record = places.entry(change.latest().to_ref()).or_default();
            of_record.insert(entry.seq.0);
        }
    }
    places
}
