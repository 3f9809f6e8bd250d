//! Tests the store against what happens to processes and disks: kills, power cuts, damaged files, a
//! full disk, a second process, and a million updates.
//!
//! A test that needs a process to kill runs this binary again, with [`child`] as the only test.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::too_many_lines,
    clippy::disallowed_methods,
    reason = "this is a test, also where it is not in a function marked so"
)]

#[path = "store/beside.rs"]
mod beside;
#[path = "store/compaction.rs"]
mod compaction;
#[path = "store/damage.rs"]
mod damage;
#[path = "store/descriptors.rs"]
mod descriptors;
#[path = "store/fixture.rs"]
mod fixture;
#[path = "store/format_1.rs"]
mod format_1;
#[path = "store/format_1_shapes.rs"]
mod format_1_shapes;
#[path = "store/formats.rs"]
mod formats;
#[path = "store/kill.rs"]
mod kill;
#[path = "store/load.rs"]
mod load;
#[path = "store/migration.rs"]
mod migration;
#[path = "store/picture.rs"]
mod picture;
#[path = "store/postings.rs"]
mod postings;
#[path = "store/power.rs"]
mod power;
#[path = "store/script.rs"]
mod script;
#[path = "store/space.rs"]
mod space;
#[path = "store/support.rs"]
mod support;
#[path = "store/syscalls.rs"]
mod syscalls;
#[path = "store/torn.rs"]
mod torn;
#[path = "store/trace.rs"]
#[cfg_attr(
    not(all(target_os = "linux", target_arch = "x86_64")),
    allow(dead_code, reason = "nothing is traced there")
)]
mod trace;
#[cfg_attr(
    all(target_os = "linux", target_arch = "x86_64"),
    path = "store/tracer.rs"
)]
#[cfg_attr(
    not(all(target_os = "linux", target_arch = "x86_64")),
    path = "store/no_tracer.rs"
)]
mod tracer;
#[path = "store/truth.rs"]
mod truth;

/// Does what the environment says, for a test in another process; otherwise nothing.
#[test]
fn child() {
    support::be_a_child();
}
