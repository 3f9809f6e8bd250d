//! Replaces the tracer on machines that it does not support: nothing is traced.

use std::path::Path;
use std::process::Command;

use crate::trace::{Fault, Trace};

pub fn let_trace() {
    std::process::exit(1);
}

pub fn run(_: &mut Command, _: &Path, _: Option<&Fault>) -> Option<Trace> {
    None
}
