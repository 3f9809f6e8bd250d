//! The image's build.

use super::{printed, read};

fn dockerfile() -> String {
    read("deploy/Dockerfile")
}

#[test]
fn the_linter_of_dockerfiles_is_quiet() {
    if let Some(said) = printed("hadolint", &["deploy/Dockerfile"]) {
        assert_eq!(said, "");
    }
}

#[test]
fn bases_are_named_by_digest() {
    let text = dockerfile();
    let bases: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("FROM "))
        .collect();

    assert_eq!(bases.len(), 2);
    for base in bases {
        let digest = base.split("@sha256:").nth(1).unwrap();
        let digest = digest.split(' ').next().unwrap();
        assert_eq!(digest.len(), 64, "{base}");
        assert!(digest.chars().all(|c| c.is_ascii_hexdigit()), "{base}");
    }
}

#[test]
fn the_image_needs_no_shell_and_no_root() {
    let text = dockerfile();
    let last = text.rsplit("\nFROM ").next().unwrap();

    for line in [
        "USER 65532:65532\n",
        "EXPOSE 8720\n",
        "  CMD [\"/usr/local/bin/qlik-roster\", \"health\"]\n",
        "ENTRYPOINT [\"/usr/local/bin/qlik-roster\"]\n",
    ] {
        assert!(last.contains(line), "{line}");
    }
    assert!(!last.contains("\nRUN "), "there is no shell to run it");
    let version = format!("ARG VERSION={}\n", env!("CARGO_PKG_VERSION"));
    assert!(last.contains(&version), "{version}");
}
