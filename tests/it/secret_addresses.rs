//! An endpoint whose address is itself a secret: nothing of its path is shown, whatever happens.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use qlik_roster::demo::tenant::{Edit, When};
use qlik_roster::demo::{Receiver, Reply};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{SECRET, World, within};

/// The path of an address such as chat services hand out.
const PATH: &str = "/services/T0AAAA11/B0BBBB22/cccc33DDDD?sig=eeee44";
/// Pieces of this path, and of any other address here, that must not be shown.
const PIECES: [&str; 6] = [
    "services", "T0AAAA11", "B0BBBB22", "cccc33", "eeee44", "hunter2",
];
/// The most detailed log level, since the usual one shows less.
const LOUD: (&str, &str) = ("RUST_LOG", "trace");

struct Hidden {
    world: World,
    n_renamed: usize,
}

impl Hidden {
    async fn new() -> Self {
        let world = World::new().await;
        let config = world.standard_config();
        let url = format!("url = \"{}\"", world.receiver.url());
        assert!(config.contains(&url));
        world.write_config(&config.replace(&url, "url_file = \"address\""));
        Self {
            world,
            n_renamed: 0,
        }
    }

    fn lead_to(&self, base: &str) {
        // Ends with a newline, as an editor leaves it.
        self.world.write("address", &format!("{base}{PATH}\n"));
    }

    /// Makes an event and asks every command that mentions endpoints; returns all that they print.
    async fn all_that_is_told(&mut self) -> String {
        let tenant = self.world.tenant.directory();
        let user = tenant.users()[self.n_renamed].clone();
        let name = Edit::Name(format!("{} of late", user.name));
        tenant.update_user(&user.id, name).unwrap();
        self.n_renamed += 1;
        let mut told = String::new();
        for args in [
            &["sync"][..],
            &["check", "--endpoints", "--wide"],
            &["status", "--output", "json"],
            &["status", "--wide"],
            &["endpoints", "list", "--output", "json"],
            &["deliveries", "--output", "json"],
            &["events", "--output", "json"],
        ] {
            let (_, out, err) = self.world.command_with(&[LOUD], args).await;
            told += &(out + &err);
        }
        told
    }
}

fn assert_hidden(text: &str, what: &str) {
    for piece in PIECES {
        let at = text.find(piece);
        let around = at.map(|at| &text[at.saturating_sub(200)..(at + 50).min(text.len())]);
        assert_eq!(around, None, "{what}: {piece}");
    }
}

fn files_of(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(files_of(&path)),
            false => files.push(path),
        }
    }
    files
}

fn assert_store_does_not_hold_it(world: &World) {
    let files = files_of(&world.path("store"));
    assert!(!files.is_empty());
    for file in files.iter().filter(|file| file.is_file()) {
        let bytes = fs::read(file).unwrap();
        for piece in PIECES {
            let mut windows = bytes.windows(piece.len());
            let is_there = windows.any(|window| window == piece.as_bytes());
            assert!(!is_there, "{piece} in {}", file.display());
        }
    }
}

fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_becomes_of_a_delivery_the_address_shows_its_origin_at_the_most() {
    let mut hidden = Hidden::new().await;
    let receiver = Receiver::start(vec![SECRET.to_owned()]).await.unwrap();
    let origin = receiver.url().replace("/hooks", "");
    hidden.lead_to(&origin);
    let first = hidden.all_that_is_told().await;
    let second = hidden.all_that_is_told().await;
    assert_hidden(&(first + &second), "delivered");
    assert!(receiver.count_accepted() > 0);
    assert!(second.contains(&origin), "{second}");
    let secure = origin.replace("http:", "https:");
    let elsewhere = Reply::Redirect("/elsewhere".to_owned());
    for (base, reply, code) in [
        (origin.clone(), Some(Reply::Status(404)), "deliver.rejected"),
        (origin.clone(), Some(elsewhere), "deliver.redirect"),
        (origin.clone(), Some(Reply::Cut), "test event"),
        (nobody(), None, "deliver.connect"),
        (secure, None, "deliver.tls"),
        ("https://hr.invalid".to_owned(), None, "deliver.lookup"),
        // This case comes last: it disables the endpoint, and the store keeps a mark of the
        // address.
        (origin, Some(Reply::Status(410)), "deliver.gone"),
    ] {
        hidden.lead_to(&base);
        receiver.respond_well();
        if let Some(reply) = reply {
            receiver.respond_with(reply, When::Always);
        }

        let told = hidden.all_that_is_told().await;

        assert!(told.contains(code), "{code}: {told}");
        assert_hidden(&told, code);
    }
    assert_store_does_not_hold_it(&hidden.world);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_cannot_be_used_is_named_by_its_key_and_not_repeated() {
    let hidden = Hidden::new().await;
    for (address, code) in [
        ("hunter2:T0AAAA11/B0BBBB22", "config.bad-url"),
        ("hooks.example.com/services/T0AAAA11", "config.bad-url"),
        ("https://hunter2@hooks.example.com/", "config.bad-url"),
        ("https://10.0.0.7/services/T0AAAA11", "config.bad-endpoint"),
        ("'https://hooks.example.com/T0AAAA11'", "config.bad-secret"),
        ("", "config.secret-missing"),
    ] {
        hidden.world.write("address", address);

        let (exit, out, err) = hidden.world.command_with(&[LOUD], &["check"]).await;

        assert_eq!(exit, 2, "{address}: {out}{err}");
        assert!(err.contains("`endpoints[0].url_file`: "), "{err}");
        assert!(err.contains(&format!("[{code}]")), "{err}");
        assert_hidden(&(out + &err), address);
    }
}

/// A daemon that ends with the test, however the test ends.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_shows_it_neither_in_its_log_nor_to_who_watches_it() {
    let hidden = Hidden::new().await;
    hidden.lead_to(&hidden.world.receiver.url().replace("/hooks", ""));
    let receiver = &hidden.world.receiver;
    receiver.respond_with(Reply::Status(500), When::Always);
    let log = hidden.world.path("log");
    let daemon = Command::new(env!("CARGO_BIN_EXE_qlik-roster"))
        .arg("--config")
        .arg(hidden.world.config_path())
        .arg("serve")
        .env_clear()
        .env(LOUD.0, LOUD.1)
        .stdout(Stdio::null())
        .stderr(File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let mut daemon = Daemon(daemon);
    let logged = || fs::read_to_string(&log).unwrap();
    within("the first run ends", || async {
        logged().contains("run-1")
    })
    .await;
    let tenant = hidden.world.tenant.directory();
    let user = tenant.users()[0].clone();
    let name = Edit::Name(format!("{} of late", user.name));
    tenant.update_user(&user.id, name).unwrap();
    let (_, out, err) = hidden.world.command(&["sync"]).await;
    assert_hidden(&(out + &err), "sync");
    within("an attempt fails", || async {
        receiver.count() > 0 && logged().contains("deliver.receiver-failed")
    })
    .await;

    let text = logged();
    let (_, rest) = text.split_once("listening on http://").unwrap();
    let address = rest.split_whitespace().next().unwrap();
    for path in ["/metrics", "/readyz", "/livez"] {
        let answer = reqwest::get(format!("http://{address}{path}"))
            .await
            .unwrap();
        assert_hidden(&answer.text().await.unwrap(), path);
    }
    kill_process(Pid::from_child(&daemon.0), Signal::TERM).unwrap();
    assert_eq!(daemon.0.wait().unwrap().code(), Some(0));
    assert_hidden(&logged(), "log");
    assert!(logged().contains(" TRACE "), "{}", logged());
    assert_store_does_not_hold_it(&hidden.world);
}
