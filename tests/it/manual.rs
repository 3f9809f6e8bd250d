//! Manual pages and completions are made from the commands themselves.

use std::io::Write;
use std::process::{Command, Stdio};

fn run(args: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qlik-roster"));
    let output = command.args(args).env_clear().output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.success(), text)
}

/// Returns the commands that the help lists.
fn commands() -> Vec<String> {
    let (_, help) = run(&["--help"]);
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.is_empty());
    // The description of a command continues in lines that are indented further.
    let names = listed.filter(|line| !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next());
    let names = names.filter(|name| *name != "help");
    names.map(str::to_owned).collect()
}

#[test]
fn each_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    assert!(run(&["man", pages.to_str().unwrap()]).0);

    let names = commands();
    assert!(names.len() > 15, "{names:?}");
    let main = std::fs::read_to_string(pages.join("qlik-roster.1")).unwrap();
    assert!(main.contains(".TH"));
    for name in &names {
        let page = std::fs::read_to_string(pages.join(format!("qlik-roster-{name}.1"))).unwrap();
        assert!(page.contains(".SH SYNOPSIS"), "{name}");
    }
    let sub = std::fs::read_to_string(pages.join("qlik-roster-plan-approve.1")).unwrap();
    assert!(sub.contains("plan\\-7"), "{sub}");
}

#[test]
fn completions_know_each_command_and_are_taken_by_the_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (is_success, text) = run(&["completions", shell]);
        assert!(is_success);
        for name in commands() {
            assert!(text.contains(&name), "{shell}: {name}");
        }
    }
    let (_, text) = run(&["completions", "bash"]);
    let function = text.split("complete -F ").nth(1).unwrap();
    let function = function.split_whitespace().next().unwrap();
    let script = format!(
        "{text}\nCOMP_WORDS=(qlik-roster plan ap)\nCOMP_CWORD=2\n{function} qlik-roster ap plan\n\
         echo \"${{COMPREPLY[@]}}\"\n"
    );
    let mut bash = Command::new("bash")
        .arg("--norc")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = bash.stdin.take().unwrap();
    input.write_all(script.as_bytes()).unwrap();
    drop(input);
    let output = bash.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), "approve");
}

#[test]
fn the_manual_of_commands_has_each() {
    let manual = include_str!("../../docs/cli.md");
    for name in commands() {
        let named = manual.lines().any(|line| {
            let cell = line
                .strip_prefix("| ")
                .and_then(|line| line.split(" |").next());
            cell.is_some_and(|cell| cell.contains(&format!("`{name}`")))
        });
        assert!(named, "docs/cli.md does not name {name}");
    }
}
