//! Memory over a million updates.

use std::path::Path;
use std::time::Instant;

use qlik_roster::model::{Change, RunId, Seq, Timestamp};
use qlik_roster::store::{Closing, Commit, MAX_QUIET, MAX_WRITES, Store, Write};

use crate::support::{Role, account, adopt, fingerprint, raw, spawn, tell, user};

const USERS: u32 = 20_000;
const UPDATES: u64 = 1_000_000;

/// Of these, so many leave an entry; the rest are quiet. All take the same way.
const JOURNALLED_IN_TEN: u64 = 2;

/// What the process may take at the most, test harness included.
const CEILING_KB: u64 = 200 * 1024;

#[test]
#[ignore = "takes a minute or two; run with --ignored"]
fn memory_stays_flat_over_a_million_updates() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, told) = spawn(Role::Load, folder.path());
    let told: Vec<String> = told.collect();
    child.wait().unwrap();
    println!("{told:?}");

    let peaks: Vec<u64> = told
        .iter()
        .filter_map(|line| line.split(' ').nth(1)?.parse().ok())
        .collect();

    assert_eq!(peaks.len(), 10);
    assert!(peaks[9] < CEILING_KB, "{peaks:?}");
    assert!(
        peaks[9] < peaks[3] + peaks[3] / 4,
        "still rising: {peaks:?}"
    );
}

/// Loads in order, then updates at random, and tells the peak of memory ten times.
pub fn update(folder: &Path) {
    let store = Store::open(folder).unwrap().store;
    let known = adopt(&store);
    let mut users: Vec<_> = (0..USERS).map(|number| user(number, Seq::START)).collect();
    let mut tickets = Vec::new();
    let commit = |writes| Commit {
        tenant: known.no,
        run: RunId(1),
        at: Timestamp::from_millis(1),
        account: account(),
        writes,
        closing: Closing::Nothing,
    };
    for chunk in users.chunks(MAX_QUIET) {
        let writes = chunk
            .iter()
            .map(|record| Write::Quiet {
                record: record.clone(),
                fingerprint: fingerprint(record),
                raw: raw(record),
            })
            .collect();
        tickets.push(store.submit(commit(writes)).unwrap());
    }
    tickets
        .into_iter()
        .for_each(|ticket| drop(ticket.wait().unwrap()));

    let mut random = fastrand::Rng::with_seed(6);
    let begun = Instant::now();
    let mut done = 0;
    for tenth in 1..=10 {
        while done < UPDATES * tenth / 10 {
            let quiet = done / 1000 % 10 >= JOURNALLED_IN_TEN;
            let count = if quiet { MAX_QUIET } else { MAX_WRITES };
            let writes = (0..count)
                .map(|_| {
                    let number = random.u32(..USERS);
                    done += 1;
                    let after = user(number, Seq(done));
                    let slot = &mut users[number as usize];
                    let before = std::mem::replace(slot, after.clone());
                    let (fingerprint, raw) = (fingerprint(&after), raw(&after));
                    if quiet {
                        Write::Quiet {
                            record: after,
                            fingerprint,
                            raw,
                        }
                    } else {
                        Write::Change {
                            change: Change::Updated { before, after },
                            fingerprint,
                            raw,
                        }
                    }
                })
                .collect();
            store.commit(commit(writes)).unwrap();
        }
        tell(format!("{done} {} {:?}", peak_kb(), begun.elapsed()));
    }
    store.close().unwrap();
}

fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
