//! The keys of deliveries that have a row of their own, and what such keys name.

use crate::model::{EndpointName, Id, RecordRef, Seq, Timestamp};
use crate::store::values::delivery::Item;
use crate::store::values::tenant_no::TenantNo;

use super::{Key, Keyspace, kind_byte, kind_of, of_endpoint};

/// Returns the key of a delivery in one of the keyspaces of deliveries: parked, deferred, replay.
pub fn delivery(keyspace: Keyspace, endpoint: &EndpointName, item: &Item) -> Key {
    let mut key = of_endpoint(keyspace, endpoint);
    match item {
        Item::Entry(seq) => {
            key.push(0);
            key.extend_from_slice(&seq.0.to_be_bytes());
        }
        Item::Snapshot {
            mark,
            at,
            tenant,
            record,
        } => {
            key.push(1);
            key.extend_from_slice(&mark.0.to_be_bytes());
            key.extend_from_slice(&at.millis().to_be_bytes());
            key.extend_from_slice(&tenant.0.to_be_bytes());
            key.push(kind_byte(record.kind));
            key.extend_from_slice(&record.id.to_key());
        }
        Item::Member { entry, number } => {
            // After its entry and before the next: rows are read in the order of the journal.
            key.push(0);
            key.extend_from_slice(&entry.0.to_be_bytes());
            key.extend_from_slice(&number.to_be_bytes());
        }
    }
    key
}

/// Returns the item that the key of a delivery names after the endpoint's prefix.
pub fn item_of(key: &[u8], prefix: usize) -> Option<Item> {
    match key.get(prefix..)?.split_first()? {
        (0, rest) => {
            let (seq, number) = rest.split_first_chunk()?;
            let seq = Seq(u64::from_be_bytes(*seq));
            if number.is_empty() {
                return Some(Item::Entry(seq));
            }
            Some(Item::Member {
                entry: seq,
                number: u64::from_be_bytes(number.try_into().ok()?),
            })
        }
        (1, rest) => {
            let (mark, rest) = rest.split_first_chunk()?;
            let (at, rest) = rest.split_first_chunk()?;
            let (no, rest) = rest.split_first_chunk()?;
            let (&code, id) = rest.split_first()?;
            Some(Item::Snapshot {
                mark: Seq(u64::from_be_bytes(*mark)),
                at: Timestamp::from_millis(i64::from_be_bytes(*at)),
                tenant: TenantNo(u32::from_be_bytes(*no)),
                record: RecordRef {
                    kind: kind_of(code)?,
                    id: Id::from_key(id).ok()?,
                },
            })
        }
        _ => None,
    }
}

/// Returns the first key under which a row of an endpoint may name an entry, or a user of its list.
pub fn naming(endpoint: &[u8], seq: Seq) -> Key {
    let mut key = endpoint.to_vec();
    key.push(0);
    key.extend_from_slice(&seq.0.to_be_bytes());
    key
}

/// Returns the entry that the key of an endpoint's row names; `None` if it names a record.
pub fn named_by(endpoint: &[u8], key: &[u8]) -> Option<Seq> {
    match key.strip_prefix(endpoint)?.split_first()? {
        (0, rest) => Some(Seq(u64::from_be_bytes(*rest.first_chunk()?))),
        _ => None,
    }
}
