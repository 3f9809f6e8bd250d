//! Exports that are written on a schedule.

use super::*;
use crate::export::{Readers, ReportFormat, ReportName};

const SECTION: &str = "[[exports]]\nname = \"bi\"\nfolder = \"out\"\nschedule = \"0 5 * * *\"\n";

#[test]
fn an_export_has_defaults_and_a_folder_beside_the_file() {
    let folder = Folder::with(&format!("{GOOD}{SECTION}"));
    let config = folder.load(&[]).unwrap();

    let export = &config.exports[0];
    assert_eq!(export.folder, folder.path("out"));
    assert_eq!(export.reports.len(), ReportName::ALL.len() - 1);
    assert_eq!(export.format, ReportFormat::Csv);
    assert_eq!((export.keep, export.readers), (7, Readers::Owner));
    assert_eq!(export.tenants, None);
}

#[test]
fn what_is_wrong_with_an_export_is_said_at_its_key() {
    for (more, expected) in [
        (
            "reports = [\"people\"]",
            "config.bad-choice exports[0].reports",
        ),
        (
            "reports = [\"changes\"]",
            "config.conflict exports[0].reports",
        ),
        ("reports = []", "config.conflict exports[0].reports"),
        ("tenants = []", "config.conflict exports[0].tenants"),
        (
            "tenants = [\"acme\", \"acmee\"]",
            "config.unknown-tenant exports[0].tenants[1]",
        ),
        ("format = \"xlsx\"", "config.bad-choice exports[0].format"),
        (
            "timezone = \"Mars\"",
            "config.bad-time-zone exports[0].timezone",
        ),
        ("keep = 0", "config.out-of-range exports[0].keep"),
        ("keep = 1001", "config.out-of-range exports[0].keep"),
        ("readers = \"all\"", "config.bad-choice exports[0].readers"),
        ("every = \"1d\"", "config.unknown-key exports[0].every"),
    ] {
        assert_eq!(
            wrong(&format!("{GOOD}{SECTION}{more}\n"), &[]),
            [expected],
            "{more}"
        );
    }
    let several = format!("{GOOD}[[exports]]\n{SECTION}{SECTION}");
    assert_eq!(
        wrong(&several, &[]),
        [
            "config.missing-value exports[0].folder",
            "config.missing-value exports[0].name",
            "config.missing-value exports[0].schedule",
            "config.duplicate-name exports[2].name",
        ]
    );
    let in_store = SECTION.replace("\"out\"", "\"qlik-roster-data/out\"");
    assert_eq!(
        wrong(&format!("{GOOD}{in_store}"), &[]),
        ["config.conflict exports[0].folder"]
    );
    let bad = SECTION.replace("0 5 * * *", "sometimes");
    assert_eq!(
        wrong(&format!("{GOOD}{bad}"), &[]),
        ["config.bad-schedule exports[0].schedule"]
    );
}

/// What may be a host name, an id, or a tenant that a connection finds, is for the daemon to judge.
#[test]
fn what_may_be_a_tenant_is_not_refused() {
    for name in ["other.eu.qlikcloud.com", "xqFQ0k66vSR8d9G7J-vZtHZQkiYrCpct"] {
        let text = format!("{GOOD}{SECTION}tenants = [\"{name}\"]\n");
        assert_eq!(wrong(&text, &[]), [""; 0], "{name}");
    }
    let region = "[[connections]]\nname = \"us\"\nkind = \"region\"\nclient_id = \"id\"\n\
                  client_secret_file = \"eu-client-secret\"\nhosts = [\"b.us.qlikcloud.com\"]\n";
    let text = format!("{GOOD}{region}{SECTION}tenants = [\"b\"]\n");
    assert_eq!(wrong(&text, &[]), [""; 0]);
}
