//! Secrets: where they are kept, who may read them, and that no message repeats them.

use super::*;

#[test]
fn a_secret_can_be_rotated() {
    for two in [
        "secret_file = [\"hr-secret\", \"hr-old\"]",
        "secret_file = \"hr-secret\"\nsecret_env = \"OLD\"",
        "secret_env = [\"OLD\", \"OLD\"]",
    ] {
        let folder = Folder::with(&GOOD.replace("secret_file = \"hr-secret\"", two));
        folder.write("hr-old", SIGNING, 0o600);

        assert_eq!(
            problems_of(&folder, &[("OLD", SIGNING)]),
            Vec::<String>::new(),
            "{two}"
        );
    }
    let three = "secret_file = [\"hr-secret\", \"hr-secret\"]\nsecret_env = \"OLD\"";
    let three = GOOD.replace("secret_file = \"hr-secret\"", three);
    assert_eq!(
        wrong(&three, &[("OLD", SIGNING)]),
        ["config.conflict endpoints[0].secret_file"]
    );
}

#[test]
fn a_secret_that_others_can_read_is_refused() {
    let at = "config.secret-exposed connections[0].client_secret_file";
    for (mode, expected) in [
        (0o600, vec![]),
        (0o400, vec![]),
        (0o440, vec![]),
        (0o640, vec![at]),
        (0o604, vec![at]),
        (0o620, vec![at]),
    ] {
        let folder = Folder::with(GOOD);
        folder.write("eu-client-secret", "s", mode);

        assert_eq!(problems_of(&folder, &[]), expected, "{mode:o}");
    }
}

#[test]
fn credentials_that_systemd_passes_come_first_and_may_be_the_groups() {
    for (mode, n_problems) in [(0o400, 0), (0o440, 0), (0o444, 1)] {
        let folder = Folder::with(GOOD);
        fs::remove_file(folder.path("eu-client-secret")).unwrap();
        fs::create_dir(folder.path("credentials")).unwrap();
        folder.write("credentials/eu-client-secret", "passed", mode);
        let credentials = folder.path("credentials").display().to_string();

        let found = problems_of(&folder, &[("CREDENTIALS_DIRECTORY", &credentials)]);

        assert_eq!(found.len(), n_problems, "{mode:o} {found:?}");
    }
}

#[test]
fn secrets_that_kubernetes_mounts_may_be_the_groups() {
    for (mode, n_problems) in [(0o440, 0), (0o400, 0), (0o444, 1)] {
        let folder = Folder::with(&GOOD.replace("eu-client-secret", "mount/eu"));
        fs::create_dir_all(folder.path("mount/..2026_11_21")).unwrap();
        folder.write("mount/..2026_11_21/eu", "s", mode);
        symlink("..2026_11_21", folder.path("mount/..data")).unwrap();
        symlink("..data/eu", folder.path("mount/eu")).unwrap();

        let found = problems_of(&folder, &[]);

        assert_eq!(found.len(), n_problems, "{mode:o} {found:?}");
    }
}

#[test]
fn a_secret_written_where_its_place_belongs_is_not_repeated() {
    let secret = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    for (from, to) in [
        (
            "client_secret_file = \"eu-client-secret\"",
            format!("client_secret_file = \"{secret}\""),
        ),
        (
            "client_secret_file = \"eu-client-secret\"",
            format!("client_secret_env = \"{secret}\""),
        ),
        (
            "client_secret_file = \"eu-client-secret\"",
            format!("client_secret = \"{secret}\""),
        ),
    ] {
        let error = Folder::with(&GOOD.replace(from, &to))
            .load(&[])
            .unwrap_err();

        assert_eq!(error.code(), "config.secret-in-file");
        assert!(!format!("{error} {error:?}").contains(secret), "{error}");
    }
}

#[test]
fn a_secret_of_the_wrong_form_is_never_sent() {
    let at = "config.bad-secret connections[0].client_secret_file";
    for (text, expected) in [
        ("\u{feff}s3cret\r\n", vec![]),
        ("\"s3cret\"", vec![at]),
        ("id\ns3cret", vec![at]),
        ("s3\u{a0}cret", vec![at]),
    ] {
        let folder = Folder::with(GOOD);
        folder.write("eu-client-secret", text, 0o600);

        assert_eq!(problems_of(&folder, &[]), expected, "{text:?}");
        if let Err(error) = folder.load(&[]) {
            assert!(!format!("{error} {error:?}").contains("s3"), "{error}");
        }
    }
    let by_variable = GOOD.replace(
        "client_secret_file = \"eu-client-secret\"",
        "client_secret_env = \"EU\"",
    );
    assert_eq!(
        wrong(&by_variable, &[("EU", "'s3cret'")]),
        ["config.bad-secret connections[0].client_secret_env"]
    );
    let proxy = "proxy = \"http://roster@proxy.example.com:3128\"\nproxy_password_file = \"pw\"";
    let folder = Folder::with(&format!("{GOOD}{proxy}"));
    folder.write("pw", "p#s/w%41\n", 0o600);
    let config = folder.load(&[]).unwrap();
    let proxy = config.endpoints[0].egress().proxy.as_ref().unwrap();
    assert_eq!(proxy.user(), Some(("roster", "p#s/w%41")));
}
