//! `docs/getting-started.md`, step by step: its commands and its receivers, taken from the page
//! itself, against an emulated tenant.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use qlik_roster::clock::Clock;
use qlik_roster::demo::EmulatedTenant;
use qlik_roster::demo::tenant::{Edit, RateLimits, TenantOptions};
use standardwebhooks::Webhook;

use crate::support::{SECRET, within};

const PAGE: &str = include_str!("../../docs/getting-started.md");

/// A block of the page: the words after its fence, and its lines.
struct Block {
    info: &'static str,
    text: &'static str,
}

fn blocks() -> Vec<Block> {
    let parts = PAGE.split("\n```").skip(1).step_by(2);
    let blocks = parts.map(|part| {
        let (info, text) = part.split_once('\n').unwrap();
        Block { info, text }
    });
    blocks.collect()
}

fn block(info: &str) -> &'static str {
    let mut found = blocks().into_iter().filter(|block| block.info == info);
    let only = found.next().unwrap_or_else(|| panic!("no block `{info}`"));
    assert!(found.next().is_none(), "several blocks `{info}`");
    only.text
}

/// Returns whether an interpreter is installed; fails if it is required and missing.
fn has(interpreter: &str) -> bool {
    let found = Command::new(interpreter).arg("--version").output().is_ok();
    let required = std::env::var_os("QLIK_ROSTER_REQUIRE_FOREIGN").is_some();
    assert!(found || !required, "{interpreter} is not installed");
    if !found {
        println!("left out: {interpreter} is not installed");
    }
    found
}

/// A program that runs beside the test, and what it prints.
struct Program {
    child: Child,
    printed: Arc<Mutex<Vec<String>>>,
}

impl Program {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let printed: Arc<Mutex<Vec<String>>> = Arc::default();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let keep = Arc::clone(&printed);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                keep.lock().unwrap().push(line);
            }
        });
        Self { child, printed }
    }

    fn printed(&self) -> Vec<String> {
        self.printed.lock().unwrap().clone()
    }

    async fn prints(&self, text: &str) {
        within(&format!("`{text}` is printed"), || async {
            self.printed().iter().any(|line| line.contains(text))
        })
        .await;
    }

    /// Ends it as an operator does.
    fn end(mut self) -> bool {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap().success()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Values for what the page shows as examples: the tenant, its client, and a free port.
struct Place {
    tenant: EmulatedTenant,
    port: u16,
    folder: tempfile::TempDir,
}

impl Place {
    async fn new() -> Self {
        let options = TenantOptions {
            users: 60,
            rate_limits: RateLimits::Off,
            ..TenantOptions::default()
        };
        let tenant = EmulatedTenant::start(options, Clock::system())
            .await
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        Self {
            tenant,
            port,
            folder,
        }
    }

    /// A shell with the program on its path, in the folder of the page's steps.
    fn shell(&self, script: &str, within: &str) -> Command {
        let script = script
            .replace("acme.eu.qlikcloud.com", &self.tenant.url())
            .replace("0123456789abcdef", self.tenant.client_id())
            .replace(":8000/", &format!(":{}/", self.port));
        let program = Path::new(env!("CARGO_BIN_EXE_qlik-roster"));
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{path}", program.parent().unwrap().display());
        let mut command = Command::new("sh");
        command
            .args(["-euc", &script])
            .current_dir(self.folder.path().join(within))
            .env("PATH", path)
            .env("PORT", self.port.to_string())
            .env("QLIK_ROSTER__SERVER__LISTEN", "127.0.0.1:0")
            .env("QLIK_ROSTER__SYNC__POLL", "1s")
            .env("RUST_LOG", "off")
            .stdin(Stdio::null());
        command
    }

    /// Runs a block to its end, typing the client's secret where one is asked for.
    async fn run(&self, block: &Block, within: &str) -> String {
        let mut command = self.shell(block.text, within);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let secret = self.tenant.client_secret();
        let output = tokio::task::spawn_blocking(move || {
            let mut child = command.spawn().unwrap();
            let mut input = child.stdin.take().unwrap();
            // Most commands read no input and may have ended already, so this may fail.
            drop(writeln!(input, "{}", secret.expose()));
            drop(input);
            child.wait_with_output().unwrap()
        })
        .await
        .unwrap();
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).unwrap();
        assert!(output.status.success(), "{}\n{text}", block.text);
        text
    }
}

/// Walks the page with one of its receivers.
async fn walk(receiver_file: &str, language: &str, start: &str) {
    let place = Place::new().await;
    let mut receiver = None;
    let mut daemon = None;
    let mut within_folder = "";
    for block in blocks() {
        match block.info {
            "sh" => {
                let text = place.run(&block, within_folder).await;
                if block.text.starts_with("mkdir roster\ncd roster\n") {
                    within_folder = "roster";
                    let file = place.folder.path().join("roster").join(receiver_file);
                    std::fs::write(file, self::block(language)).unwrap();
                }
                assert!(!text.contains("failed"), "{}\n{text}", block.text);
            }
            "sh after-a-change" => {
                let user = place.tenant.directory().users()[7].clone();
                let renamed = Edit::Name("Told To A Receiver".to_owned());
                place
                    .tenant
                    .directory()
                    .update_user(&user.id, renamed)
                    .unwrap();
                let receiver: &Program = receiver.as_ref().unwrap();
                receiver.prints("verified user.updated").await;
                let text = place.run(&block, within_folder).await;
                assert!(text.contains("Told To A Receiver"), "{text}");
            }
            "sh background" => {
                daemon = Some(Program::start(
                    place.shell(&format!("exec {}", block.text), within_folder),
                ));
            }
            info if info == start => {
                let script = format!("exec {}", block.text);
                let program = Program::start(place.shell(&script, within_folder));
                program.prints("listening on port").await;
                receiver = Some(program);
            }
            "sh the-end" => {
                take_a_batch(&place, receiver.as_ref().unwrap(), &mut daemon).await;
                assert!(daemon.take().unwrap().end());
                place.run(&block, within_folder).await;
                assert!(!place.folder.path().join("roster").exists());
            }
            // Blocks that this test does not run: changes to the machine, the other receiver, and
            // texts to copy.
            "sh notest" | "sh python" | "sh node" | "python" | "js" => {}
            other => panic!("nobody knows what to do with a block `{other}`"),
        }
    }
    let receiver = receiver.unwrap();
    receiver.prints("verified endpoint.test").await;
    let printed = receiver.printed();
    assert!(
        !printed.iter().any(|line| line.contains("refused")),
        "{printed:?}"
    );
}

/// Gives the endpoint its events in batches, and checks that the receiver takes them apart.
async fn take_a_batch(place: &Place, receiver: &Program, daemon: &mut Option<Program>) {
    assert!(daemon.take().unwrap().end());
    let file = place.folder.path().join("roster/qlik-roster.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, config + "format = \"cloudevents-batch\"\n").unwrap();
    let users = place.tenant.directory().users();
    for user in &users[10..13] {
        place.tenant.directory().delete_user(&user.id).unwrap();
    }

    *daemon = Some(Program::start(
        place.shell("exec qlik-roster serve", "roster"),
    ));

    within("a batch is taken apart", || async {
        let printed = receiver.printed();
        let deleted = printed
            .iter()
            .filter(|line| line.contains("verified user.deleted"));
        deleted.count() == 3
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_hour_goes_as_the_page_says_with_python() {
    if has("python3") {
        walk("receiver.py", "python", "sh python").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_hour_goes_as_the_page_says_with_node() {
    if has("node") {
        walk("receiver.mjs", "js", "sh node").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_receivers_on_the_page_accept_nothing_that_is_not_signed() {
    // The product does the same before it makes the first client in a process.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for (interpreter, language) in [("python3", "python"), ("node", "js")] {
        if !has(interpreter) {
            continue;
        }
        let place = Place::new().await;
        let name = if language == "js" {
            "receiver.mjs"
        } else {
            "receiver.py"
        };
        std::fs::write(place.folder.path().join(name), block(language)).unwrap();
        std::fs::write(place.folder.path().join("webhook-secret"), SECRET).unwrap();
        let receiver = Program::start(place.shell(&format!("exec {interpreter} {name}"), ""));
        receiver.prints("listening on port").await;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let now = i64::try_from(now).unwrap();
        let body = r#"{"id":"evt_1","type":"user.created"}"#;
        let batch =
            r#"[{"id":"evt_1","type":"user.created"},{"id":"evt_2","type":"user.deleted"}]"#;
        let sign = |at: i64, body: &str| {
            let webhook = Webhook::new(SECRET).unwrap();
            webhook.sign("evt_1", at, body.as_bytes()).unwrap()
        };
        let other = "v1,MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3MDEyMzQ1Njc=";
        let old = now - 600;
        for (at, signature, sent, status) in [
            (now, sign(now, body), body, 204),
            (now, format!("{other} {}", sign(now, batch)), batch, 204),
            (now, other.to_owned(), body, 401),
            (now, String::new(), body, 401),
            (now, sign(now, body), batch, 401),
            (now, sign(now, body).replace("v1,", "v2,"), body, 401),
            (old, sign(old, body), body, 401),
            (now + 600, sign(now + 600, body), body, 401),
        ] {
            let answer = client
                .post(format!("http://127.0.0.1:{}/", place.port))
                .header("webhook-id", "evt_1")
                .header("webhook-timestamp", at.to_string())
                .header("webhook-signature", &signature)
                .body(sent)
                .send()
                .await
                .unwrap();

            assert_eq!(
                answer.status(),
                status,
                "{language}: {at} {signature} {sent}"
            );
        }
        // The event that came twice was taken once.
        receiver.prints("verified user.deleted").await;
        let printed = receiver.printed();
        let verified: Vec<_> = printed
            .iter()
            .filter(|line| line.contains("verified"))
            .collect();
        assert_eq!(
            verified,
            ["verified user.created evt_1", "verified user.deleted evt_2"]
        );
    }
}

#[test]
fn the_readme_leads_to_every_page() {
    let readme = include_str!("../../README.md");
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let files = std::fs::read_dir(docs).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    let pages = files.filter(|file| file.extension().is_some_and(|end| end == "md"));
    let names = pages.map(|page| page.file_name().unwrap().to_str().unwrap().to_owned());
    let pages: Vec<_> = names.collect();

    assert!(pages.len() > 10);
    for page in pages {
        assert!(
            readme.contains(&format!("(docs/{page}")),
            "README does not lead to {page}"
        );
    }
}
