//! Reads the file and the environment into the raw structs, noting everything that does not fit.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value};
use serde_path_to_error::Segment;

use super::keys::{self, Section, Shape};
use super::mismatch::Mismatch;
use super::problem::Problems;
use super::raw::Raw;
use super::{ConfigError, Environment, Fault, Problem};
use crate::authorities::{MachineAuthorities, Places};
use crate::suggest::closest;

/// The prefix of variables that set keys.
const PREFIX: &str = "QLIK_ROSTER__";

/// Reads the configuration as written, also as a tree. A value that cannot be read is noted and
/// left out; only a file that is not TOML ends the reading.
pub(super) fn read(
    file: &Path,
    environment: &Environment,
) -> Result<(Raw, Value, Problems), ConfigError> {
    let failed = |fault| {
        ConfigError::of(Problem {
            place: file.display().to_string(),
            key: String::new(),
            fault,
        })
    };
    let text = fs::read_to_string(file).map_err(|source| failed(Fault::Unreadable { source }))?;
    let mut problems = Problems::new(file);
    let variables = variables(environment, &mut problems);
    authorities(environment, &mut problems);
    let over = config::Environment::with_prefix("QLIK_ROSTER")
        .prefix_separator("__")
        .separator("__")
        .source(Some(variables));
    // Uses JSON values, since they distinguish a number from a text that looks like one.
    let tree: Result<Value, _> = config::Config::builder()
        .add_source(config::File::from_str(&text, config::FileFormat::Toml))
        .add_source(over)
        .build()
        .and_then(config::Config::try_deserialize);
    let mut tree = tree.map_err(|error| {
        failed(Fault::Syntax {
            detail: without_source(&error.to_string()),
        })
    })?;
    drop_unknown(&mut tree, &mut problems);
    Ok((take(tree.clone(), &mut problems), tree, problems))
}

/// Returns what a parser says without the line of the file that it quotes, which may contain a
/// secret, and which would be logged.
fn without_source(text: &str) -> String {
    let is_said = |line: &&str| {
        let line = line
            .trim_start()
            .trim_start_matches(|c: char| c.is_ascii_digit());
        !line.trim().is_empty() && !line.trim_start().starts_with('|')
    };
    let lines: Vec<&str> = text.lines().filter(is_said).map(str::trim).collect();
    lines.join(": ")
}

/// Returns the variables that set a key. Keys in lists cannot be set this way: a tenant is
/// described in one place, and a part of it set elsewhere would be hard to find.
fn variables(environment: &Environment, problems: &mut Problems) -> HashMap<String, String> {
    let mut ours = HashMap::new();
    for (name, value) in environment.iter() {
        let Some(path) = name.strip_prefix(PREFIX) else {
            continue;
        };
        if is_service_link(path, value) {
            let remedy =
                "Kubernetes sets it, for a service whose name begins like our variables; write \
                 `enableServiceLinks: false` into the pod's spec"
                    .to_owned();
            problems.add_variable(name, Fault::BadVariable { remedy });
            continue;
        }
        let path = path.to_lowercase();
        let names = path.split_once("__");
        let section = names.and_then(|(section, _)| {
            keys::sections()
                .into_iter()
                .find(|known| known.name == section)
        });
        let remedy = match (names, section) {
            (Some((section, key)), Some(known)) if known.shape == Shape::One => {
                if known.keys.contains(&key) {
                    problems.set_by(format!("{section}.{key}"), name);
                    ours.insert(name.to_owned(), value.to_owned());
                    continue;
                }
                format!("known in [{section}]: {}", known.keys.join(", "))
            }
            (Some(_), Some(_)) => {
                "write connections, tenants and endpoints in the file; their secrets may come from \
                 variables named in `…_env`"
                    .to_owned()
            }
            _ => format!("write {PREFIX}SECTION__KEY, such as {PREFIX}SYNC__SCHEDULE"),
        };
        problems.add_variable(name, Fault::BadVariable { remedy });
    }
    ours
}

/// Reports if `SSL_CERT_FILE` and `SSL_CERT_DIR` name no usable authority: each connection would
/// fail, and people would look for the reason at the other end.
fn authorities(environment: &Environment, problems: &mut Problems) {
    let names = ["SSL_CERT_FILE", "SSL_CERT_DIR"];
    let Some(name) = names.iter().find(|name| environment.get(name).is_some()) else {
        return;
    };
    let [file, folders] = names.map(|name| environment.get(name));
    let read = MachineAuthorities::read(Places::named(file, folders));
    if read.reading().n_taken == 0 {
        let reading = read.reading().to_string();
        problems.add_variable(name, Fault::NoAuthorities { reading });
    }
}

/// Returns whether Kubernetes set a variable, as it does in each pod for each service: `…_PORT` and
/// `…_PORT_80_TCP` are addresses, `…_SERVICE_HOST` and `…_SERVICE_PORT` parts of one.
fn is_service_link(path: &str, value: &str) -> bool {
    let is_address = ["tcp://", "udp://", "sctp://"]
        .iter()
        .any(|scheme| value.starts_with(scheme));
    let is_part = ["_TCP", "_UDP", "_SCTP"]
        .iter()
        .any(|protocol| path.contains(&format!("{protocol}_")));
    let is_named = path.ends_with("_SERVICE_HOST") || path.contains("_SERVICE_PORT");
    path.contains("_PORT") && (is_address || is_part) || is_named
}

fn drop_unknown(tree: &mut Value, problems: &mut Problems) {
    let Value::Object(root) = tree else { return };
    let sections = keys::sections();
    let names: Vec<&'static str> = sections.iter().map(|section| section.name).collect();
    keep_known(root, "", &names, problems);
    for Section { name, shape, keys } in &sections {
        match (shape, root.get_mut(*name)) {
            (Shape::One, Some(Value::Object(table))) => {
                keep_known(table, &format!("{name}."), keys, problems);
            }
            (Shape::List, Some(Value::Array(list))) => {
                for (i, table) in list.iter_mut().enumerate() {
                    if let Value::Object(table) = table {
                        keep_known(table, &format!("{name}[{i}]."), keys, problems);
                    }
                }
            }
            // A value of another type: reading into the raw structs reports it.
            _ => {}
        }
    }
    // This is the only list within a section.
    let rules = root.get_mut("access").and_then(|it| it.get_mut("sod"));
    let rules = rules.and_then(Value::as_array_mut).into_iter().flatten();
    for (i, rule) in rules.enumerate() {
        if let Value::Object(table) = rule {
            let path = format!("access.sod[{i}].");
            keep_known(table, &path, keys::of_separation(), problems);
        }
    }
}

fn keep_known(
    table: &mut Map<String, Value>,
    path: &str,
    known: &[&'static str],
    problems: &mut Problems,
) {
    table.retain(|key, _| {
        if known.contains(&key.as_str()) {
            return true;
        }
        let inline = !path.is_empty() && keys::SECRET_KEYS.contains(&key.as_str());
        let fault = if inline {
            Fault::SecretInFile { key: key.clone() }
        } else {
            Fault::UnknownKey {
                similar: closest(key, known.iter().copied()),
                known: known.join(", "),
            }
        };
        problems.add(format!("{path}{key}"), fault);
        false
    });
}

/// Reads the tree into the structs. serde stops at the first value that does not fit. That value is
/// noted and left out, and the rest is read again until everything fits.
fn take(mut tree: Value, problems: &mut Problems) -> Raw {
    loop {
        let error = match serde_path_to_error::deserialize(tree.clone()) {
            Ok(raw) => return raw,
            Err(error) => error,
        };
        let path: Vec<&Segment> = error.path().iter().collect();
        let sentence = error.inner().to_string();
        let mismatch = Mismatch::new(value_at(&tree, &path), &sentence);
        problems.add(error.path().to_string(), Fault::WrongType { mismatch });
        if remove(&mut tree, &path).is_none() {
            // Nothing was left out. That cannot happen, but the loop must end.
            return Raw::default();
        }
    }
}

/// Returns the value that a path leads to.
fn value_at<'a>(tree: &'a Value, path: &[&Segment]) -> Option<&'a Value> {
    path.iter().try_fold(tree, |at, segment| match segment {
        Segment::Map { key } => at.get(key),
        Segment::Seq { index } => at.get(index),
        Segment::Enum { .. } | Segment::Unknown => None,
    })
}

/// Removes the value at a path, from its last named key on: removing a single list element would
/// change the numbers of the others.
fn remove(tree: &mut Value, path: &[&Segment]) -> Option<Value> {
    let last = path
        .iter()
        .rposition(|segment| matches!(segment, Segment::Map { .. }))?;
    let (Segment::Map { key }, parents) = (path.get(last)?, path.get(..last)?) else {
        return None;
    };
    let mut at = tree;
    for segment in parents {
        at = match segment {
            Segment::Map { key } => at.get_mut(key)?,
            Segment::Seq { index } => at.get_mut(index)?,
            Segment::Enum { .. } | Segment::Unknown => return None,
        };
    }
    at.as_object_mut()?.remove(key)
}
