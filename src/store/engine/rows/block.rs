//! Packs neighbouring records into one value, in the order of their ids.
//!
//! A block contains the ids from its key up to the next block's key, as a bucket does; the first
//! block of a kind has no id in its key and so begins before all ids. sled's cost per row is the
//! same whatever the row contains, and neighbours compress better together: with a row for each
//! record, a first load took 1.7 times the processor time and twice the disk. A change rewrites its
//! whole block, some three kilobytes.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::{Buf, Bytes};

use crate::model::{Fingerprint, Id, Kind, Version};
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::layout::keys::{self, Key};
use crate::store::layout::{PACKED, codec};
use crate::store::values::row::Row;
use crate::store::values::tenant_no::TenantNo;

/// The most bytes of a block, uncompressed, before it is divided.
const FULL: usize = 16 * 1024;

/// The most bytes of a piece when a full block is divided, except for a single large record.
const PIECE: usize = 12 * 1024;

/// Bytes of a record besides its id and its body: two lengths, version and fingerprint.
const RECORD_HEAD: usize = 1 + 8 + 16 + 4;

/// A record in its block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedRecord {
    pub id: Id,
    pub version: Version,
    /// The fingerprint that its bucket must have for it.
    pub print: Fingerprint,
    pub body: Bytes,
}

/// A record as a commit leaves it.
#[derive(Debug)]
pub struct After {
    /// `None` keeps the version of the existing record.
    pub version: Option<Version>,
    pub print: Fingerprint,
    pub body: Bytes,
}

/// A closure that is shown each changed record: the key of its block, and its bytes before and
/// after.
pub type Look<'a> = dyn FnMut(&[u8], Option<&[u8]>, Option<&[u8]>) -> Result<(), StoreError> + 'a;

/// The records of a block, in the order of their ids.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Block(pub Vec<PackedRecord>);

impl Block {
    /// Decodes a block; records out of order are damage.
    pub fn read(key: &[u8], value: &[u8]) -> Result<Self, StoreError> {
        let bytes = codec::unpack_bytes(key, codec::open(PACKED, key, value)?)?;
        let mut rest = Bytes::from(bytes.into_owned());
        let mut records: Vec<PackedRecord> = Vec::new();
        while !rest.is_empty() {
            let packed = take(&mut rest).ok_or_else(|| codec::flawed(key, "cut short"))?;
            if records.last().is_some_and(|before| before.id >= packed.id) {
                return Err(codec::flawed(key, "out of order"));
            }
            records.push(packed);
        }
        Ok(Self(records))
    }

    /// Encodes the block.
    pub fn write(&self, key: &Key) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len());
        for packed in &self.0 {
            let id = packed.id.to_key();
            let body_len = u32::try_from(packed.body.len()).expect("a record is far below 4 GiB");
            bytes.push(u8::try_from(id.len()).expect("an id's key has 65 bytes at the most"));
            bytes.extend_from_slice(&id);
            bytes.extend_from_slice(&packed.version.0.to_be_bytes());
            bytes.extend_from_slice(&packed.print.0);
            bytes.extend_from_slice(&body_len.to_be_bytes());
            bytes.extend_from_slice(&packed.body);
        }
        codec::seal(PACKED, key, &[], &codec::pack_bytes(&bytes))
    }

    /// Returns the record of an id.
    pub fn find(self, id: &Id) -> Option<PackedRecord> {
        self.0.into_iter().find(|packed| packed.id == *id)
    }

    /// Applies changes, sorted by id; `None` removes a record. The existing records must match the
    /// fingerprints in `known`: a block that sled brought back from an older page is damage.
    ///
    /// `look` is shown each changed record.
    fn apply(
        &mut self,
        key: &[u8],
        changes: Vec<(Id, Option<After>)>,
        known: &BTreeMap<Id, Fingerprint>,
        look: &mut Look<'_>,
    ) -> Result<(), StoreError> {
        let old = std::mem::take(&mut self.0);
        let mut merged = Vec::with_capacity(old.len() + changes.len());
        let mut old = old.into_iter().peekable();
        for (id, after) in changes {
            while let Some(packed) = old.next_if(|packed| packed.id < id) {
                merged.push(packed);
            }
            let before = old.next_if(|packed| packed.id == id);
            match (&before, known.get(&id)) {
                (None, None) => {}
                (Some(before), Some(print)) if before.print == *print => {}
                (Some(_), Some(_)) => return Err(codec::flawed(key, "not as last written")),
                (None, Some(_)) => return Err(codec::flawed(key, "lacks a record")),
                (Some(_), None) => {
                    return Err(codec::flawed(key, "holds one without a fingerprint"));
                }
            }
            let bytes = before.as_ref().map(|before| &*before.body);
            look(key, bytes, after.as_ref().map(|after| &*after.body))?;
            merged.extend(after.map(|after| {
                PackedRecord {
                    version: after
                        .version
                        .or(before.map(|before| before.version))
                        .unwrap_or(Version::START),
                    print: after.print,
                    body: after.body,
                    id,
                }
            }));
        }
        merged.extend(old);
        self.0 = merged;
        Ok(())
    }

    /// Returns how many pieces the block should be divided into; 1 while it is small.
    pub fn pieces(&self) -> usize {
        let n_bytes = self.len();
        if n_bytes <= FULL || self.0.len() == 1 {
            return 1;
        }
        n_bytes.div_ceil(PIECE)
    }

    /// Divides the block into this many pieces of about equal size, or fewer.
    pub fn divide(self, pieces: usize) -> Vec<Self> {
        let size = self.len().div_ceil(pieces.max(1));
        let mut divided = Vec::with_capacity(pieces);
        let mut piece = Self::default();
        let mut n_bytes = 0;
        for packed in self.0 {
            n_bytes += record_len(&packed);
            piece.0.push(packed);
            if n_bytes >= size {
                divided.push(std::mem::take(&mut piece));
                n_bytes = 0;
            }
        }
        if !piece.0.is_empty() {
            divided.push(piece);
        }
        divided
    }

    /// Returns its uncompressed size in bytes.
    fn len(&self) -> usize {
        self.0.iter().map(record_len).sum()
    }
}

/// A changed block that is not yet written.
#[derive(Debug)]
pub struct Changed {
    pub key: Key,
    pub no: TenantNo,
    pub kind: Kind,
    pub block: Block,
}

impl Changed {
    /// Makes the rows of the block. A block that is too large is divided, as far as the batch takes
    /// additional rows; what stays too large is divided another time.
    pub fn rows(self, n_free: &mut usize) -> Vec<Row> {
        let pieces = self.block.pieces().min(*n_free + 1);
        if self.block.0.is_empty() {
            return vec![(self.key, None)];
        }
        let divided = self.block.divide(pieces);
        *n_free -= divided.len() - 1;
        let row = |(index, piece): (usize, Block)| {
            // The first piece keeps the block's key, which may begin before its first id.
            let key = match piece.0.first() {
                Some(first) if index > 0 => keys::state(self.no, self.kind, &first.id),
                Some(_) | None => self.key.clone(),
            };
            let value = piece.write(&key);
            (key, Some(value))
        };
        divided.into_iter().enumerate().map(row).collect()
    }
}

/// Reads the blocks of a kind that changes fall into, and applies the changes.
pub fn change(
    db: &sled::Db,
    (no, kind): (TenantNo, Kind),
    changes: BTreeMap<Id, Option<After>>,
    known: &BTreeMap<Id, Fingerprint>,
    look: &mut Look<'_>,
) -> Result<Vec<Changed>, StoreError> {
    let prefix = keys::state_prefix(no, kind);
    let mut blocks = Vec::new();
    let mut rest = changes.into_iter().peekable();
    while let Some((first, _)) = rest.peek() {
        let (key, mut block) = holding(db, no, kind, first)?;
        let end = scan::key_after(db, &prefix, &key)?;
        let is_within = |id: &Id| {
            end.as_deref()
                .is_none_or(|end| *keys::state(no, kind, id) < *end)
        };
        let mut within = Vec::new();
        while let Some(change) = rest.next_if(|(id, _)| is_within(id)) {
            within.push(change);
        }
        block.apply(&key, within, known, look)?;
        blocks.push(Changed {
            key,
            no,
            kind,
            block,
        });
    }
    Ok(blocks)
}

/// Returns the block that an id belongs to, or an empty one if there is none.
pub fn holding(
    db: &sled::Db,
    no: TenantNo,
    kind: Kind,
    id: &Id,
) -> Result<(Key, Block), StoreError> {
    let prefix = keys::state_prefix(no, kind);
    let (key, value) = scan::holding(db, prefix, keys::state(no, kind, id))?;
    let block = match value {
        Some(value) => Block::read(&key, &value)?,
        None => Block::default(),
    };
    Ok((key, block))
}

/// Reads records in the order of their ids, after a given one, each with its block's key.
pub fn after(
    db: &sled::Db,
    no: TenantNo,
    kind: Kind,
    after: Option<&Id>,
) -> Result<impl Iterator<Item = Result<(Key, PackedRecord), StoreError>> + use<>, StoreError> {
    let prefix = keys::state_prefix(no, kind);
    let from = match after {
        Some(id) => scan::holding(db, prefix.clone(), keys::state(no, kind, id))?.0,
        None => prefix.clone(),
    };
    let after = after.cloned();
    let mut rows = scan::after(db, &prefix, Bound::Included(from));
    let mut records = (Key::new(), Vec::new().into_iter());
    Ok(std::iter::from_fn(move || {
        loop {
            let (key, block) = &mut records;
            let is_behind =
                |packed: &PackedRecord| after.as_ref().is_none_or(|after| *after < packed.id);
            if let Some(packed) = block.find(is_behind) {
                return Some(Ok((key.clone(), packed)));
            }
            let read = rows.next()?.and_then(|(key, value)| {
                Ok((key.to_vec(), Block::read(&key, &value)?.0.into_iter()))
            });
            match read {
                Ok(read) => records = read,
                Err(error) => return Some(Err(error)),
            }
        }
    }))
}

fn take(rest: &mut Bytes) -> Option<PackedRecord> {
    let id_len = usize::from(rest.try_get_u8().ok()?);
    let id = Id::from_key(rest.get(..id_len)?).ok()?;
    rest.advance(id_len);
    let version = Version(rest.try_get_u64().ok()?);
    let mut print = Fingerprint([0; 16]);
    rest.try_copy_to_slice(&mut print.0).ok()?;
    let body_len = usize::try_from(rest.try_get_u32().ok()?).ok()?;
    (body_len <= rest.len()).then(|| PackedRecord {
        id,
        version,
        print,
        body: rest.split_to(body_len),
    })
}

/// Returns roughly how many bytes a record takes; ids of other shapes may take more.
fn record_len(packed: &PackedRecord) -> usize {
    RECORD_HEAD + 13 + packed.body.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packed(number: u32, body_len: usize) -> PackedRecord {
        PackedRecord {
            id: Id::parse(&format!("60d5ca1b2f8a4c00{number:08x}")).unwrap(),
            version: Version(u64::from(number)),
            print: Fingerprint([7; 16]),
            body: vec![0xab; body_len].into(),
        }
    }

    fn block(body_lengths: &[usize]) -> Block {
        Block(
            (0..)
                .zip(body_lengths)
                .map(|(n, len)| packed(n, *len))
                .collect(),
        )
    }

    proptest! {
        #[test]
        fn a_divided_block_has_the_same_entries_in_no_more_pieces_than_told(
            body_lengths in prop::collection::vec(0..20_000_usize, 1..120),
        ) {
            let whole = block(&body_lengths);
            let pieces = whole.pieces();

            let divided = block(&body_lengths).divide(pieces);

            prop_assert!(divided.len() <= pieces);
            prop_assert!(divided.iter().all(|piece| !piece.0.is_empty()));
            let joined: Vec<_> = divided.into_iter().flat_map(|piece| piece.0).collect();
            prop_assert_eq!(joined, whole.0);
        }

        #[test]
        fn a_block_reads_as_it_was_written(body_lengths in prop::collection::vec(0..600_usize, 0..40)) {
            let (key, block) = (vec![0x20, 1], block(&body_lengths));

            prop_assert_eq!(Block::read(&key, &block.write(&key)).unwrap(), block);
        }
    }

    #[test]
    fn small_records_in_order_fill_blocks_of_about_one_size() {
        let divided = block(&[1_300; 95]).divide(block(&[1_300; 95]).pieces());

        assert!(divided.iter().all(|piece| piece.len() <= PIECE + 1_400));
        assert!(
            divided
                .iter()
                .rev()
                .skip(1)
                .all(|piece| piece.len() > PIECE / 2)
        );
    }

    #[test]
    fn a_large_record_stays_alone_and_whole() {
        assert_eq!(block(&[200_000]).pieces(), 1);
        assert!(block(&[200_000, 10]).pieces() > 1);
    }

    #[test]
    fn a_block_is_divided_into_as_many_pieces_as_the_batch_takes() {
        let changed = |n_free: &mut usize| {
            let no = TenantNo(1);
            let key = keys::state_prefix(no, Kind::User);
            let block = block(&[1_300; 95]);
            let rows = Changed {
                key,
                no,
                kind: Kind::User,
                block,
            }
            .rows(n_free);
            rows.len()
        };
        for (mut n_free, rows, left) in [(0, 1, 0), (3, 4, 0), (50, 11, 40)] {
            assert_eq!((changed(&mut n_free), n_free), (rows, left));
        }
    }

    #[test]
    fn a_value_that_is_no_block_is_damage() {
        let key = vec![0x20, 1];
        let bad = |bytes: &[u8]| {
            let value = codec::seal(PACKED, &key, &[], &codec::pack_bytes(bytes));
            Block::read(&key, &value).unwrap_err().to_string()
        };
        let good = |records: &[PackedRecord]| {
            let value = Block(records.to_vec()).write(&key);
            codec::unpack_bytes(&key, codec::open(PACKED, &key, &value).unwrap())
                .unwrap()
                .into_owned()
        };

        let one = good(&[packed(1, 5)]);
        for len in 1..one.len() {
            assert!(bad(&one[..len]).contains("cut short"), "{len}");
        }
        assert!(bad(&good(&[packed(2, 5), packed(1, 5)])).contains("out of order"));
        assert!(bad(&good(&[packed(2, 5), packed(2, 5)])).contains("out of order"));
    }
}
