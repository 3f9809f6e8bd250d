//! The daemon's memory when records are large and no delivery is answered.

use std::fmt::Write as _;
use std::process::Child;

use qlik_roster::demo::tenant::{Edit, NewUser, RateLimits, TenantOptions};
use tokio::net::TcpListener;

use crate::support::{World, within};

const ENDPOINTS: usize = 5;
const USERS: usize = 1_000;

/// Groups that each user is in; its record takes some 90 KiB then.
const GROUPS: usize = 1_000;

/// Besides the program's own file. If only the number of pages and commits were limited, the daemon
/// would take some 300 MiB; if only the number of deliveries were, more than 2 GiB.
const BOUND_KIB: u64 = 260 * 1024;

/// How many measurements in a row, at least 5 ms apart, must show the same memory.
const CALM: u32 = 300;

/// Reading, writing and sending are limited in bytes, whatever the number of records and endpoints.
#[tokio::test(flavor = "multi_thread")]
async fn large_records_for_endpoints_that_never_answer_take_bounded_memory() {
    let world = World::with(TenantOptions {
        users: 0,
        groups: GROUPS,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    })
    .await;
    let directory = world.tenant.directory();
    let groups = directory.groups();
    for n in 0..USERS {
        let user = directory
            .create_user(NewUser::named(&format!("Member {n}")))
            .unwrap();
        for group in &groups {
            directory
                .update_user_quietly(&user, Edit::JoinGroup(group.id.clone()))
                .unwrap();
        }
    }
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let config = world.standard_config();
    let (head, endpoint) = config.split_once("[[endpoints]]").unwrap();
    let mut text = head.to_owned();
    for n in 0..ENDPOINTS {
        let own = endpoint
            .replace("\"hr\"", &format!("\"hr-{n}\""))
            .replace(&world.receiver.url(), &url);
        writeln!(text, "[[endpoints]]{own}backfill = true").unwrap();
    }
    world.write_config(&text);
    let (sender, mut connections) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((socket, _)) = silent.accept().await {
            sender.send(socket).unwrap();
        }
    });

    let mut daemon = world.serve();
    let mut open = Vec::new();
    for _ in 0..ENDPOINTS {
        open.push(connections.recv().await.unwrap());
    }
    let mut peak = peak_kib(&daemon);
    let mut calm = 0;
    within("its memory stays as it is", || {
        let now = peak_kib(&daemon);
        calm = if now == peak { calm + 1 } else { 0 };
        peak = now;
        std::future::ready(calm == CALM)
    })
    .await;

    // The pages of its file, which a build for tests has many of.
    let file = kib(&daemon, "RssFile");
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    println!(
        "at the most {} MiB, {} of them of its file",
        peak / 1024,
        file / 1024
    );
    let peak = peak - file;
    assert!(peak < BOUND_KIB, "{} MiB", peak / 1024);
}

/// The most memory that a process has had so far.
fn peak_kib(of: &Child) -> u64 {
    kib(of, "VmHWM")
}

/// A figure of a process's memory.
fn kib(of: &Child, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", of.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with(name));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.unwrap().parse().unwrap()
}
