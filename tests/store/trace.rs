//! What can happen to a child at its calls to the kernel, and what was seen of it.

use std::fmt;

/// What happens to a child, and at which of its calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub what: What,
    /// The kind of call that it strikes.
    pub on: Call,
    /// Which of these calls it strikes, counted from 1 over all threads.
    pub at: usize,
}

/// What happens at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The process is killed as it makes the call.
    Kill,
    /// The process is killed when half of what the call writes is written.
    Tear,
    /// The call fails, as on a failing disk.
    Refuse,
    /// The disk is full: half of what this call writes still fits, and then nothing more.
    Fill,
}

/// A call that changes what is on disk, or syncs it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    pub name: &'static str,
    /// The path below the folder, empty for the folder itself; a star stands for what differs from
    /// run to run.
    pub file: String,
}

impl Call {
    /// Returns whether it writes bytes, of which half can be written.
    pub fn writes(&self) -> bool {
        matches!(self.name, "write" | "pwrite")
    }

    /// Returns whether the call may need disk space, and so fail on a full disk.
    pub fn takes_space(&self) -> bool {
        self.writes() || matches!(self.name, "make" | "mkdir" | "fallocate")
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of `{}`", self.name, self.file)
    }
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Exit(i32),
    Killed,
    /// It did not end, and was killed for that.
    Hung,
}

/// What a child did.
#[derive(Debug)]
pub struct Trace {
    /// All calls of all threads, in order.
    pub calls: Vec<Call>,
    /// Whether the child reached the call that the fault is for.
    pub has_struck: bool,
    /// What the child told, in order.
    pub told: Vec<String>,
    /// How much of that it had told when the fault struck.
    pub told_before: usize,
    pub end: End,
}
