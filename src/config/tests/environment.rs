//! Settings from the environment, and which file is read.

use super::*;
use crate::environment_proxy::ProxyChoice;

#[test]
fn the_environment_wins_over_the_file() {
    let folder = Folder::with(&format!("[sync]\nschedule = \"1h\"\n{GOOD}"));

    let config = folder.load(&[
        ("QLIK_ROSTER__SYNC__SCHEDULE", "2h"),
        ("QLIK_ROSTER__SERVER__LISTEN", "[::1]:9000"),
        ("QLIK_ROSTER__LOG__LEVEL", "warn"),
        ("QLIK_ROSTER__STORE__PATH", "5"),
        ("RUST_LOG", "qlik_roster=debug"),
        ("STATE_DIRECTORY", "/var/lib/other"),
    ]);

    let config = config.unwrap();
    assert_eq!(config.sync.schedule.to_string(), "2h");
    assert_eq!(config.server.listen.to_string(), "[::1]:9000");
    assert_eq!(config.store, folder.path("5"));
    assert_eq!(config.log.filter.as_str(), "qlik_roster=debug");
}

/// Returns which proxy requests to the tenant and to an endpoint of that address go through.
fn proxied(url: &str, variables: &[(&str, &str)]) -> [Option<String>; 2] {
    let keys = "proxy = \"environment\"\n";
    let text = GOOD.replace("https://hr.example.com/hooks", url) + keys;
    let config = Folder::with(&text).load(variables).unwrap();
    let tenant = match config.tenants[0].options.proxy_choice() {
        ProxyChoice::Through(proxy) => Some(proxy),
        _ => None,
    };
    let endpoint = config.endpoints[0].egress().proxy.as_ref();
    [tenant, endpoint].map(|proxy| Some(format!("{} {}", proxy?.origin(), proxy?.named_by())))
}

#[test]
fn the_first_proxy_variable_that_is_set_holds_for_tenants_and_endpoints_alike() {
    const HR: &str = "https://hr.example.com/hooks";
    let all = [
        ("https_proxy", "http://a"),
        ("HTTPS_PROXY", "http://b"),
        ("all_proxy", "http://c"),
        ("ALL_PROXY", "http://d"),
    ];
    for (n, (name, address)) in all.iter().enumerate() {
        // An empty variable counts as not set.
        let mut variables = vec![("https_proxy", ""), ("HTTP_PROXY", "http://x")];
        variables.extend(&all[n..]);

        let expected = Some(format!("{address} {name}"));
        assert_eq!(proxied(HR, &variables), [expected.clone(), expected]);
    }
    let straight = |exempt, url| {
        let [tenant, endpoint] = proxied(url, &[("HTTPS_PROXY", "b"), ("NO_PROXY", exempt)]);
        [tenant.is_none(), endpoint.is_none()]
    };
    assert_eq!(straight("*.qlikcloud.com", HR), [true, false]);
    assert_eq!(straight("example.com", HR), [false, true]);
    assert_eq!(straight("*", HR), [true, true]);
    assert_eq!(proxied(HR, &[("HTTP_PROXY", "http://x")]), [None, None]);
    assert_eq!(
        proxied(
            HR,
            &[("ALL_PROXY", "b"), ("no_proxy", "*"), ("NO_PROXY", "x")]
        ),
        [None, None]
    );
}

#[test]
fn an_entry_of_no_proxy_that_fits_no_host_is_told_of() {
    let variables = [
        ("HTTPS_PROXY", "b"),
        ("NO_PROXY", "example.com,10.0.0.0/99"),
    ];

    let config = Folder::with(GOOD).load(&variables).unwrap();

    let told = config
        .without_effect
        .iter()
        .map(|it| (it.key.as_str(), it.why.as_str()));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [("NO_PROXY", "the entry `10.0.0.0/99` matches no host")]
    );
}

#[test]
fn a_bad_variable_is_named() {
    for (name, value, expected) in [
        (
            "QLIK_ROSTER__SYNC__SCHEDULE",
            "x",
            "environment variable QLIK_ROSTER__SYNC__SCHEDULE: `sync.schedule`: `x` is not an",
        ),
        (
            "QLIK_ROSTER__SYNC__SHEDULE",
            "1h",
            "environment variable QLIK_ROSTER__SYNC__SHEDULE: has no effect; known in [sync]",
        ),
        (
            "QLIK_ROSTER__TENANTS__0__HOST",
            "x",
            "environment variable QLIK_ROSTER__TENANTS__0__HOST: has no effect; write",
        ),
        (
            "QLIK_ROSTER__SCHEDULE",
            "x",
            "environment variable QLIK_ROSTER__SCHEDULE: has no effect; write QLIK_ROSTER__SECTION__KEY",
        ),
        (
            "QLIK_ROSTER__STORE_PORT",
            "tcp://10.0.0.7:80",
            "environment variable QLIK_ROSTER__STORE_PORT: has no effect; Kubernetes sets it, for a \
             service whose name begins like our variables; write `enableServiceLinks: false`",
        ),
        (
            "QLIK_ROSTER__STORE_PORT_80_TCP_PROTO",
            "tcp",
            "environment variable QLIK_ROSTER__STORE_PORT_80_TCP_PROTO: has no effect; Kubernetes",
        ),
        (
            "QLIK_ROSTER__STORE_SERVICE_HOST",
            "10.0.0.7",
            "environment variable QLIK_ROSTER__STORE_SERVICE_HOST: has no effect; Kubernetes",
        ),
        (
            "RUST_LOG",
            "loud",
            "environment variable RUST_LOG: has no effect; `loud`",
        ),
    ] {
        let error = Folder::with(GOOD)
            .load(&[(name, value)])
            .unwrap_err()
            .to_string();

        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn the_store_is_where_systemd_says_unless_the_file_does() {
    let state = [("STATE_DIRECTORY", "/var/lib/qlik-roster:/var/lib/other")];

    let config = Folder::with(GOOD).load(&state).unwrap();
    assert_eq!(config.store, PathBuf::from("/var/lib/qlik-roster"));

    let beside = Folder::with(&format!("[store]\npath = \"data/roster\"\n{GOOD}"));
    let config = beside.load(&state).unwrap();
    assert_eq!(config.store, beside.path("data/roster"));

    let named = format!("[store]\npath = \"/srv/roster\"\n{GOOD}");
    assert_eq!(
        Folder::with(&named).load(&state).unwrap().store,
        PathBuf::from("/srv/roster")
    );
}

#[test]
fn a_named_file_is_not_replaced_by_a_usual_one() {
    let folder = Folder::with(GOOD);
    let (there, gone) = (folder.path("qlik-roster.toml"), folder.path("gone.toml"));
    let usual = [gone.clone(), there.clone()];
    let by_variable: Environment = [("QLIK_ROSTER_CONFIG", there.to_str().unwrap())]
        .into_iter()
        .collect();
    let find = |named: Option<&Path>, environment: &Environment, usual: &[PathBuf]| {
        locate::find(named, environment, usual).map_err(|error| error.code())
    };

    assert_eq!(
        find(None, &Environment::default(), &usual),
        Ok(there.clone())
    );
    assert_eq!(find(None, &by_variable, &[]), Ok(there));
    assert_eq!(
        find(Some(&gone), &by_variable, &usual),
        Err("config.not-found")
    );
    assert_eq!(
        find(None, &Environment::default(), &[]),
        Err("config.not-found")
    );
}

#[test]
fn a_file_of_authorities_with_nothing_in_it_is_an_error_at_start() {
    let folder = Folder::with(GOOD);
    folder.write("empty.pem", "", 0o644);
    for (name, expected) in [
        ("empty.pem", "there is no certificate in"),
        ("gone.pem", "no certificate could be read from"),
    ] {
        let file = folder.path(name).display().to_string();

        let error = folder.load(&[("SSL_CERT_FILE", &file)]).unwrap_err();

        assert_eq!(error.code(), "config.no-authorities");
        let start = format!("environment variable SSL_CERT_FILE: {expected} {file}");
        assert!(error.to_string().starts_with(&start), "{error}");
    }
    let issued = rcgen::generate_simple_self_signed(vec!["corp".into()]).unwrap();
    folder.write(
        "one.pem",
        &format!("{}-----BEGIN CERT", issued.cert.pem()),
        0o644,
    );
    let file = folder.path("one.pem").display().to_string();
    assert!(folder.load(&[("SSL_CERT_FILE", &file)]).is_ok());
}
