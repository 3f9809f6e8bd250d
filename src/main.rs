//! The `qlik-roster` command.

fn main() {}
