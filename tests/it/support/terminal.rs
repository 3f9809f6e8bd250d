//! A terminal to run commands on: a pseudo-terminal of some size, and what it shows.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use super::within;

/// What ends a frame that a program draws as a whole.
const END_FRAME: &[u8] = b"\x1b[?2026l";

/// The command on its terminal.
pub struct Terminal {
    child: Child,
    master: File,
    /// The program's side, kept open so that its settings can be read.
    slave: Option<File>,
    seen: Arc<Mutex<Seen>>,
    reader: Option<JoinHandle<()>>,
}

/// The output byte by byte, and what the screen shows of it.
struct Seen {
    bytes: Vec<u8>,
    parser: vt100::Parser,
    /// Screens that were drawn as a whole.
    shown: Vec<vt100::Screen>,
}

impl Terminal {
    /// Runs the program in a folder, with this as its controlling terminal.
    pub fn run(folder: &Path, size: (u16, u16), args: &[&str]) -> Self {
        Self::run_with(&[], folder, size, args)
    }

    /// The same with environment variables.
    pub fn run_with(
        variables: &[(&str, &str)],
        folder: &Path,
        size: (u16, u16),
        args: &[&str],
    ) -> Self {
        Self::begin(variables, folder, size, args, None)
    }

    /// The same with standard output in a pipe, as with a pager. Returns its other end.
    pub fn piped(folder: &Path, size: (u16, u16), args: &[&str]) -> (Self, ChildStdout) {
        let mut terminal = Self::begin(&[], folder, size, args, Some(Stdio::piped()));
        let out = terminal.child.stdout.take().unwrap();
        (terminal, out)
    }

    fn begin(
        variables: &[(&str, &str)],
        folder: &Path,
        (columns, rows): (u16, u16),
        args: &[&str],
        stdout: Option<Stdio>,
    ) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let master = File::from(master);
        tcsetwinsize(&master, winsize(columns, rows)).unwrap();
        let mut options = OpenOptions::new();
        let slave = options
            .read(true)
            .write(true)
            .open(name.to_str().unwrap())
            .unwrap();
        let end = || Stdio::from(slave.try_clone().unwrap());
        let child = Command::new("setsid")
            .args(["--ctty", "--wait", env!("CARGO_BIN_EXE_qlik-roster")])
            .args(args)
            .current_dir(folder)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("TERM", "xterm-256color")
            .envs(variables.iter().copied())
            .stdin(end())
            .stdout(stdout.unwrap_or_else(end))
            .stderr(end())
            .spawn()
            .unwrap();
        let seen = Arc::new(Mutex::new(Seen {
            bytes: Vec::new(),
            parser: vt100::Parser::new(cells(rows), cells(columns), 0),
            shown: Vec::new(),
        }));
        let reader = read(master.try_clone().unwrap(), Arc::clone(&seen));
        Self {
            child,
            master,
            slave: Some(slave),
            seen,
            reader: Some(reader),
        }
    }

    /// Types something.
    pub fn enter(&mut self, text: &str) {
        self.master.write_all(text.as_bytes()).unwrap();
    }

    /// Gives the terminal another size; the program is told.
    pub fn resize(&self, (columns, rows): (u16, u16)) {
        let mut seen = self.seen.lock().unwrap();
        seen.parser
            .screen_mut()
            .set_size(cells(rows), cells(columns));
        tcsetwinsize(&self.master, winsize(columns, rows)).unwrap();
    }

    /// Waits until the program has often checked whether it should report its progress.
    pub async fn is_watched(&self) {
        is_watched(&self.child).await;
    }

    /// Returns whether what is typed is shown.
    pub fn echoes(&self) -> bool {
        let modes = tcgetattr(self.slave.as_ref().unwrap()).unwrap();
        modes.local_modes.contains(LocalModes::ECHO)
    }

    /// Returns the screen as it is.
    pub fn cells(&self) -> vt100::Screen {
        self.seen.lock().unwrap().parser.screen().clone()
    }

    /// Returns what the screen shows.
    pub fn screen(&self) -> String {
        self.seen.lock().unwrap().parser.screen().contents()
    }

    /// Returns everything that was written, as it was.
    pub fn bytes(&self) -> Vec<u8> {
        self.seen.lock().unwrap().bytes.clone()
    }

    /// Returns every screen that was drawn as a whole.
    pub fn screens(&self) -> Vec<vt100::Screen> {
        self.seen.lock().unwrap().shown.clone()
    }

    /// Waits until the screen shows a text.
    pub async fn shows(&self, text: &str) {
        within(&format!("the terminal shows `{text}`"), || async {
            self.screen().contains(text)
        })
        .await;
    }

    /// Waits for the end of the program, and of all that it wrote.
    pub async fn end(&mut self) -> i32 {
        let mut status = None;
        within("the program ends", || {
            status = self.child.try_wait().unwrap();
            let is_over = status.is_some();
            async move { is_over }
        })
        .await;
        // The reader reaches the end only when nobody has the program's side open any more.
        self.slave = None;
        self.reader.take().unwrap().join().unwrap();
        let status = status.unwrap();
        status
            .code()
            .unwrap_or_else(|| -status.signal().unwrap_or_default())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A test that failed half way leaves no program behind.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Waits until a command has checked for more than a second whether it should report its progress:
/// a thread of its own checks ten times a second.
pub async fn is_watched(command: &Child) {
    const LOOKS: u64 = 15;
    let before = n_looks(command);
    within("the command looks what it does", || async {
        n_looks(command) >= before + LOOKS
    })
    .await;
}

/// Returns how often that thread has gone to sleep.
fn n_looks(command: &Child) -> u64 {
    let threads = format!("/proc/{}/task", command.id());
    let threads = std::fs::read_dir(threads).unwrap();
    let status = threads.filter_map(|thread| {
        let status = thread.unwrap().path().join("status");
        std::fs::read_to_string(status).ok()
    });
    let found = status.into_iter().find_map(|status| {
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.map(|rest| rest.trim().to_owned())
        };
        let is_it = field("Name:").as_deref() == Some("ticker");
        is_it.then(|| field("voluntary_ctxt_switches:").unwrap().parse().unwrap())
    });
    found.unwrap_or_default()
}

fn read(mut master: File, seen: Arc<Mutex<Seen>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut buffer = [0; 4_096];
        // An error is the end: nobody has the other side open any more.
        while let Ok(n_bytes @ 1..) = master.read(&mut buffer) {
            let mut seen = seen.lock().unwrap();
            let Seen {
                bytes,
                parser,
                shown,
            } = &mut *seen;
            for byte in &buffer[..n_bytes] {
                bytes.push(*byte);
                parser.process(&[*byte]);
                if bytes.ends_with(END_FRAME) {
                    shown.push(parser.screen().clone());
                }
            }
        }
    })
}

fn cells(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap()
}

fn winsize(columns: u16, rows: u16) -> Winsize {
    Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}
