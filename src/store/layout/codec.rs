//! The bytes of values: a format byte, the payload, a checksum over both and the key.
//!
//! The checksum covers the key, so that a value found under a key other than its own counts as
//! damaged too. The format byte says which layout the payload has: only types of `layout` have one,
//! so nothing else can be written.

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::Range;

use lz4_flex::block::{compress_into, decompress_into, get_maximum_output_size, uncompressed_size};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::store::error::StoreError;
use crate::store::values::row::Row;

use super::Stored;
use super::keys::{self, Key};

/// Bytes of the checksum at the end.
const SUM_LEN: usize = 8;

/// Below this size compression costs more than it saves.
const WORTH_PACKING: usize = 96;

/// The most bytes of a buffer that a thread keeps.
const KEPT_BUFFER: usize = 32 * 1024;

/// The faults of bytes that we did not write, or that we wrote as another type.
const UNPACKS_NOT: &str = "does not unpack";
const READS_NOT: &str = "does not read as what it should be";

/// The fault of a value that differs from what was written, or is under another key.
pub const OTHER_SUM: &str = "its checksum does not hold";

const PLAIN: u8 = 0;
const LZ4: u8 = 1;

/// Encodes a small row.
pub fn row<T: Stored + Serialize>(key: &[u8], content: &T) -> Vec<u8> {
    seal(T::FORMAT, key, &[], &to_bytes(content, Vec::new()))
}

/// Decodes a small row.
pub fn read_row<T: Stored + DeserializeOwned>(key: &[u8], value: &[u8]) -> Result<T, StoreError> {
    from_bytes(key, open(T::FORMAT, key, value)?)
}

/// Encodes a row that is compressed.
pub fn packed_row<T: Stored + Serialize>(key: &[u8], content: &T) -> Vec<u8> {
    seal(T::FORMAT, key, &[], &pack(content))
}

/// Decodes a row that is compressed.
pub fn read_packed_row<T: Stored + DeserializeOwned>(
    key: &[u8],
    value: &[u8],
) -> Result<T, StoreError> {
    unpack_with(key, open(T::FORMAT, key, value)?, |plain| {
        from_bytes(key, plain)
    })
}

/// Makes a value whose content consists of two parts, one after the other.
pub fn seal(format: u8, key: &[u8], head: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(1 + head.len() + payload.len() + SUM_LEN);
    value.push(format);
    value.extend_from_slice(head);
    value.extend_from_slice(payload);
    let sum = checksum(key, &value);
    value.extend_from_slice(&sum.to_be_bytes());
    value
}

/// Verifies a value of a format and returns the bytes between the format byte and the checksum.
pub fn open<'value>(
    format: u8,
    key: &[u8],
    value: &'value [u8],
) -> Result<&'value [u8], StoreError> {
    match verify(key, value)? {
        (found, payload) if found == format => Ok(payload),
        (found, _) => Err(unknown(key, found)),
    }
}

/// Verifies a value of any format; returns the format and the bytes after it.
pub fn verify<'value>(key: &[u8], value: &'value [u8]) -> Result<(u8, &'value [u8]), StoreError> {
    let (sealed, sum) = value
        .split_last_chunk::<SUM_LEN>()
        .ok_or_else(|| flawed(key, "cut short"))?;
    if checksum(key, sealed) != u64::from_be_bytes(*sum) {
        return Err(flawed(key, OTHER_SUM));
    }
    match sealed.split_first() {
        Some((format, payload)) => Ok((*format, payload)),
        None => Err(flawed(key, "cut short")),
    }
}

/// Returns the error for a value whose layout this code does not read.
pub fn unknown(key: &[u8], format: u8) -> StoreError {
    flawed(key, &format!("has format {format}, which is not read here"))
}

/// Serializes content, and compresses it if that makes it shorter.
///
/// Works in buffers that each thread keeps and returns a vector of just the right size: new
/// buffers for every entry cost the allocator more than the compression takes.
pub fn pack<T: Stored + Serialize>(content: &T) -> Vec<u8> {
    thread_local! {
        static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    }
    let mut buffer = BUFFER.take();
    buffer.clear();
    let plain = to_bytes(content, buffer);
    let packed = pack_bytes(&plain);
    // A buffer that grew unusually large is not kept.
    if plain.capacity() <= KEPT_BUFFER {
        BUFFER.set(plain);
    }
    packed
}

/// Appends the serialized content, and returns its range.
pub fn append<T: Stored + Serialize>(bytes: &mut Vec<u8>, content: &T) -> Range<usize> {
    let start = bytes.len();
    *bytes = to_bytes(content, std::mem::take(bytes));
    start..bytes.len()
}

/// Compresses bytes if that makes them shorter.
pub fn pack_bytes(plain: &[u8]) -> Vec<u8> {
    thread_local! {
        static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    }
    let mut packed = BUFFER.take();
    let out = match compress(plain, &mut packed) {
        Some(compressed) => compressed.to_vec(),
        None => tagged(PLAIN, plain),
    };
    if packed.capacity() <= KEPT_BUFFER {
        BUFFER.set(packed);
    }
    out
}

/// Returns the tag, the length and the compressed bytes; `None` if that is not shorter.
fn compress<'packed>(bytes: &[u8], packed: &'packed mut Vec<u8>) -> Option<&'packed [u8]> {
    const HEAD: usize = 5;
    let length = u32::try_from(bytes.len()).ok()?;
    if bytes.len() < WORTH_PACKING {
        return None;
    }
    let capacity = HEAD + get_maximum_output_size(bytes.len());
    if packed.len() < capacity {
        packed.resize(capacity, 0);
    }
    let (head, rest) = packed.split_first_chunk_mut::<HEAD>()?;
    let [a, b, c, d] = length.to_le_bytes();
    *head = [LZ4, a, b, c, d];
    let n_bytes = compress_into(bytes, rest).ok()?;
    let packed = packed.get(..HEAD + n_bytes)?;
    (packed.len() - 1 < bytes.len()).then_some(packed)
}

/// Unpacks what [`pack`] made, in a buffer that the thread keeps, and passes it on. The bytes were
/// already verified.
pub fn unpack_with<T>(
    key: &[u8],
    packed: &[u8],
    read: impl FnOnce(&[u8]) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    thread_local! {
        static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    }
    let Some((&LZ4, bytes)) = packed.split_first() else {
        return read(&unpack_bytes(key, packed)?);
    };
    let mut buffer = BUFFER.take();
    let content = decompress(bytes, &mut buffer)
        .ok_or_else(|| flawed(key, UNPACKS_NOT))
        .and_then(read);
    if buffer.capacity() <= KEPT_BUFFER {
        BUFFER.set(buffer);
    }
    content
}

/// Decodes the first part of some bytes; returns the content and the remaining bytes.
pub fn first_of<'bytes, T: DeserializeOwned>(
    key: &[u8],
    bytes: &'bytes [u8],
) -> Result<(T, &'bytes [u8]), StoreError> {
    postcard::take_from_bytes(bytes).map_err(|_unreadable| flawed(key, READS_NOT))
}

/// Decodes the first part of some bytes without copying texts; returns the content and the
/// remaining bytes.
pub fn borrowed<'bytes, T: Deserialize<'bytes>>(
    key: &[u8],
    bytes: &'bytes [u8],
) -> Result<(T, &'bytes [u8]), StoreError> {
    postcard::take_from_bytes(bytes).map_err(|_unreadable| flawed(key, READS_NOT))
}

/// Unpacks what [`pack_bytes`] made. The bytes were already verified.
pub fn unpack_bytes<'packed>(
    key: &[u8],
    packed: &'packed [u8],
) -> Result<Cow<'packed, [u8]>, StoreError> {
    match packed.split_first() {
        Some((&PLAIN, bytes)) => Ok(Cow::Borrowed(bytes)),
        Some((&LZ4, bytes)) => {
            let mut plain = Vec::new();
            decompress(bytes, &mut plain).ok_or_else(|| flawed(key, UNPACKS_NOT))?;
            Ok(Cow::Owned(plain))
        }
        Some(_) | None => Err(flawed(key, "no packing that this version writes")),
    }
}

/// Decompresses bytes that begin with the decompressed length.
fn decompress<'plain>(bytes: &[u8], plain: &'plain mut Vec<u8>) -> Option<&'plain [u8]> {
    let (length, rest) = uncompressed_size(bytes).ok()?;
    if plain.len() < length {
        plain.resize(length, 0);
    }
    let plain = plain.get_mut(..length)?;
    let n_bytes = decompress_into(rest, plain).ok()?;
    (n_bytes == length).then_some(plain)
}

/// Returns the error for a value that is not what was written.
pub fn flawed(key: &[u8], how: &str) -> StoreError {
    StoreError::damaged(format!("{}: {how}", keys::describe(key)))
}

/// Pairs a key with its small row, for a write.
pub fn put<T: Stored + Serialize>(key: Key, content: &T) -> Row {
    let value = row(&key, content);
    (key, Some(value))
}

fn tagged(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let mut tagged = Vec::with_capacity(1 + bytes.len());
    tagged.push(tag);
    tagged.extend_from_slice(bytes);
    tagged
}

fn checksum(key: &[u8], sealed: &[u8]) -> u64 {
    xxh3_64_with_seed(sealed, xxh3_64(key))
}

/// Serializes content, and appends it to what a buffer already contains.
fn to_bytes<T: Serialize>(content: &T, buffer: Vec<u8>) -> Vec<u8> {
    postcard::to_extend(content, buffer).expect("our own types have lengths and go into memory")
}

/// Decodes what [`append`] made.
pub fn from_bytes<T: DeserializeOwned>(key: &[u8], bytes: &[u8]) -> Result<T, StoreError> {
    match postcard::take_from_bytes(bytes) {
        Ok((content, [])) => Ok(content),
        Ok(_) => Err(flawed(key, "longer than what it holds")),
        Err(_unreadable) => Err(flawed(key, READS_NOT)),
    }
}
