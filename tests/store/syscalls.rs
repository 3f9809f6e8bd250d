//! The store is killed at every write, sync and rename, and in the middle of every write; each call
//! is refused; and the disk is full from any write on.
//!
//! What a killed process wrote is in the kernel and survives; `power.rs` and `torn.rs` test power
//! cuts.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};

use tempfile::TempDir;

use crate::script::{self, Failure, Player};
use crate::support::{Role, command, copy_folder, tell};
use crate::trace::{Call, End, Fault, Trace, What};
use crate::tracer;
use crate::truth::Truth;

/// How many children each test runs side by side.
const SIDE_BY_SIDE: usize = 2;

/// How many children may end without the call that a fault is for.
const TRIES: usize = 5;

/// An ordinary run refuses the first call of each sort and then one in so many, and fills the disk
/// at these; the second number is for the writes that it tears.
pub const REFUSED_ONE_IN: usize = 8;
pub const TORN_ONE_IN: usize = 3;

/// Kills after which every call of the next opening is killed.
const KILLS_TWICE: usize = 1;
const KILLS_TWICE_LONG: usize = 12;

/// How many further steps an ordinary run makes after a fault; a long run makes all of them.
const STEPS_AFTER: usize = 3;

pub static TRUTH: LazyLock<Truth> = LazyLock::new(Truth::find);

pub static IS_LONG: LazyLock<bool> =
    LazyLock::new(|| std::env::var_os("QLIK_ROSTER_LONG").is_some());

/// The calls of a child that plays the script and that nothing disturbs; `None` if no process can
/// be traced here.
static SEEN: LazyLock<Option<Sorts>> = LazyLock::new(|| {
    let seen = try_traced(Role::Play, place().path(), None).map(|trace| Sorts::of(&trace.calls));
    if seen.is_none() {
        let required = std::env::var_os("QLIK_ROSTER_REQUIRE_TRACING").is_some();
        assert!(!required, "no process can be traced here");
    }
    seen
});

#[test]
fn a_kill_at_any_call_loses_nothing_and_leaves_nothing_half() {
    let Some(seen) = seen() else { return };
    let leftovers = AtomicUsize::new(0);

    let met = meet(seen.faults(What::Kill, 1), |folder, trace| {
        assert_eq!(trace.end, End::Killed);
        leftovers.fetch_add(half_written_snapshots(folder), Ordering::Relaxed);
        verify(folder, trace);
    });

    met.print("killed at");
    let names = |file: &str| -> Vec<&str> {
        let calls = met.0.keys().filter(|call| call.file == file);
        calls.map(|call| call.name).collect()
    };
    let snapshot = "store/current/snap.*.generating";
    assert_eq!(names(snapshot), ["fsync", "make", "rename", "write"]);
    assert_eq!(names("store/current/snap.*"), ["chmod", "fsync", "unlink"]);
    assert_eq!(names("store/current/blobs/*"), ["fsync", "make", "write"]);
    let (snapshots, leftovers) = (seen.0[&call("make", snapshot)], leftovers.into_inner());
    // A kill leaves one half-written snapshot: at each of three writes, the sync and the rename.
    assert_eq!(leftovers, 5 * snapshots);
}

#[test]
fn a_kill_in_the_middle_of_any_write_loses_nothing_and_leaves_nothing_half() {
    let Some(seen) = seen() else { return };
    let mut faults = seen.faults(What::Tear, some(TORN_ONE_IN));
    faults.retain(|fault| fault.on.writes());

    let met = meet(faults, |folder, trace| {
        assert_eq!(trace.end, End::Killed);
        verify(folder, trace);
    });

    met.print("killed in the middle of");
}

#[test]
fn a_kill_at_any_call_of_the_opening_after_a_kill_loses_nothing() {
    let Some(seen) = seen() else { return };
    let commits = seen.0[&call("fdatasync", "store/current/db")];
    let kills = if *IS_LONG {
        KILLS_TWICE_LONG
    } else {
        KILLS_TWICE
    };

    for kill in 1..=kills {
        let killed = place();
        let fault = Fault {
            what: What::Kill,
            on: call("pwrite", "store/current/db"),
            at: commits * kill / (kills + 1) + 1,
        };
        let before = traced(Role::Play, killed.path(), Some(&fault));
        let copied = || {
            let folder = place();
            copy_folder(killed.path(), folder.path());
            folder
        };
        let opening = traced(Role::Reopen, copied().path(), None);
        let faults = Sorts::of(&opening.calls).faults(What::Kill, 1);
        let met = meet_with(Role::Reopen, &copied, faults, |folder, _| {
            verify(folder, &before);
        });
        met.print(&format!(
            "killed at {} {}, then, at the opening, at",
            fault.on, fault.at
        ));
    }
}

#[test]
fn any_call_that_fails_ends_the_process_or_does_no_harm() {
    let Some(seen) = seen() else { return };

    let met = meet(
        seen.faults(What::Refuse, some(REFUSED_ONE_IN)),
        |folder, trace| {
            check_end(trace);
            verify(folder, trace);
        },
    );

    met.print("refused");
}

#[test]
fn nothing_is_acknowledged_after_a_sync_that_failed() {
    let Some(seen) = seen() else { return };
    let mut faults = seen.faults(What::Refuse, some(REFUSED_ONE_IN));
    let ours = [
        call("fdatasync", "store/current/db"),
        call("fsync", "store/current/blobs"),
        call("fsync", "store/current/blobs/*"),
    ];
    faults.retain(|fault| ours.contains(&fault.on));

    let met = meet(faults, |_, trace| {
        // The kernel forgets what it could not write: a second sync would succeed.
        let after = &trace.told[trace.told_before..];
        assert!(
            matches!(after, [code] if code.starts_with("store.")),
            "{after:?}"
        );
    });

    met.print("refused");
}

#[test]
fn a_disk_that_is_full_from_any_write_on_loses_nothing() {
    let Some(seen) = seen() else { return };
    let mut faults = seen.faults(What::Fill, some(REFUSED_ONE_IN));
    faults.retain(|fault| fault.on.takes_space());

    let met = meet(faults, |folder, trace| {
        check_end(trace);
        verify(folder, trace);
    });

    met.print("no room from");
}

/// Returns the calls of the script; says so if no process can be traced here.
fn seen() -> Option<&'static Sorts> {
    if SEEN.is_none() {
        println!(
            "No process can be traced here: what stops at a call is held only by the kills at \
             random of `nothing_acknowledged_is_lost_when_the_process_is_killed`"
        );
    }
    SEEN.as_ref()
}

/// Returns which calls to take: one in so many in an ordinary run, each one in a long run.
pub fn some(one_in: usize) -> usize {
    if *IS_LONG { 1 } else { one_in }
}

pub fn call(name: &'static str, file: &str) -> Call {
    Call {
        name,
        file: file.to_owned(),
    }
}

/// Calls by their sort, each with how many there are.
#[derive(Default)]
pub struct Sorts(pub BTreeMap<Call, usize>);

impl Sorts {
    pub fn of(calls: &[Call]) -> Self {
        let mut sorts = Self::default();
        for call in calls {
            *sorts.0.entry(call.clone()).or_default() += 1;
        }
        sorts
    }

    /// Returns a fault for one in so many calls of each sort, beginning with its first.
    pub fn faults(&self, what: What, one_in: usize) -> Vec<Fault> {
        let each = self.0.iter().flat_map(|(on, count)| {
            (1..=*count).step_by(one_in).map(|at| Fault {
                what,
                on: on.clone(),
                at,
            })
        });
        each.collect()
    }

    pub fn print(&self, what: &str) {
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        for (call, times) in &self.0 {
            *names.entry(call.name).or_default() += times;
        }
        println!("{what} {} calls: {names:?}", self.0.values().sum::<usize>());
    }
}

/// Plays the script once for each fault, and checks what it left. Returns the calls that the faults
/// struck: all but a few, since threads do not always run in the same order.
fn meet(faults: Vec<Fault>, check: impl Fn(&Path, &Trace) + Sync) -> Sorts {
    meet_with(Role::Play, &place, faults, check)
}

/// The same for any child, in folders that exist already.
pub fn meet_with(
    role: Role,
    begin: &(impl Fn() -> TempDir + Sync),
    faults: Vec<Fault>,
    check: impl Fn(&Path, &Trace) + Sync,
) -> Sorts {
    let n_faults = faults.len();
    let faults = Mutex::new(faults.into_iter());
    let met = Mutex::new(Vec::with_capacity(n_faults));
    let work = || {
        loop {
            // Not in the condition of the loop, which would keep the lock all the time.
            let Some(mut fault) = faults.lock().unwrap().next() else {
                return;
            };
            let Some((folder, trace)) = strike(role, begin, &mut fault) else {
                continue;
            };
            let checked = catch_unwind(AssertUnwindSafe(|| check(folder.path(), &trace)));
            if let Err(panic) = checked {
                println!("{fault:?}: {:?}, told {:?}", trace.end, trace.told);
                // The other threads need not continue.
                faults.lock().unwrap().by_ref().for_each(drop);
                resume_unwind(panic);
            }
            met.lock().unwrap().push(fault.on);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(work);
        }
    });
    let met = met.into_inner().unwrap();
    assert!(
        met.len() * 10 >= n_faults * 9,
        "{} of {n_faults}",
        met.len()
    );
    Sorts::of(&met)
}

/// Starts children until the fault strikes one. If a child made fewer such calls than the one
/// before, because it made one write less, the next is struck at the last of them.
fn strike(role: Role, begin: &impl Fn() -> TempDir, fault: &mut Fault) -> Option<(TempDir, Trace)> {
    for _ in 0..TRIES {
        let folder = begin();
        let trace = traced(role, folder.path(), Some(fault));
        if trace.has_struck {
            return Some((folder, trace));
        }
        assert_eq!(trace.end, End::Exit(0), "without {fault:?}");
        let made = trace.calls.iter().filter(|call| **call == fault.on).count();
        fault.at = made.max(1);
    }
    None
}

/// Checks that a child that met an error ended by itself, and told what it did or why it stopped.
fn check_end(trace: &Trace) {
    assert_eq!(trace.end, End::Exit(0));
    let last = trace.told.last().map(String::as_str);
    let all = TRUTH.steps.len().to_string();
    let is_expected = matches!(last, Some("store.io" | "store.failed")) || last == Some(&all);
    assert!(is_expected, "{last:?}");
}

/// Compares the store with what was acknowledged, and continues with it.
fn verify(folder: &Path, trace: &Trace) {
    let mut numbers = trace.told.iter().rev();
    let acknowledged = numbers.find_map(|told| told.parse().ok());
    let path = folder.join("store");

    let mut player = Player::open(&path).unwrap();
    let found = TRUTH
        .place_of(&player.store, acknowledged.unwrap_or(0))
        .unwrap();

    let all = TRUTH.steps.len();
    let to = if *IS_LONG {
        all
    } else {
        all.min(found + STEPS_AFTER)
    };
    for step in &TRUTH.steps[found..to] {
        player.play(step.clone()).unwrap();
    }
    player.wait().unwrap();
    player.store.close().unwrap();
    let player = Player::open(&path).unwrap();
    TRUTH.place_of(&player.store, to).unwrap();
    player.store.close().unwrap();
}

fn half_written_snapshots(folder: &Path) -> usize {
    let Ok(files) = std::fs::read_dir(folder.join("store/current")) else {
        return 0;
    };
    files
        .filter(|file| {
            let name = file.as_ref().unwrap().file_name();
            name.to_string_lossy().ends_with(".generating")
        })
        .count()
}

/// Makes a folder for one child. What a killed process leaves is in the kernel, whatever the disk
/// is: an ordinary run takes memory, where a sync costs nothing.
pub fn place() -> TempDir {
    let memory = Path::new("/dev/shm");
    if *IS_LONG || !memory.is_dir() {
        return tempfile::tempdir().unwrap();
    }
    tempfile::tempdir_in(memory)
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

pub fn traced(role: Role, folder: &Path, fault: Option<&Fault>) -> Trace {
    try_traced(role, folder, fault).expect("a process could be traced before")
}

pub fn try_traced(role: Role, folder: &Path, fault: Option<&Fault>) -> Option<Trace> {
    let mut command = command(role, &folder.join("store"));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    tracer::run(&mut command, folder, fault)
}

/// Plays the script and tells how many steps are acknowledged, or why it cannot go on.
pub fn play(folder: &Path) {
    tracer::let_trace();
    if let Err(failure) = play_all(folder) {
        tell(failure.code());
    }
}

fn play_all(folder: &Path) -> Result<(), Failure> {
    let mut player = Player::open(folder)?;
    for (done, step) in script::steps().into_iter().enumerate() {
        if let Err(failure) = player.play(step) {
            let later = player.store.tenants();
            assert!(later.is_err(), "after an error nothing goes on");
            return Err(failure);
        }
        if player.is_settled() {
            tell(done + 1);
        }
    }
    player.store.close().map_err(Failure::Store)
}

/// Opens a store and closes it.
pub fn reopen(folder: &Path) {
    tracer::let_trace();
    let player = Player::open(folder).unwrap();
    player.store.close().unwrap();
}
