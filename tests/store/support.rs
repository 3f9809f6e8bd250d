//! A writer that can be killed, and a verifier that knows what must be there afterwards.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use qlik_roster::model::{
    Account, Change, EndpointName, Fact, Fingerprint, Id, Kind, Record, RunId, Seq, Tenant,
    TenantId, TenantName, Timestamp, User,
};
use qlik_roster::store::{
    Closing, Commit, Cursor, DeliveryChange, Known, Parked, Progress, Store, StoreError, Write,
};
use xxhash_rust::xxh3::xxh3_128;

const ROLE: &str = "STORE_TEST_ROLE";
const FOLDER: &str = "STORE_TEST_FOLDER";

/// How many users the writer writes.
const USERS: u32 = 300;

/// What a child does.
#[derive(Clone, Copy)]
pub enum Role {
    /// Commits until it is killed, and tells each acknowledgement.
    Write,
    /// The same, while the store is compacted again and again.
    WriteBeside,
    /// Opens a store, has it compacted while it commits, and tells how much memory that took.
    WeighBeside,
    /// Tries to open, and tells the code of the refusal.
    Open,
    /// Makes this many updates, and tells how much memory they took.
    Load(u64),
    /// Lets itself be traced and does what the script says, and tells each acknowledgement.
    Play,
    /// Lets itself be traced, opens and closes.
    Reopen,
    /// Lets itself be traced and compacts, and tells the outcome.
    Compact,
    /// Lets itself be traced, opens a store of an older format, and tells the outcome.
    Migrate,
    /// Opens a store, and tells how much memory that took.
    Weigh,
    /// Commits while no descriptor is left, and tells how far it gets.
    Starve,
    /// Gives roles and groups to users while posting lists are built, until it is killed.
    Post,
}

impl Role {
    fn words(self) -> String {
        match self {
            Self::Write => "write".to_owned(),
            Self::WriteBeside => "write-beside".to_owned(),
            Self::WeighBeside => "weigh-beside".to_owned(),
            Self::Open => "open".to_owned(),
            Self::Load(updates) => format!("load {updates}"),
            Self::Play => "play".to_owned(),
            Self::Reopen => "reopen".to_owned(),
            Self::Compact => "compact".to_owned(),
            Self::Migrate => "migrate".to_owned(),
            Self::Weigh => "weigh".to_owned(),
            Self::Starve => "starve".to_owned(),
            Self::Post => "post".to_owned(),
        }
    }
}

/// Starts a child on a folder.
pub fn spawn(role: Role, folder: &Path) -> (Child, Output) {
    let mut child = command(role, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let told = Output(BufReader::new(child.stdout.take().unwrap()));
    (child, told)
}

/// Returns the command that runs a child.
pub fn command(role: Role, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["child", "--exact", "--nocapture", "--test-threads=1"])
        .env(ROLE, role.words())
        .env(FOLDER, folder);
    command
}

/// What a child tells, line by line.
pub struct Output(BufReader<ChildStdout>);

impl Iterator for Output {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            // The test harness prints to this output, too; a line cut by a kill has no full stop.
            let told = line
                .split_once("told ")
                .and_then(|(_, told)| told.trim_end().strip_suffix('.'));
            if let Some(told) = told {
                return Some(told.to_owned());
            }
        }
    }
}

/// Tells the parent something.
pub fn tell(what: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "told {what}.").unwrap();
    out.flush().unwrap();
}

pub fn be_a_child() {
    let (Some(role), Some(folder)) = (std::env::var_os(ROLE), std::env::var_os(FOLDER)) else {
        return;
    };
    let folder = PathBuf::from(folder);
    let role = role.into_string().unwrap();
    match role.split_once(' ') {
        None if role == "write" => write_for_ever(&folder),
        None if role == "write-beside" => crate::beside::write_for_ever(&folder),
        None if role == "weigh-beside" => crate::beside::weigh(&folder),
        None if role == "play" => crate::syscalls::play(&folder),
        None if role == "reopen" => crate::syscalls::reopen(&folder),
        None if role == "compact" => crate::compaction::compact(&folder),
        None if role == "migrate" => crate::migration::migrate(&folder),
        None if role == "post" => crate::postings::post(&folder),
        None if role == "starve" => crate::descriptors::starve(&folder),
        None if role == "weigh" => crate::formats::weigh(&folder),
        None if role == "open" => match Store::open(&folder) {
            Ok(_) => tell("opened"),
            Err(refused) => tell(format!("{}: {refused}", refused.code())),
        },
        Some(("load", updates)) => crate::load::update(&folder, updates.parse().unwrap()),
        Some(_) | None => panic!("no such role"),
    }
}

fn write_for_ever(folder: &Path) {
    let opened = Store::open(folder).unwrap();
    write(opened.store);
}

/// Commits until it is killed, or the store fails.
pub fn write(store: Store) {
    let mut writer = Writer::new(store, 6);
    loop {
        match writer.commit() {
            Ok(last) => tell(last),
            Err(error) => {
                tell(format!("{}: {error}", error.code()));
                return;
            }
        }
    }
}

/// Commits changes of a few users; the content of each names the entry that made it.
pub struct Writer {
    pub store: Store,
    pub known: Known,
    users: BTreeMap<u32, Record>,
    random: fastrand::Rng,
    most: usize,
}

impl Writer {
    /// Writes commits of at most this many changes.
    pub fn new(store: Store, most: usize) -> Self {
        let known = adopt(&store);
        let users = read_users(&store, &known);
        let random = fastrand::Rng::with_seed(store.last_seq().0);
        Self {
            store,
            known,
            users,
            random,
            most,
        }
    }

    /// Commits and moves the cursor after it; returns the last entry.
    pub fn commit(&mut self) -> Result<Seq, StoreError> {
        let last = self.commit_only()?;
        let cursor = Cursor {
            settled: last,
            ..Cursor::default()
        };
        settle(&self.store, cursor, None)?;
        Ok(last)
    }

    /// Commits, and leaves the cursor where it is.
    pub fn commit_only(&mut self) -> Result<Seq, StoreError> {
        let mut seq = self.store.last_seq();
        let mut writes = Vec::new();
        for _ in 0..self.random.usize(1..=self.most) {
            seq = seq.next();
            writes.push(self.change(seq));
        }
        let commit = Commit {
            tenant: self.known.no,
            run: RunId(1),
            at: Timestamp::from_millis(1_700_000_000_000),
            account: account(),
            writes,
            closing: Closing::Nothing,
        };
        let last = self.store.commit(commit)?.last;
        assert_eq!(last, seq);
        Ok(last)
    }

    fn change(&mut self, seq: Seq) -> Write {
        let number = self.random.u32(0..USERS);
        let after = user(number, seq);
        let change = match self.users.remove(&number) {
            None => Change::Created {
                after,
                replaces: None,
            },
            Some(before) if self.random.u8(..) < 40 => Change::Deleted { before },
            Some(before) => Change::Updated { before, after },
        };
        if let Some(after) = change.after() {
            self.users.insert(number, after.clone());
        }
        let latest = change.latest();
        Write::Change {
            fingerprint: fingerprint(latest),
            raw: raw(latest),
            change,
            reported: None,
        }
    }
}

/// The state at the previous check, from which the journal continues.
#[derive(Default)]
pub struct Verifier {
    users: BTreeMap<u32, Record>,
    seq: Seq,
}

impl Verifier {
    /// Checks everything that a store promised: all entries up to `acknowledged` are there, the
    /// state is what the journal says, and fingerprints and census agree with it.
    pub fn verify(&mut self, store: &Store, acknowledged: Seq) {
        let known = adopt(store);
        assert!(
            store.last_seq() >= acknowledged,
            "only {} of {acknowledged} entries are there",
            store.last_seq()
        );
        while self.seq < store.last_seq() {
            for entry in store.entries(self.seq, 500).unwrap() {
                assert_eq!(entry.seq, self.seq.next());
                self.seq = entry.seq;
                self.apply(&entry.fact, entry.seq);
            }
        }
        assert_eq!(read_users(store, &known), self.users);
        let mut prints = BTreeMap::new();
        store
            .fingerprints(known.no, Kind::User, &mut |id, print| {
                prints.insert(id, print);
            })
            .unwrap();
        let expected: BTreeMap<Id, Fingerprint> = self
            .users
            .values()
            .map(|user| (user.id().clone(), fingerprint(user)))
            .collect();
        assert_eq!(prints, expected);
        let settled = store.cursor(&hook()).unwrap().unwrap_or_default().settled;
        assert!(settled <= store.last_seq());
        assert!(settled >= acknowledged);
    }

    fn apply(&mut self, fact: &Fact, seq: Seq) {
        let Fact::Changed(change) = fact else {
            panic!("the writer loads nothing");
        };
        let number = number_of(change.latest());
        assert_eq!(self.users.get(&number), change.before());
        match change.after() {
            Some(after) => {
                assert_eq!(*after, user(number, seq));
                self.users.insert(number, after.clone());
            }
            None => {
                self.users.remove(&number);
            }
        }
    }
}

pub fn adopt(store: &Store) -> Known {
    store
        .adopt(&tenant(), &tenant_name(), Timestamp::from_millis(1))
        .unwrap()
}

pub fn tenant() -> Tenant {
    Tenant {
        id: TenantId("tenant".into()),
        name: "Tenant".into(),
        hosts: vec![],
        region: None,
        status: None,
    }
}

pub fn tenant_name() -> TenantName {
    TenantName("t".into())
}

pub fn account() -> Account {
    Account {
        tenant: TenantId("tenant".into()),
        name: "Tenant".into(),
        region: None,
    }
}

pub fn hook() -> EndpointName {
    EndpointName("hook".into())
}

pub fn read_users(store: &Store, known: &Known) -> BTreeMap<u32, Record> {
    let kept = store.list(known.no, Kind::User, None, usize::MAX).unwrap();
    kept.into_iter()
        .map(|kept| {
            assert_eq!(kept.raw, raw(&kept.record));
            (number_of(&kept.record), kept.record)
        })
        .collect()
}

fn number_of(record: &Record) -> u32 {
    let id = record.id().to_string();
    u32::from_str_radix(&id[16..], 16).unwrap()
}

/// A user as the entry of this number left it.
pub fn user(number: u32, seq: Seq) -> Record {
    let id = Id::parse(&format!("60d5ca1b2f8a4c00{number:08x}")).unwrap();
    Record::User(User {
        name: Some(format!("as of {seq}")),
        email: Some(format!("{number}@example.com")),
        ..User::new(id.into(), format!("auth0|{number}"))
    })
}

pub fn fingerprint(record: &Record) -> Fingerprint {
    Fingerprint(xxh3_128(record.label().as_bytes()).to_be_bytes())
}

/// A text of the source, long enough to fill pages and too random to compress.
pub fn raw(record: &Record) -> Box<str> {
    let mut random =
        fastrand::Rng::with_seed(record.label().len() as u64 + u64::from(number_of(record)));
    std::iter::repeat_with(|| random.alphanumeric())
        .take(400)
        .collect::<String>()
        .into()
}

/// Copies a folder with everything in it.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Moves the cursor, and parks a delivery with it.
pub fn settle(store: &Store, cursor: Cursor, parked: Option<Parked>) -> Result<(), StoreError> {
    let mut log = store.attempt_log(&hook())?;
    let progress = Progress {
        changes: parked.into_iter().map(DeliveryChange::Park).collect(),
        ..Progress::of(cursor)
    };
    store.save_progress(&hook(), &mut log, progress)
}
