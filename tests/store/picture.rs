//! Reads everything that a store contains by its own interface, as JSON that can be compared.

use std::collections::BTreeMap;

use qlik_roster::model::{ConnectionName, EndpointName, Entry, Kind, Seq};
use qlik_roster::store::{Cursor, Disabled, DisabledBy, Item, Order, Store, Write};
use serde_json::{Map, Value, json};

const ALL: usize = usize::MAX;

/// Reads everything, of these connections and endpoints.
pub fn picture(store: &Store, connections: &[&str], endpoints: &[&str]) -> Value {
    let mut parts = Parts::default();
    let cut = Seq(store.first_seq().unwrap().0 - 1);
    parts.put("store", "last".into(), json!(store.last_seq()));
    parts.put("store", "cut".into(), json!(cut));
    parts.tenants(store);
    parts.journal(store, cut, endpoints);
    for name in connections {
        let links = store.links(&ConnectionName((*name).to_owned())).unwrap();
        parts.put("links", (*name).to_owned(), json!(links));
    }
    for (name, cursor) in store.cursors().unwrap() {
        parts.put("cursors", name.0, cursor_of(&cursor));
    }
    for name in endpoints {
        parts.deliveries(store, &EndpointName((*name).to_owned()));
    }
    for run in store.runs(None, ALL).unwrap() {
        assert_eq!(store.run(run.id).unwrap(), Some(run.clone()));
        parts.put("runs", run.id.0.to_string(), json!(run));
    }
    json!(parts.0)
}

#[derive(Default)]
struct Parts(BTreeMap<&'static str, Map<String, Value>>);

impl Parts {
    fn put(&mut self, part: &'static str, name: String, value: Value) {
        let before = self.0.entry(part).or_default().insert(name, value);
        assert_eq!(before, None);
    }

    fn tenants(&mut self, store: &Store) {
        for known in store.tenants().unwrap() {
            let no = known.no;
            let row = json!({
                "tenant": known.tenant,
                "name": known.name,
                "adopted_at": known.adopted_at,
            });
            self.put("tenants", no.to_string(), row);
            if let Some(loaded) = known.loaded {
                self.put("loaded", no.to_string(), json!(loaded));
            }
            for kind in Kind::ALL {
                let mut prints = BTreeMap::new();
                let census = store
                    .fingerprints(no, kind, &mut |id, print| {
                        prints.insert(id, hex::encode(print.0));
                    })
                    .unwrap();
                if census.count > 0 {
                    let census = json!({ "count": census.count, "checksum": census.checksum });
                    self.put("census", format!("{no}/{kind}"), census);
                }
                for kept in store.list(no, kind, None, ALL).unwrap() {
                    let id = kept.record.id();
                    let row = json!({
                        "version": kept.version,
                        "print": prints[id],
                        "record": kept.record,
                        "raw": kept.raw,
                    });
                    self.put("records", format!("{no}/{kind}/{id}"), row);
                }
                for (id, print) in prints {
                    self.put("prints", format!("{no}/{kind}/{id}"), json!(print));
                }
            }
            if let Some(plan) = store.plan(no).unwrap() {
                let head = json!({
                    "run": plan.head.run,
                    "at": plan.head.at,
                    "account": plan.head.account,
                    "rows_total": plan.head.rows_total,
                });
                let row = json!({ "head": head, "rows_done": plan.rows_done });
                self.put("plans", no.to_string(), row);
            }
            // Rows have consecutive numbers; those that were carried out are removed.
            let mut row = 0;
            let mut rest = store.plan_rows_from(no, row, ALL).unwrap();
            while !rest.is_empty() {
                let behind = store.plan_rows_from(no, row + 1, ALL).unwrap();
                if behind.len() < rest.len() {
                    self.put("plan rows", format!("{no}/{row}"), write_of(&rest[0]));
                }
                (rest, row) = (behind, row + 1);
            }
            for plan in store.held_plans(no).unwrap() {
                self.put("held", format!("{no}/{}", plan.id.0), json!(plan));
                for removal in store.removals(no, plan.id, None, ALL).unwrap() {
                    let record = &removal.record;
                    let name = format!("{no}/{}/{}/{}", plan.id.0, record.kind, record.id);
                    self.put("removals", name, json!(removal));
                }
            }
            for (record, count) in store.absences(no).unwrap() {
                let name = format!("{no}/{}/{}", record.kind, record.id);
                self.put("absent", name, json!(count));
            }
            for (id, acceptance) in store.accepted(no).unwrap() {
                self.put("accepted", format!("{no}/{id}"), json!(acceptance));
            }
            if let Some(bookmark) = store.bookmark(no).unwrap() {
                let row = json!({
                    "since": bookmark.since,
                    "until": bookmark.until,
                    "untold": bookmark.untold,
                });
                self.put("bookmarks", no.to_string(), row);
            }
            for seen in store.seen_events(no).unwrap() {
                let name = format!("{no}/{}/{}", seen.at, hex::encode(seen.id.0));
                self.put("heard", name, json!(0));
            }
        }
    }

    fn journal(&mut self, store: &Store, cut: Seq, endpoints: &[&str]) {
        let id = |entry: &Entry| entry.event_id(store.id()).to_string();
        for entry in store.entries(Seq::START, ALL).unwrap() {
            self.put("journal", id(&entry), json!(entry));
        }
        for seq in (1..=cut.0).map(Seq) {
            if let Some(entry) = store.entry(seq).unwrap() {
                self.put("kept", id(&entry), json!(entry));
            }
        }
        assert!(!endpoints.is_empty());
    }

    fn deliveries(&mut self, store: &Store, name: &EndpointName) {
        for parked in store.parked(name, None, ALL).unwrap() {
            self.put(
                "parked",
                format!("{name}/{}", item_of(&parked.item)),
                json!(parked),
            );
        }
        for (item, deferred) in store.deferred(name).unwrap() {
            self.put(
                "deferred",
                format!("{name}/{}", item_of(&item)),
                json!(deferred),
            );
        }
        for item in store.replays(name, None, ALL).unwrap() {
            self.put("replays", format!("{name}/{}", item_of(&item)), json!(0));
        }
        for (number, order) in store.orders(name).unwrap() {
            self.put("orders", format!("{name}/{number}"), order_of(&order));
        }
        // All of them are in one row.
        let mut attempts = store.attempts(name, ALL, |_| true).unwrap();
        attempts.reverse();
        if !attempts.is_empty() {
            self.put("attempts", format!("{name}/0"), json!(attempts));
        }
    }
}

fn item_of(item: &Item) -> String {
    match item {
        Item::Entry(seq) => seq.to_string(),
        Item::Member { entry, number } => format!("{entry}/{number}"),
        Item::Snapshot {
            mark,
            at,
            tenant,
            record,
        } => format!(
            "{tenant}/{}/{}/{mark}/{}",
            record.kind,
            record.id,
            at.millis()
        ),
    }
}

fn order_of(order: &Order) -> Value {
    match order {
        Order::Enable => json!("Enable"),
        Order::Disable { at } => json!({ "Disable": { "at": at } }),
        Order::Rewind { to } => json!({ "Rewind": { "to": to } }),
        Order::Backfill { at, mark } => json!({ "Backfill": { "at": at, "mark": mark } }),
    }
}

fn cursor_of(cursor: &Cursor) -> Value {
    let trouble = cursor.trouble.as_ref().map(
        |trouble| json!({ "probes": trouble.probes, "due": trouble.due, "reason": trouble.reason }),
    );
    let failing = cursor.failing.map(|failing| {
        json!({ "since": failing.since, "last": failing.last, "attempts": failing.attempts })
    });
    let disabled = cursor.disabled.as_ref().map(|Disabled { at, by, reason }| {
        let by = match by {
            DisabledBy::Operator => json!("Operator"),
            DisabledBy::Receiver { url_mark } => json!({ "Receiver": { "url_mark": url_mark } }),
            DisabledBy::Failures => json!("Failures"),
        };
        json!({ "at": at, "by": by, "reason": reason })
    });
    let backfill = cursor.backfill.as_ref().map(|backfill| {
        json!({
            "mark": backfill.mark,
            "at": backfill.at,
            "tenant": backfill.tenant,
            "after": backfill.after,
            "beyond": backfill.beyond,
        })
    });
    json!({
        "settled": cursor.settled,
        "ahead": cursor.ahead,
        "trouble": trouble,
        "failing": failing,
        "disabled": disabled,
        "backfill": backfill,
        "delivered_at": cursor.delivered_at,
    })
}

fn write_of(write: &Write) -> Value {
    match write {
        Write::Change {
            change,
            fingerprint,
            raw,
            reported,
        } => {
            let mut shown = json!({
                "change": change,
                "fingerprint": hex::encode(fingerprint.0),
                "raw": raw,
            });
            if let Some(reported) = reported {
                shown["reported"] = json!(reported);
            }
            json!({ "Change": shown })
        }
        Write::Quiet {
            record,
            fingerprint,
            raw,
        } => json!({ "Quiet": {
            "record": record,
            "fingerprint": hex::encode(fingerprint.0),
            "raw": raw,
        } }),
        Write::Forget { record } => json!({ "Forget": { "record": record } }),
    }
}
