//! Paging cursors in the form of Qlik's own library: BSON of `{field, _id}`, base64url.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::model::Id;

use super::record::{Field, Value};
use super::table::{Key, Position, is_id};

const OBJECT_ID: u8 = 0x07;
const STRING: u8 = 0x02;
const INT_64: u8 = 0x12;

/// Writes the cursor of a position. A null is left out, as Qlik's library does: the cursor
/// comes out too short to be read again.
pub fn encode(field: Field, position: &Position) -> String {
    let mut body = Vec::with_capacity(64);
    if !is_id(field) {
        match &position.value {
            Value::Null => {}
            Value::Number(number) => {
                head(&mut body, INT_64, "v");
                body.extend_from_slice(&number.to_le_bytes());
            }
            Value::Text(text) => string(&mut body, "v", text),
        }
    }
    match position.key.0.object_bytes() {
        Some(bytes) => {
            head(&mut body, OBJECT_ID, "_id");
            body.extend_from_slice(&bytes);
        }
        None => string(&mut body, "_id", &position.key.0.to_string()),
    }
    body.push(0);
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    let mut document = length.to_le_bytes().to_vec();
    document.append(&mut body);
    URL_SAFE_NO_PAD.encode(document)
}

/// Reads a cursor; `None` if it is not ours or was made for another sort order.
pub fn decode(field: Field, cursor: &str) -> Option<Position> {
    let document = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let length = u32::from_le_bytes(document.first_chunk().copied()?);
    if usize::try_from(length).ok()? != document.len() {
        return None;
    }
    let mut rest = document.get(4..)?;
    let mut value = Value::Null;
    if !is_id(field) {
        (value, rest) = element(rest, b"v\0")?;
    }
    let (id, rest) = element(rest, b"_id\0")?;
    let Value::Text(id) = id else { return None };
    let key = Key(Id::parse(&id).ok()?);
    (rest == [0]).then_some(Position { value, key })
}

fn head(body: &mut Vec<u8>, kind: u8, name: &str) {
    body.push(kind);
    body.extend_from_slice(name.as_bytes());
    body.push(0);
}

fn string(body: &mut Vec<u8>, name: &str, text: &str) {
    head(body, STRING, name);
    let length = u32::try_from(text.len() + 1).unwrap_or(u32::MAX);
    body.extend_from_slice(&length.to_le_bytes());
    body.extend_from_slice(text.as_bytes());
    body.push(0);
}

fn element<'a>(bytes: &'a [u8], name: &[u8]) -> Option<(Value, &'a [u8])> {
    let (kind, rest) = bytes.split_first()?;
    let rest = rest.strip_prefix(name)?;
    match *kind {
        INT_64 => {
            let (number, rest) = rest.split_first_chunk()?;
            Some((Value::Number(i64::from_le_bytes(*number)), rest))
        }
        OBJECT_ID => {
            let (bytes, rest) = rest.split_first_chunk()?;
            let id = Id::from_object_bytes(*bytes).to_string();
            Some((Value::Text(id.into()), rest))
        }
        STRING => {
            let (length, rest) = rest.split_first_chunk()?;
            let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
            let (text, rest) = rest.split_at_checked(length)?;
            let text = std::str::from_utf8(text.strip_suffix(&[0])?).ok()?;
            Some((Value::Text(text.into()), rest))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_for_its_own_sort_only() {
        let id = Id::parse("60d5ca1b2f8a4c0012345678").unwrap();
        let position = Position {
            value: Value::Text("Zoë \\ \"x\"".into()),
            key: Key(id),
        };

        let by_name = encode(Field::Name, &position);
        let by_id = encode(Field::Id, &position);

        assert_eq!(decode(Field::Name, &by_name), Some(position));
        assert_eq!(decode(Field::Id, &by_name), None);
        assert_eq!(decode(Field::Name, &by_id), None);
        assert!(by_id.starts_with("FgAAAAdfaWQA"), "{by_id}");
    }

    #[test]
    fn the_cursor_of_a_null_cannot_be_followed() {
        let position = Position {
            value: Value::Null,
            key: Key(Id::parse("legacy-id-of-another-form").unwrap()),
        };

        assert_eq!(decode(Field::Email, &encode(Field::Email, &position)), None);
        assert_eq!(
            decode(Field::Id, &encode(Field::Id, &position)),
            Some(position)
        );
        assert_eq!(decode(Field::Id, "nonsense"), None);
    }
}
