//! Tokens are kept until they are removed, with the time of their last use.

use crate::clock::Clock;
use crate::model::{ApiToken, Scope, TenantId, Timestamp, TokenDigest, TokenId};
use crate::store::layout::v9::api_token as v9;
use crate::store::layout::{codec, keys};

use super::salvage::salvaged;
use super::support::{self, in_hex};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn token(number: u8) -> ApiToken {
    ApiToken {
        id: TokenId([number; 6]),
        digest: TokenDigest([number; 32]),
        name: format!("token {number}"),
        scopes: [Scope::Read, Scope::Events].into(),
        tenants: Some([TenantId("T1".into())].into()),
        created_at: at(1_000),
        created_by: "ops".into(),
        expires_at: Some(at(9_000)),
        last_used_at: None,
    }
}

#[test]
fn the_bytes_of_a_token() {
    let token = ApiToken {
        last_used_at: Some(at(2_000)),
        ..token(7)
    };
    let key = keys::api_token(token.id);

    let bytes = codec::row(&key, &v9::ApiToken::from(&token));

    insta::assert_snapshot!(in_hex(&key), @"a0070707070707");
    insta::assert_snapshot!(in_hex(&bytes), @"09070707070707070707070707070707070707070707070707070707070707070707746f6b656e20370200020101025431d00f036f707301d08c0101a01f2b9a7aea78c6c354");
    assert_eq!(keys::api_token_of(&key), Some(token.id));
    assert_eq!(keys::api_token_of(&key[..6]), None);
    let read: v9::ApiToken = codec::read_row(&key, &bytes).unwrap();
    assert_eq!(read.with_id(token.id), token);
}

#[test]
fn a_token_is_kept_with_its_last_use_until_it_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let store = support::open(dir.path());
    let (one, other) = (token(1), token(2));
    store.add_api_token(&other).unwrap();
    store.add_api_token(&one).unwrap();

    for millis in [5_000, 4_000] {
        store.note_api_token_use(one.id, at(millis)).unwrap();
    }
    let used = ApiToken {
        last_used_at: Some(at(5_000)),
        ..one.clone()
    };
    assert_eq!(store.api_tokens().unwrap(), [used.clone(), other.clone()]);
    assert_eq!(store.remove_api_token(one.id).unwrap(), Some(used));
    assert_eq!(store.remove_api_token(one.id).unwrap(), None);
    store.note_api_token_use(one.id, at(6_000)).unwrap();
    store.close().unwrap();

    let store = support::open(dir.path());
    assert_eq!(store.api_tokens().unwrap(), [other]);
    assert_eq!(store.check().unwrap().faults, []);
    store.close().unwrap();
}

#[test]
fn a_damaged_store_keeps_its_tokens() {
    let dir = tempfile::tempdir().unwrap();
    let store = support::open(dir.path());
    store.add_api_token(&token(3)).unwrap();
    store.close().unwrap();

    let store = salvaged(dir.path(), &Clock::system());

    assert_eq!(store.api_tokens().unwrap(), [token(3)]);
    store.close().unwrap();
}
