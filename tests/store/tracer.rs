//! Runs a child under ptrace: each write, sync and rename below a folder is seen before the kernel
//! carries it out, and the child may be killed there, or the call be torn or refused.
//!
//! `strace -e inject` counts calls for each thread and each sort of call on its own. The database
//! writes from threads that come and go, so most calls would never be hit; here there is one count
//! for all of them.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::libc::{self, user_regs_struct};
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill, raise};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::trace::{Call, End, Fault, Trace, What};

/// A child that takes longer hangs: alone it takes less than a second.
const PATIENCE: Duration = Duration::from_secs(60);

/// The most bytes of a path or a told line that are read.
const MAX_TEXT: usize = 4096;

/// Has this thread, and those that it starts, traced by the parent. Continues when the parent is
/// ready, or ends the process if tracing is not allowed.
pub fn let_trace() {
    match ptrace::traceme() {
        Ok(()) => raise(Signal::SIGSTOP).unwrap(),
        // The parent notices because the child ends without ever having stopped.
        Err(_refused) => std::process::exit(1),
    }
}

/// Runs a command whose process calls [`let_trace`] until it ends. Returns `None` if this machine
/// does not allow tracing.
#[expect(
    clippy::zombie_processes,
    reason = "the tracer waits for every thread of it"
)]
pub fn run(command: &mut Command, folder: &Path, fault: Option<&Fault>) -> Option<Trace> {
    let child = command.spawn().unwrap();
    let leader = Pid::from_raw(child.id().try_into().unwrap());
    let (done, waits) = sync_channel::<()>(0);
    let watchdog = thread::spawn(move || {
        let hung = waits.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout);
        if hung {
            unless_gone(kill(leader, Signal::SIGKILL));
        }
        hung
    });
    let mut tracer = Tracer {
        leader,
        folder,
        fault,
        alike: 0,
        under_way: BTreeMap::new(),
        is_traced: false,
        trace: Trace {
            calls: Vec::new(),
            has_struck: false,
            told: Vec::new(),
            told_before: 0,
            end: End::Hung,
        },
    };
    tracer.follow();
    drop(done);
    if watchdog.join().unwrap() {
        tracer.trace.end = End::Hung;
    }
    tracer.is_traced.then_some(tracer.trace)
}

struct Tracer<'run> {
    leader: Pid,
    folder: &'run Path,
    fault: Option<&'run Fault>,
    /// Calls so far that are like the one that the fault strikes.
    alike: usize,
    /// Threads that are inside a call, and what happens to that call.
    under_way: BTreeMap<Pid, Fate>,
    is_traced: bool,
    trace: Trace,
}

/// What happens to a call.
#[derive(Clone, Copy)]
enum Fate {
    Passes,
    /// The process is killed instead of making the call.
    IsTheLast,
    /// The process is killed after the call.
    WasTheLast,
    Fails(Errno),
}

impl Tracer<'_> {
    /// Waits for each of the child's threads until none is left.
    fn follow(&mut self) {
        // Other tests have children too, of other threads; this waits only for its own.
        let ours = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
        loop {
            match waitpid(None, Some(ours)) {
                Err(Errno::ECHILD) => return,
                Err(Errno::EINTR) => {}
                Err(refused) => panic!("waiting for the child: {refused}"),
                Ok(WaitStatus::Exited(pid, code)) if pid == self.leader => {
                    self.trace.end = End::Exit(code);
                }
                Ok(WaitStatus::Signaled(pid, ..)) if pid == self.leader => {
                    self.trace.end = End::Killed;
                }
                Ok(WaitStatus::PtraceSyscall(pid)) => self.stop(pid),
                Ok(WaitStatus::PtraceEvent(pid, ..)) => go_on(pid, None),
                // The first stop of each thread.
                Ok(WaitStatus::Stopped(pid, Signal::SIGSTOP)) => {
                    if !self.is_traced {
                        self.is_traced = true;
                        let options = Options::PTRACE_O_TRACESYSGOOD
                            | Options::PTRACE_O_TRACECLONE
                            | Options::PTRACE_O_EXITKILL;
                        ptrace::setoptions(pid, options).unwrap();
                    }
                    go_on(pid, None);
                }
                Ok(WaitStatus::Stopped(pid, signal)) => go_on(pid, Some(signal)),
                Ok(_) => {}
            }
        }
    }

    /// A thread enters a call or leaves it.
    fn stop(&mut self, pid: Pid) {
        let Ok(mut regs) = ptrace::getregs(pid) else {
            // Killed meanwhile.
            return;
        };
        let Some(fate) = self.under_way.remove(&pid) else {
            let fate = self.enter(pid, &mut regs);
            if let Fate::IsTheLast = fate {
                // The child is killed while it is stopped before the call, so the call never
                // happens.
                unless_gone(kill(self.leader, Signal::SIGKILL));
                return;
            }
            self.under_way.insert(pid, fate);
            return go_on(pid, None);
        };
        match fate {
            Fate::Passes => {}
            Fate::WasTheLast => {
                unless_gone(kill(self.leader, Signal::SIGKILL));
                return;
            }
            Fate::Fails(with) => {
                regs.rax = i64::from(with as i32).wrapping_neg().cast_unsigned();
                unless_gone(ptrace::setregs(pid, regs));
            }
            Fate::IsTheLast => unreachable!("it never went in"),
        }
        go_on(pid, None);
    }

    fn enter(&mut self, pid: Pid, regs: &mut user_regs_struct) -> Fate {
        let call = match sight(pid, regs, self.folder) {
            None => return Fate::Passes,
            Some(Sight::Output(told)) => {
                self.trace.told.push(told);
                return Fate::Passes;
            }
            Some(Sight::Call(call)) => call,
        };
        self.trace.calls.push(call.clone());
        let Some(fault) = self.fault else {
            return Fate::Passes;
        };
        if self.trace.has_struck {
            return match fault.what {
                What::Fill if call.takes_space() => refuse(pid, regs, Errno::ENOSPC),
                What::Fill | What::Kill | What::Tear | What::Refuse => Fate::Passes,
            };
        }
        self.alike += usize::from(call == fault.on);
        if self.alike < fault.at {
            return Fate::Passes;
        }
        self.trace.has_struck = true;
        self.trace.told_before = self.trace.told.len();
        match fault.what {
            What::Kill => Fate::IsTheLast,
            What::Tear => {
                write_half(pid, regs);
                Fate::WasTheLast
            }
            What::Fill if call.writes() && regs.rdx > 1 => {
                write_half(pid, regs);
                Fate::Passes
            }
            What::Fill => refuse(pid, regs, Errno::ENOSPC),
            What::Refuse => refuse(pid, regs, Errno::EIO),
        }
    }
}

/// Lets a thread run to its next stop.
fn go_on(pid: Pid, signal: Option<Signal>) {
    unless_gone(ptrace::syscall(pid, signal));
}

/// Ignores that a thread is gone: it was killed meanwhile.
fn unless_gone(outcome: nix::Result<()>) {
    match outcome {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(refused) => panic!("tracing: {refused}"),
    }
}

fn write_half(pid: Pid, regs: &mut user_regs_struct) {
    regs.rdx /= 2;
    unless_gone(ptrace::setregs(pid, *regs));
}

/// Turns a call into no call at all; its result is set when it returns.
fn refuse(pid: Pid, regs: &mut user_regs_struct, with: Errno) -> Fate {
    regs.orig_rax = u64::MAX;
    unless_gone(ptrace::setregs(pid, *regs));
    Fate::Fails(with)
}

enum Sight {
    Call(Call),
    /// The child told something on its standard output.
    Output(String),
}

/// How a call names the file that it works on.
enum Place {
    Descriptor(u64),
    /// The address of a path. The store uses only absolute paths.
    Path(u64),
    /// An open folder, and the address of a name in it. Removing a whole folder uses this form.
    Within(u64, u64),
}

/// Finds out what a thread is about to call.
fn sight(pid: Pid, regs: &user_regs_struct, folder: &Path) -> Option<Sight> {
    let (first, second) = (regs.rdi, regs.rsi);
    let (name, place) = match i64::try_from(regs.orig_rax).ok()? {
        libc::SYS_write if first == 1 => {
            let told = text(pid, second, regs.rdx.try_into().ok()?)?;
            let (_, told) = told.split_once("told ")?;
            return Some(Sight::Output(told.trim_end().strip_suffix('.')?.to_owned()));
        }
        libc::SYS_write => ("write", Place::Descriptor(first)),
        libc::SYS_pwrite64 => ("pwrite", Place::Descriptor(first)),
        libc::SYS_writev | libc::SYS_pwritev | libc::SYS_pwritev2 => {
            panic!("a sort of write whose half this test does not know")
        }
        libc::SYS_fallocate => ("fallocate", Place::Descriptor(first)),
        libc::SYS_ftruncate => ("truncate", Place::Descriptor(first)),
        libc::SYS_fsync => ("fsync", Place::Descriptor(first)),
        libc::SYS_fdatasync => ("fdatasync", Place::Descriptor(first)),
        libc::SYS_sync_file_range => ("sync_file_range", Place::Descriptor(first)),
        libc::SYS_fchmod => ("chmod", Place::Descriptor(first)),
        libc::SYS_openat if regs.rdx & makes() != 0 => ("open", Place::Path(second)),
        libc::SYS_open if second & makes() != 0 => ("open", Place::Path(first)),
        libc::SYS_mkdir => ("mkdir", Place::Path(first)),
        libc::SYS_mkdirat => ("mkdir", Place::Path(second)),
        libc::SYS_rename => ("rename", Place::Path(first)),
        libc::SYS_renameat | libc::SYS_renameat2 => ("rename", Place::Path(second)),
        libc::SYS_unlink => ("unlink", Place::Path(first)),
        libc::SYS_unlinkat if regs.rdx & removes_folder() != 0 => {
            ("rmdir", Place::Within(first, second))
        }
        libc::SYS_unlinkat => ("unlink", Place::Within(first, second)),
        libc::SYS_rmdir => ("rmdir", Place::Path(first)),
        libc::SYS_chmod => ("chmod", Place::Path(first)),
        libc::SYS_fchmodat => ("chmod", Place::Path(second)),
        libc::SYS_truncate => ("truncate", Place::Path(first)),
        _ => return None,
    };
    let path = match place {
        Place::Descriptor(number) => std::fs::read_link(format!("/proc/{pid}/fd/{number}")).ok()?,
        Place::Path(address) => path_at(pid, address)?,
        Place::Within(folder, address) => {
            let name = path_at(pid, address)?;
            match name.is_absolute() {
                true => name,
                false => std::fs::read_link(format!("/proc/{pid}/fd/{folder}"))
                    .ok()?
                    .join(name),
            }
        }
    };
    let file = general(path.strip_prefix(folder).ok()?);
    let name = match (name, path.exists()) {
        ("open", false) => "make",
        // The folder exists already, so this takes no disk space.
        ("mkdir", true) => return None,
        (name, _) => name,
    };
    Some(Sight::Call(Call { name, file }))
}

/// Puts a star in place of the log position by which sled names its files.
fn general(path: &Path) -> String {
    let text = path.to_string_lossy();
    match text.rsplit_once('/') {
        Some((folder, name)) if folder.ends_with("/blobs") => {
            let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
            format!("{folder}/{}", if is_number { "*" } else { name })
        }
        Some((folder, name)) if name.starts_with("snap.") => {
            let is_half = name.ends_with(".generating");
            format!(
                "{folder}/snap.*{}",
                if is_half { ".generating" } else { "" }
            )
        }
        Some(_) | None => text.into_owned(),
    }
}

/// The flags with which an open call may change something.
fn makes() -> u64 {
    u64::from((libc::O_CREAT | libc::O_TRUNC).unsigned_abs())
}

/// The flag with which a removal call removes a folder.
fn removes_folder() -> u64 {
    u64::from(libc::AT_REMOVEDIR.unsigned_abs())
}

fn path_at(pid: Pid, address: u64) -> Option<PathBuf> {
    let text = text(pid, address, MAX_TEXT)?;
    Some(PathBuf::from(text.split('\0').next()?))
}

/// Reads from the memory of a thread that is stopped.
fn text(pid: Pid, address: u64, len: usize) -> Option<String> {
    let memory = File::open(format!("/proc/{pid}/mem")).ok()?;
    let mut bytes = vec![0; len.min(MAX_TEXT)];
    let mut read = 0;
    // The memory after a path may not be mapped, so it is read page by page.
    while read < bytes.len() {
        let here = address + read as u64;
        let to_page_end = 4096 - usize::try_from(here % 4096).ok()?;
        let end = bytes.len().min(read + to_page_end);
        match memory.read_at(bytes.get_mut(read..end)?, here) {
            Ok(0) | Err(_) => break,
            Ok(n) => read += n,
        }
    }
    bytes.truncate(read);
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
