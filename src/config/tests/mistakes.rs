//! One mistake at a time: what is reported, and for which key.

use super::*;

/// Changes to the valid configuration, and what is then wrong.
const CHANGES: &[(&str, &str, &str)] = &[
    (
        "connection = \"eu\"",
        "connection = \"eu\"\npoll = \"2h\"",
        "config.bad-duration tenants[0].poll",
    ),
    (
        "connection = \"eu\"",
        "connection = \"eu\"\nwebhook_secret_file = \"eu-client-secret\"",
        "config.secret-missing tenants[0].webhook_secret_file",
    ),
    (
        "connection = \"eu\"",
        "connection = \"eu\"\nwebhook_secret_env = \"NOT_THERE\"",
        "config.secret-missing tenants[0].webhook_secret_env",
    ),
    (
        "connection = \"eu\"",
        "connection = \"eu\"\npoll = \"off\"\nwebhook_secret_file = \"hr-secret\"",
        "config.conflict tenants[0].poll",
    ),
    (
        "secret_file = \"hr-secret\"",
        "secret_file = \"hr-secret\"\ntimeout = \"soon\"",
        "config.bad-duration endpoints[0].timeout",
    ),
    (
        "secret_file = \"hr-secret\"",
        "secret_file = \"hr-secret\"\ntimeout = \"121s\"",
        "config.bad-endpoint endpoints[0].timeout",
    ),
    (
        "https://hr.example.com",
        "https://169.254.169.254",
        "config.bad-endpoint endpoints[0].url",
    ),
    (
        "https://hr.example.com",
        "https://2130706433",
        "config.bad-endpoint endpoints[0].url",
    ),
    (
        "secret_file = \"hr-secret\"",
        "secret_file = \"hr-secret\"\nevents = [\"user.removed\"]",
        "config.bad-event endpoints[0].events",
    ),
    (
        "secret_file = \"hr-secret\"",
        "secret_file = \"hr-secret\"\nevents = []",
        "config.bad-event endpoints[0].events",
    ),
    (
        "secret_file = \"hr-secret\"",
        "secret_file = \"eu-client-secret\"",
        "config.bad-secret endpoints[0].secret_file",
    ),
    (
        "host = \"acme.eu.qlikcloud.com\"",
        "host = \"acme\"",
        "config.bad-host tenants[0].host",
    ),
    (
        "host = \"acme.eu.qlikcloud.com\"",
        "host = \"http://acme.eu.qlikcloud.com\"",
        "config.bad-host tenants[0].host",
    ),
    (
        "host = \"acme.eu.qlikcloud.com\"",
        "host = \"10.0.0.5:80\"",
        "config.bad-host tenants[0].host",
    ),
    (
        "name = \"acme\"",
        "name = \"ac/me\"",
        "config.bad-name tenants[0].name",
    ),
    (
        "name = \"acme\"",
        "",
        "config.missing-value tenants[0].name",
    ),
    (
        "name = \"acme\"",
        "name = 5",
        "config.wrong-type tenants[0].name",
    ),
    (
        "connection = \"eu\"",
        "connection = \"us\"",
        "config.unknown-connection tenants[0].connection",
    ),
    (
        "kind = \"tenant\"",
        "kind = \"reign\"",
        "config.unsupported-kind connections[0].kind",
    ),
    (
        "kind = \"tenant\"",
        "",
        "config.missing-value connections[0].kind",
    ),
    (
        "client_id = \"id\"",
        "",
        "config.missing-value connections[0].client_id",
    ),
    (
        "client_id = \"id\"",
        "client_id = \"id\"\ncolour = 1",
        "config.unknown-key connections[0].colour",
    ),
    (
        "client_id = \"id\"",
        "client_id = \"id\"\nrequests_per_minute = -1",
        "config.wrong-type connections[0].requests_per_minute",
    ),
    (
        "client_id = \"id\"",
        "client_id = \"id\"\nrequests_per_minute = \"many\"",
        "config.wrong-type connections[0].requests_per_minute",
    ),
    (
        "client_id = \"id\"",
        "client_id = \"id\"\noutlast = \"61m\"",
        "config.bad-duration connections[0].outlast",
    ),
    (
        "client_id = \"id\"",
        "client_id = \"id\"\nrate_share = 1.5",
        "config.out-of-range connections[0].rate_share",
    ),
    (
        "client_id = \"id\"",
        "client_id = \"id\"\nrate_share = 0",
        "config.out-of-range connections[0].rate_share",
    ),
    (
        "client_id = \"id\"",
        "client_id = \"id\"\nrate_share = 0.5\nrequests_per_minute = 5",
        "config.conflict connections[0].rate_share",
    ),
    (
        "client_id = \"id\"",
        "client_id = \"id\"\napi_key_env = \"K\"",
        "config.conflict connections[0].api_key_env",
    ),
    (
        "client_id = \"id\"",
        "client_id = \"id\"\nclient_secret_env = \"K\"",
        "config.conflict connections[0].client_secret_env",
    ),
    (
        "client_secret_file = \"eu-client-secret\"",
        "",
        "config.missing-value connections[0].client_secret_file",
    ),
    (
        "client_secret_file = \"eu-client-secret\"",
        "client_secret = \"x\"",
        "config.secret-in-file connections[0].client_secret",
    ),
    (
        "client_secret_file = \"eu-client-secret\"",
        "client_secret_file = \"gone\"",
        "config.secret-missing connections[0].client_secret_file",
    ),
    (
        "client_secret_file = \"eu-client-secret\"",
        "client_secret_file = \".\"",
        "config.secret-missing connections[0].client_secret_file",
    ),
    (
        "client_secret_file = \"eu-client-secret\"",
        "client_secret_env = \"GONE\"",
        "config.secret-missing connections[0].client_secret_env",
    ),
    (
        "host = \"acme.eu.qlikcloud.com\"",
        "",
        "config.missing-value tenants[0].host",
    ),
    (
        "[[tenants]]",
        "[[tenants]]\nschedule = \"often\"",
        "config.bad-schedule tenants[0].schedule",
    ),
    (
        "https://hr",
        "http://hr",
        "config.plain-http endpoints[0].url",
    ),
    ("https://hr", "ftp://hr", "config.bad-url endpoints[0].url"),
    (
        "https://hr",
        "https://a:b@hr",
        "config.bad-url endpoints[0].url",
    ),
    (
        "https://hr.example.com/hooks",
        "hr",
        "config.bad-url endpoints[0].url",
    ),
    (
        "secret_file = \"hr-secret\"",
        "",
        "config.missing-value endpoints[0].secret_file",
    ),
    (
        "secret_file = \"hr-secret\"",
        "secret = \"x\"",
        "config.secret-in-file endpoints[0].secret",
    ),
    (
        "secret_file = \"hr-secret\"",
        "secret_file = \"whsec_abc\"",
        "config.secret-in-file endpoints[0].secret_file",
    ),
    (
        "secret_file = \"hr-secret\"",
        "secret_file = []",
        "config.wrong-type endpoints[0].secret_file",
    ),
    (
        "secret_file = \"hr-secret\"",
        "secret_file = [\"hr-secret\", 5]",
        "config.wrong-type endpoints[0].secret_file[1]",
    ),
    (
        "secret_file = \"hr-secret\"",
        "secret_file = \"hr-secret\"\nevents = \"user.*\"",
        "config.wrong-type endpoints[0].events",
    ),
    (
        "secret_file = \"hr-secret\"",
        "secret_file = \"hr-secret\"\nallow_private = [\"10.0.0.0/99\"]",
        "config.bad-network endpoints[0].allow_private[0]",
    ),
    (
        "secret_file = \"hr-secret\"",
        "secret_file = \"hr-secret\"\nallow_http = true",
        "config.conflict endpoints[0].allow_http",
    ),
    (
        "secret_file = \"hr-secret\"",
        "secret_file = \"hr-secret\"\nallow_http = \"yes\"",
        "config.wrong-type endpoints[0].allow_http",
    ),
    (
        "[[endpoints]]",
        "[sync]\nschedule = \"5s\"\n[[endpoints]]",
        "config.bad-schedule sync.schedule",
    ),
    (
        "[[endpoints]]",
        "[sync]\nschedule = \"61 * * * *\"\n[[endpoints]]",
        "config.bad-schedule sync.schedule",
    ),
    (
        "[[endpoints]]",
        "[sync]\ntimezone = \"Berlin\"\n[[endpoints]]",
        "config.bad-time-zone sync.timezone",
    ),
    (
        "[[endpoints]]",
        "[sync]\nconcurrency = 0\n[[endpoints]]",
        "config.out-of-range sync.concurrency",
    ),
    (
        "[[endpoints]]",
        "[sync]\nconcurrency = 101\n[[endpoints]]",
        "config.out-of-range sync.concurrency",
    ),
    (
        "[[endpoints]]",
        "[sync]\njitter = \"2h\"\n[[endpoints]]",
        "config.bad-duration sync.jitter",
    ),
    (
        "[[endpoints]]",
        "[store]\nkeep = \"59m\"\n[[endpoints]]",
        "config.out-of-range store.keep",
    ),
    (
        "[[endpoints]]",
        "[store]\nkeep_runs = 499\n[[endpoints]]",
        "config.out-of-range store.keep_runs",
    ),
    (
        "[[endpoints]]",
        "[server]\nlisten = \"8720\"\n[[endpoints]]",
        "config.bad-address server.listen",
    ),
    (
        "[[endpoints]]",
        "[server]\nlisten = 8720\n[[endpoints]]",
        "config.wrong-type server.listen",
    ),
    (
        "[[endpoints]]",
        "[sevrer]\n[[endpoints]]",
        "config.unknown-key sevrer",
    ),
    (
        "[[endpoints]]",
        "[log]\nlevel = \"loud\"\n[[endpoints]]",
        "config.bad-log log.level",
    ),
    (
        "[[endpoints]]",
        "[log]\nformat = \"xml\"\n[[endpoints]]",
        "config.bad-log log.format",
    ),
];

#[test]
fn one_change_makes_one_problem() {
    for &(from, to, problem) in CHANGES {
        assert!(GOOD.contains(from), "{from}");

        let found = wrong(&GOOD.replace(from, to), &[]);

        assert_eq!(found, [problem], "{from} -> {to}");
    }
    assert_eq!(wrong(GOOD, &[]), Vec::<String>::new());
}
