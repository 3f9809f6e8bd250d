//! What the standard variables `OTEL_…` say about traces. Pure.
//!
//! The variables for batches, limits of spans, the sampler, headers and compression are read by the
//! SDK itself.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use url::Url;

use crate::printable;

const ENDPOINT: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
];
const PROTOCOL: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
];
const TIMEOUT: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
];
const CERTIFICATE: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
];
const CLIENT_CERTIFICATE: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
];
const CLIENT_KEY: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY",
    "OTEL_EXPORTER_OTLP_CLIENT_KEY",
];

/// Where a collector listens if only the exporter is named.
const USUAL_ENDPOINT: &str = "http://localhost:4318/v1/traces";

/// The path that is added to an address that is for all signals.
const PATH: &str = "v1/traces";

/// How long a collector may take to answer by default.
const USUAL_TIMEOUT: Duration = Duration::from_secs(10);

/// What the sampler may be called; others stand for the default.
const SAMPLERS: [&str; 6] = [
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
];

/// Whether traces are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "one is made for each process")]
pub enum WantedTraces {
    /// No variable asks for them, or one switches them off.
    Off {
        /// What was not understood, because of which they may not be sent.
        ignored: Vec<Ignored>,
    },
    /// They are sent.
    On(TraceSettings),
}

/// Where traces are sent, and what they say of this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceSettings {
    /// The address that they are posted to.
    pub endpoint: Url,
    /// How they are written.
    pub protocol: TraceProtocol,
    /// How long the collector may take to answer.
    pub timeout: Duration,
    /// The file with the authorities that vouch for the collector, and the variable that names it.
    pub authorities: Option<NamedFile>,
    /// The files with our certificate and its key.
    pub client_certificate: Option<(NamedFile, NamedFile)>,
    /// The attributes of this process.
    pub resource: BTreeMap<String, String>,
    /// Whether traces are continued over HTTP.
    pub propagation: Propagation,
    /// What has no effect.
    pub ignored: Vec<Ignored>,
}

/// A file, and the variable that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedFile {
    /// The variable.
    pub variable: &'static str,
    /// The file.
    pub path: PathBuf,
}

/// How traces are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TraceProtocol {
    /// Protocol Buffers over HTTP.
    Protobuf,
    /// JSON over HTTP.
    Json,
}

/// Whether the trace of a request that we answer is continued, and whether receivers of events can
/// continue ours, with the headers of W3C Trace Context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagation {
    /// It is.
    TraceContext,
    /// It is not.
    Off,
}

/// A variable that has no effect, or only a part of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Ignored {
    /// The variable.
    pub variable: &'static str,
    /// Why it has none.
    pub why: String,
}

impl Ignored {
    /// Returns the code that `docs/errors.md` explains.
    pub fn code(&self) -> &'static str {
        "traces.no-effect"
    }
}

/// A variable without which no traces can be sent is wrong. No message contains the value of an
/// address, which may contain a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{variable}` {why}")]
pub struct UnusableSetting {
    variable: &'static str,
    why: String,
}

impl UnusableSetting {
    /// Returns the code that `docs/errors.md` explains.
    pub fn code(&self) -> &'static str {
        "traces.unusable"
    }
}

impl WantedTraces {
    /// Reads the variables. `get` returns the value of one, or `None` if it is not set or empty.
    pub fn read<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Result<Self, UnusableSetting> {
        let mut reading = Reading {
            get,
            ignored: Vec::new(),
        };
        if !reading.is_wanted() {
            let ignored = reading.ignored;
            return Ok(Self::Off { ignored });
        }
        let settings = TraceSettings {
            endpoint: reading.endpoint()?,
            protocol: reading.protocol()?,
            timeout: reading.timeout(),
            authorities: reading.file(CERTIFICATE),
            client_certificate: reading.client_certificate()?,
            resource: reading.resource(),
            propagation: reading.propagation(),
            ignored: Vec::new(),
        };
        reading.look_at_sampler();
        Ok(Self::On(TraceSettings {
            ignored: reading.ignored,
            ..settings
        }))
    }
}

struct Reading<F> {
    get: F,
    ignored: Vec<Ignored>,
}

impl<'a, F: Fn(&str) -> Option<&'a str>> Reading<F> {
    fn get(&self, variable: &str) -> Option<&'a str> {
        (self.get)(variable).map(str::trim)
    }

    /// Returns the first of two variables that is set: the one for traces, or the one for all.
    fn first(&self, variables: [&'static str; 2]) -> Option<(&'static str, &'a str)> {
        variables
            .into_iter()
            .find_map(|name| self.get(name).map(|value| (name, value)))
    }

    fn ignore(&mut self, variable: &'static str, why: impl Into<String>) {
        let why = why.into();
        self.ignored.push(Ignored { variable, why });
    }

    /// The standard sends to `localhost` by default. A daemon that sends nothing by itself waits
    /// until somebody asks.
    fn is_wanted(&mut self) -> bool {
        const DISABLED: &str = "OTEL_SDK_DISABLED";
        const EXPORTER: &str = "OTEL_TRACES_EXPORTER";
        let is_disabled = self.get(DISABLED);
        if is_disabled.is_some_and(|text| text.eq_ignore_ascii_case("true")) {
            return false;
        }
        let Some(exporters) = self.get(EXPORTER) else {
            return self.first(ENDPOINT).is_some();
        };
        let mut is_wanted = false;
        for exporter in exporters.split(',').map(str::trim) {
            match exporter {
                "otlp" => is_wanted = true,
                "none" | "" => {}
                other => {
                    let other = printable::line(other).into_owned();
                    let why = format!(
                        "`{other}` is not an exporter of ours, which are `otlp` and `none`"
                    );
                    self.ignore(EXPORTER, why);
                }
            }
        }
        is_wanted
    }

    fn endpoint(&self) -> Result<Url, UnusableSetting> {
        let Some((variable, text)) = self.first(ENDPOINT) else {
            return Ok(Url::parse(USUAL_ENDPOINT).expect("the usual address is one"));
        };
        let wrong = || UnusableSetting {
            variable,
            why: "is not an address that begins with http:// or https://".to_owned(),
        };
        let mut url = Url::parse(text).map_err(|_source| wrong())?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(wrong());
        }
        // An address for traces alone is used as it is.
        if variable == ENDPOINT[1] {
            let base = url.path().trim_end_matches('/').to_owned();
            url.set_path(&format!("{base}/{PATH}"));
        }
        Ok(url)
    }

    fn protocol(&self) -> Result<TraceProtocol, UnusableSetting> {
        let Some((variable, text)) = self.first(PROTOCOL) else {
            return Ok(TraceProtocol::Protobuf);
        };
        match text {
            "http/protobuf" => Ok(TraceProtocol::Protobuf),
            "http/json" => Ok(TraceProtocol::Json),
            other => Err(UnusableSetting {
                variable,
                why: format!(
                    "is `{}`; traces are sent by `http/protobuf` or `http/json`",
                    printable::line(other)
                ),
            }),
        }
    }

    fn timeout(&mut self) -> Duration {
        let Some((variable, text)) = self.first(TIMEOUT) else {
            return USUAL_TIMEOUT;
        };
        match text.parse() {
            Ok(0) | Err(_) => {
                self.ignore(variable, "it is not a number of milliseconds above 0");
                USUAL_TIMEOUT
            }
            Ok(millis) => Duration::from_millis(millis),
        }
    }

    fn file(&self, variables: [&'static str; 2]) -> Option<NamedFile> {
        let (variable, path) = self.first(variables)?;
        let path = PathBuf::from(path);
        Some(NamedFile { variable, path })
    }

    fn client_certificate(&self) -> Result<Option<(NamedFile, NamedFile)>, UnusableSetting> {
        let lacks = |variable, other: [&str; 2]| {
            let why = format!("is set without `{}`", other[1]);
            Err(UnusableSetting { variable, why })
        };
        match (self.file(CLIENT_CERTIFICATE), self.file(CLIENT_KEY)) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => Ok(Some((certificate, key))),
            (Some(certificate), None) => lacks(certificate.variable, CLIENT_KEY),
            (None, Some(key)) => lacks(key.variable, CLIENT_CERTIFICATE),
        }
    }

    fn resource(&mut self) -> BTreeMap<String, String> {
        const ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";
        let ours = [
            ("service.name", env!("CARGO_PKG_NAME")),
            ("service.version", env!("CARGO_PKG_VERSION")),
        ];
        let mut all = BTreeMap::from(ours.map(|(key, value)| (key.to_owned(), value.to_owned())));
        match self.get(ATTRIBUTES).map(attributes) {
            None => {}
            Some(Some(named)) => all.extend(named),
            // By the standard, all of it is ignored then.
            Some(None) => self.ignore(
                ATTRIBUTES,
                "it is not a list such as `key=value,key=value`, percent-encoded",
            ),
        }
        if let Some(name) = self.get("OTEL_SERVICE_NAME") {
            all.insert("service.name".to_owned(), name.to_owned());
        }
        all
    }

    fn propagation(&self) -> Propagation {
        let Some(names) = self.get("OTEL_PROPAGATORS") else {
            return Propagation::TraceContext;
        };
        match names.split(',').any(|name| name.trim() == "tracecontext") {
            true => Propagation::TraceContext,
            false => Propagation::Off,
        }
    }

    fn look_at_sampler(&mut self) {
        const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
        const RATIO: &str = "OTEL_TRACES_SAMPLER_ARG";
        let Some(sampler) = self.get(SAMPLER) else {
            return;
        };
        if !SAMPLERS.contains(&sampler) {
            let sampler = printable::line(sampler).into_owned();
            let all = SAMPLERS.join(", ");
            let why = format!("`{sampler}` is not a sampler of ours, which are {all}");
            self.ignore(SAMPLER, why);
            return;
        }
        let is_share = |text: &str| {
            let share: Result<f64, _> = text.parse();
            share.is_ok_and(|share| (0.0..=1.0).contains(&share))
        };
        if sampler.ends_with("traceidratio") && !self.get(RATIO).is_some_and(is_share) {
            self.ignore(
                RATIO,
                "it is not a number from 0 to 1, so all traces are sent",
            );
        }
    }
}

/// Reads a list of attributes; `None` if it is not one.
fn attributes(text: &str) -> Option<Vec<(String, String)>> {
    let pairs = text.split(',').filter(|pair| !pair.trim().is_empty());
    let read = |pair: &str| {
        let (key, value) = pair.split_once('=')?;
        let decoded = |part: &str| {
            let part = percent_decode_str(part.trim()).decode_utf8().ok()?;
            Some(part.into_owned())
        };
        let key = decoded(key).filter(|key| !key.is_empty())?;
        Some((key, decoded(value)?))
    };
    pairs.map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &'static str)]) -> Result<WantedTraces, UnusableSetting> {
        WantedTraces::read(|name| {
            let mut found = variables.iter().filter(|(other, _)| *other == name);
            found.next().map(|(_, value)| *value)
        })
    }

    fn on(variables: &[(&str, &'static str)]) -> TraceSettings {
        match read(variables).unwrap() {
            WantedTraces::On(settings) => settings,
            WantedTraces::Off { .. } => panic!("{variables:?}"),
        }
    }

    const BASE: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");

    #[test]
    fn traces_are_sent_only_if_somebody_asks_for_them() {
        for (variables, is_on) in [
            (&[][..], false),
            (&[("OTEL_SERVICE_NAME", "x")], false),
            (&[BASE], true),
            (
                &[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c/x")],
                true,
            ),
            (&[("OTEL_TRACES_EXPORTER", "otlp")], true),
            (&[("OTEL_TRACES_EXPORTER", "none"), BASE], false),
            (&[("OTEL_TRACES_EXPORTER", "console"), BASE], false),
            (&[("OTEL_TRACES_EXPORTER", "console, otlp"), BASE], true),
            (&[("OTEL_SDK_DISABLED", "TRUE"), BASE], false),
            (&[("OTEL_SDK_DISABLED", "yes"), BASE], true),
        ] {
            let found = read(variables).unwrap();
            let is_found = matches!(found, WantedTraces::On(_));
            assert_eq!(is_found, is_on, "{variables:?}");
        }
    }

    #[test]
    fn the_address_for_all_signals_gets_a_path_and_that_for_traces_does_not() {
        for (variable, text, expected) in [
            (0, "http://c:4318", "http://c:4318/"),
            (0, "https://c/otlp/v2?a=b", "https://c/otlp/v2?a=b"),
            (1, "http://c:4318", "http://c:4318/v1/traces"),
            (1, "http://c:4318/", "http://c:4318/v1/traces"),
            (1, "https://c/otlp", "https://c/otlp/v1/traces"),
            (1, "https://c/otlp/", "https://c/otlp/v1/traces"),
        ] {
            let found = on(&[(ENDPOINT[variable], text)]).endpoint;
            assert_eq!(found.as_str(), expected);
        }
        let both = [BASE, (ENDPOINT[0], "https://only-traces/x")];
        assert_eq!(on(&both).endpoint.as_str(), "https://only-traces/x");
        let usual = on(&[("OTEL_TRACES_EXPORTER", "otlp")]).endpoint;
        assert_eq!(usual.as_str(), "http://localhost:4318/v1/traces");
        for text in [
            "sesame:4318",
            "sesame",
            "ftp://sesame",
            "unix:/sesame",
            "http://",
        ] {
            let error = read(&[(ENDPOINT[1], text)]).unwrap_err().to_string();
            assert!(!error.contains("sesame"), "{error}");
        }
    }

    #[test]
    fn the_variable_for_traces_overrides_the_one_for_all() {
        let settings = on(&[
            BASE,
            (PROTOCOL[0], "http/json"),
            (PROTOCOL[1], "http/protobuf"),
            (TIMEOUT[0], "1500"),
            (TIMEOUT[1], "9"),
            (CERTIFICATE[0], "/a.pem"),
            (CERTIFICATE[1], "/b.pem"),
        ]);
        assert_eq!(settings.protocol, TraceProtocol::Json);
        assert_eq!(settings.timeout, Duration::from_millis(1_500));
        let authorities = settings.authorities.unwrap();
        assert_eq!(authorities.path, PathBuf::from("/a.pem"));
        assert_eq!(authorities.variable, CERTIFICATE[0]);

        let usual = on(&[BASE]);
        assert_eq!(usual.protocol, TraceProtocol::Protobuf);
        assert_eq!(usual.timeout, USUAL_TIMEOUT);
        assert_eq!(usual.ignored, []);
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        for variables in [
            [BASE, (PROTOCOL[1], "grpc")],
            [BASE, (CLIENT_KEY[1], "/key.pem")],
            [BASE, (CLIENT_CERTIFICATE[0], "/certificate.pem")],
        ] {
            let error = read(&variables).unwrap_err().to_string();
            assert!(error.contains(variables[1].0), "{error}");
        }
        for (variable, text) in [
            (TIMEOUT[1], "10s"),
            (TIMEOUT[0], "0"),
            ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
            ("OTEL_RESOURCE_ATTRIBUTES", "a=b,c"),
            ("OTEL_RESOURCE_ATTRIBUTES", "a=%ff"),
        ] {
            let ignored = on(&[BASE, (variable, text)]).ignored;
            let ignored: Vec<_> = ignored.iter().map(|it| it.variable).collect();
            assert_eq!(ignored, [variable], "{text}");
        }
        for (ratio, is_ignored) in [(None, true), (Some("2"), true), (Some("0.25"), false)] {
            let mut variables = vec![BASE, ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")];
            variables.extend(ratio.map(|ratio| ("OTEL_TRACES_SAMPLER_ARG", ratio)));
            assert_eq!(!on(&variables).ignored.is_empty(), is_ignored, "{ratio:?}");
        }
    }

    #[test]
    fn an_exporter_that_we_do_not_have_is_said() {
        for (names, n_ignored) in [("none", 0), ("oltp", 1), ("console,jaeger", 2)] {
            let read = read(&[("OTEL_TRACES_EXPORTER", names), BASE]).unwrap();
            let WantedTraces::Off { ignored } = read else {
                panic!("{names} sends traces");
            };
            assert_eq!(ignored.len(), n_ignored, "{names}");
        }
    }

    #[test]
    fn the_process_says_who_it_is() {
        const LIST: &str = "OTEL_RESOURCE_ATTRIBUTES";
        let of = |variables: &[_]| {
            let resource = on(&[&[BASE], variables].concat()).resource;
            let mut fields: Vec<_> = resource.into_iter().collect();
            fields.retain(|(key, _)| key != "service.version");
            let fields = fields.iter().map(|(key, value)| format!("{key}={value}"));
            fields.collect::<Vec<_>>().join(" ")
        };
        for (variables, expected) in [
            (&[][..], "service.name=qlik-roster"),
            (&[("OTEL_SERVICE_NAME", "iam")], "service.name=iam"),
            (&[(LIST, "service.name=a")], "service.name=a"),
            (
                &[
                    (LIST, "service.name=a, b = c%2Cd"),
                    ("OTEL_SERVICE_NAME", "e"),
                ],
                "b=c,d service.name=e",
            ),
            (&[(LIST, "a=b,c")], "service.name=qlik-roster"),
        ] {
            assert_eq!(of(variables), expected);
        }
    }

    #[test]
    fn traces_are_continued_unless_other_propagators_are_named() {
        for (text, expected) in [
            ("tracecontext,baggage", Propagation::TraceContext),
            ("b3, tracecontext", Propagation::TraceContext),
            ("none", Propagation::Off),
            ("b3", Propagation::Off),
        ] {
            let found = on(&[BASE, ("OTEL_PROPAGATORS", text)]).propagation;
            assert_eq!(found, expected, "{text}");
        }
        assert_eq!(on(&[BASE]).propagation, Propagation::TraceContext);
    }
}
