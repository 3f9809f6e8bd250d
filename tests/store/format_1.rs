//! Reads a store of format 1 straight from its rows, without any code of the store: a migration
//! must keep all of this.
//!
//! Each value is read by its shape (`format_1_shapes.rs`), and becomes the JSON that the model's
//! types have.

use std::collections::BTreeMap;
use std::path::Path;

use lz4_flex::block::decompress_size_prepended;
use serde_json::{Map, Value, json};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::format_1_shapes::{
    self as shapes, Shape, Shape::Fields, Shape::Number, Shape::Parts, Shape::Text, Shape::Time,
    byte, id, maybe, take, time, whole,
};

/// All rows of a store, as they are.
pub type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// Reads all rows of the database in a folder that nobody has open.
pub fn rows(store: &Path) -> Rows {
    let config = sled::Config::new().path(store.join("current"));
    let db = loop {
        match config.open() {
            Ok(db) => break db,
            // The handle before this one releases its file a moment later.
            Err(sled::Error::Io(_)) => std::thread::yield_now(),
            Err(other) => panic!("{other}"),
        }
    };
    db.iter()
        .map(|row| row.map(|(key, value)| (key.to_vec(), value.to_vec())))
        .collect::<Result<_, _>>()
        .unwrap()
}

/// Verifies a value; returns what is between its format and its checksum.
pub fn opened<'a>(key: &[u8], value: &'a [u8]) -> (u8, &'a [u8]) {
    let (sealed, sum) = value.split_at(value.len() - 8);
    let expected = xxh3_64_with_seed(sealed, xxh3_64(key));
    assert_eq!(sum, expected.to_be_bytes(), "of {}", hex::encode(key));
    (sealed[0], &sealed[1..])
}

/// Makes a value of format 1.
pub fn sealed(key: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut value = vec![1];
    value.extend_from_slice(payload);
    let sum = xxh3_64_with_seed(&value, xxh3_64(key));
    value.extend_from_slice(&sum.to_be_bytes());
    value
}

/// Compares the rows of plans with those of format 8, whose changes end with what the audit log
/// reports of them: nothing. Gives `after` the older rows.
pub fn compare_plan_rows(before: &Rows, after: &mut Rows) {
    let mut n_compared = 0;
    for (key, value) in before.iter().filter(|(key, _)| key[0] == 0x41) {
        let (old, was) = opened(key, value);
        let (new, is) = opened(key, &after[key]);
        let was = unpacked(was);
        let expected = match (old, new, was[0]) {
            // A change.
            (1, 8, 0) => [&was[..], &[0]].concat(),
            (1 | 8, 8, _) => was,
            other => panic!("{other:?}"),
        };
        assert_eq!(unpacked(is), expected, "{}", hex::encode(key));
        after.insert(key.clone(), value.clone());
        n_compared += 1;
    }
    assert!(n_compared > 0);
}

fn unpacked(packed: &[u8]) -> Vec<u8> {
    match packed.split_first().unwrap() {
        (0, plain) => plain.to_vec(),
        (1, bytes) => decompress_size_prepended(bytes).unwrap(),
        (other, _) => panic!("{other} is no packing"),
    }
}

fn be<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes[..N].try_into().unwrap()
}

fn long(bytes: &[u8]) -> u64 {
    u64::from_be_bytes(be(bytes))
}

fn short(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(be(bytes))
}

/// Returns the name and the rest of a key that begins with an endpoint.
fn endpoint(key: &[u8]) -> (String, &[u8]) {
    let (name, rest) = key[5..].split_at(usize::try_from(short(&key[1..])).unwrap());
    (String::from_utf8(name.to_vec()).unwrap(), rest)
}

fn item_of(rest: &[u8]) -> String {
    if rest[0] == 0 {
        return long(&rest[1..]).to_string();
    }
    let (mark, at, no) = (long(&rest[1..]), long(&rest[9..]), short(&rest[17..]));
    format!("{no}/{}/{}/{mark}/{at}", kind_of(rest[21]), id(&rest[22..]))
}

fn kind_of(code: u8) -> &'static str {
    ["role", "group", "user"][usize::from(code) - 1]
}

/// Reads everything that a store of format 1 contains.
pub fn picture(rows: &Rows) -> Value {
    let mut picture = Picture::default();
    for (key, value) in rows {
        let (format, payload) = opened(key, value);
        assert_eq!(format, 1);
        match key[0] {
            0x01 => picture.of_the_store(key[1], payload),
            0x10..=0x22 | 0x40..=0x44 | 0x70 | 0x71 => picture.of_a_tenant(key, payload),
            0x30 | 0x31 => picture.entry(key, payload),
            0x50..=0x55 => picture.of_an_endpoint(key, payload),
            0x60 => {
                let mut run = whole(&shapes::run(), payload);
                // Format 1 knows nothing about spaces and licences.
                run["spaces"] = Value::Null;
                run["licence"] = Value::Null;
                picture.put("runs", last_number(key), run);
            }
            other => panic!("{other:02x} is no space of format 1"),
        }
    }
    json!(picture.parts)
}

fn last_number(key: &[u8]) -> String {
    long(&key[key.len() - 8..]).to_string()
}

#[derive(Default)]
struct Picture {
    parts: BTreeMap<&'static str, Map<String, Value>>,
    /// The store's id, as it is in the ids of its events.
    id: String,
}

impl Picture {
    fn put(&mut self, part: &'static str, name: String, value: Value) {
        let before = self.parts.entry(part).or_default().insert(name, value);
        assert_eq!(before, None);
    }

    fn of_the_store(&mut self, what: u8, payload: &[u8]) {
        match what {
            0 => {
                let format = Fields(vec![("version", Number), ("store", Shape::Bytes(8))]);
                let format = whole(&format, payload);
                assert_eq!(format["version"], 1);
                format["store"].as_str().unwrap().clone_into(&mut self.id);
            }
            1 => {
                let head = Fields(vec![("commits", Number), ("last", Number), ("at", Time)]);
                let last = whole(&head, payload)["last"].clone();
                self.put("store", "last".into(), last);
            }
            2 => self.put("store", "cut".into(), whole(&Number, payload)),
            // The counts, and the endpoints that were not configured, are compared as bytes.
            3 | 4 => {}
            other => panic!("{other} is nothing that the store says of itself"),
        }
    }

    fn of_a_tenant(&mut self, key: &[u8], payload: &[u8]) {
        let no = || short(&key[1..]).to_string();
        let record = |at: usize| format!("{}/{}/{}", no(), kind_of(key[at]), id(&key[at + 1..]));
        match key[0] {
            0x10 => self.put("tenants", no(), whole(&shapes::tenant(), payload)),
            0x11 => self.put("loaded", no(), whole(&Number, payload)),
            0x12 => {
                let connection = String::from_utf8(key[1..].to_vec()).unwrap();
                self.put("links", connection, whole(&shapes::links(), payload));
            }
            0x20 => self.block(&format!("{}/{}", no(), kind_of(key[5])), payload),
            0x21 => self.bucket(&format!("{}/{}", no(), kind_of(key[5])), payload),
            0x22 => {
                let census = Fields(vec![("count", Number), ("checksum", Number)]);
                let name = format!("{}/{}", no(), kind_of(key[5]));
                self.put("census", name, whole(&census, payload));
            }
            0x40 => self.put("plans", no(), whole(&shapes::plan_row(), payload)),
            0x41 => {
                let row = whole(&shapes::write(), &unpacked(payload));
                self.put("plan rows", format!("{}/{}", no(), short(&key[5..])), row);
            }
            0x42 => {
                let plan = whole(&shapes::held_plan(), payload);
                self.put("held", format!("{}/{}", no(), last_number(key)), plan);
            }
            0x43 => {
                let name = format!(
                    "{}/{}/{}/{}",
                    no(),
                    long(&key[5..]),
                    kind_of(key[13]),
                    id(&key[14..])
                );
                self.put(
                    "removals",
                    name,
                    whole(&shapes::removal(), &unpacked(payload)),
                );
            }
            0x44 => self.put("absent", record(5), whole(&Number, payload)),
            0x70 => self.put("bookmarks", no(), whole(&shapes::bookmark(), payload)),
            0x71 => {
                let millis = (long(&key[5..]) ^ (1 << 63)).cast_signed();
                let event = format!("{}/{}/{}", no(), time(millis), hex::encode(&key[13..]));
                self.put("heard", event, json!(payload.len()));
            }
            other => panic!("{other:02x} is no space of format 1"),
        }
    }

    fn block(&mut self, kind: &str, payload: &[u8]) {
        let plain = unpacked(payload);
        let mut rest = plain.as_slice();
        while !rest.is_empty() {
            let n_bytes = usize::from(byte(&mut rest));
            let id = id(take(&mut rest, n_bytes));
            let version = long(take(&mut rest, 8));
            let print = hex::encode(take(&mut rest, 16));
            let n_bytes = usize::try_from(short(take(&mut rest, 4))).unwrap();
            let body = Parts(vec![shapes::record(), Text]);
            let body = whole(&body, take(&mut rest, n_bytes));
            let kept = json!({
                "version": version,
                "print": print,
                "record": body[0],
                "raw": body[1],
            });
            self.put("records", format!("{kind}/{id}"), kept);
        }
    }

    fn bucket(&mut self, kind: &str, payload: &[u8]) {
        let mut rest = payload;
        while !rest.is_empty() {
            let n_bytes = usize::from(byte(&mut rest));
            let id = id(take(&mut rest, n_bytes));
            let print = hex::encode(take(&mut rest, 16));
            self.put("prints", format!("{kind}/{id}"), json!(print));
        }
    }

    fn entry(&mut self, key: &[u8], payload: &[u8]) {
        let (at, packed) = payload.split_at(8);
        let origin = Fields(vec![("run", Number), ("account", shapes::account())]);
        let entry = Parts(vec![maybe(origin), shapes::fact()]);
        let entry = whole(&entry, &unpacked(packed));
        let seq = long(&key[1..]);
        let entry = json!({
            "seq": seq,
            "at": time(long(at).cast_signed()),
            "origin": entry[0],
            "fact": entry[1],
        });
        let part = if key[0] == 0x30 { "journal" } else { "kept" };
        self.put(part, format!("evt_{}_{seq:012x}", self.id), entry);
    }

    fn of_an_endpoint(&mut self, key: &[u8], payload: &[u8]) {
        if key[0] == 0x50 {
            let name = String::from_utf8(key[1..].to_vec()).unwrap();
            return self.put("cursors", name, whole(&shapes::cursor(), payload));
        }
        let (name, rest) = endpoint(key);
        let (part, place, value) = match key[0] {
            0x51 => ("parked", item_of(rest), whole(&shapes::parked(), payload)),
            0x52 => (
                "deferred",
                item_of(rest),
                whole(&shapes::deferred(), payload),
            ),
            0x53 => ("replays", item_of(rest), json!(payload.len())),
            0x54 => ("orders", last_number(key), whole(&shapes::order(), payload)),
            _ => {
                let attempts = whole(&shapes::attempts(), &unpacked(payload));
                ("attempts", last_number(key), attempts)
            }
        };
        self.put(part, format!("{name}/{place}"), value);
    }
}
