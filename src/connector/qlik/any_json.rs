//! Answers that nobody expects, for property tests of what reads Qlik's answers.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::Value;

/// An id that is valid.
const ID: &str = "60d5ca1b2f8a4c0012345678";

/// Makes any JSON, whose objects mostly have members with these names.
pub(super) fn any_json(names: &[&str]) -> impl Strategy<Value = Value> + use<> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(Value::from(ID)),
        Just(Value::from("deleted")),
        Just(Value::from("2026-03-01T10:00:00Z")),
    ];
    leaf.prop_recursive(3, 24, 6, move |inner| {
        let name = prop_oneof![4 => select(names.clone()), 1 => ".{0,6}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Makes the text of an answer like an example, of which some members are odd, or missing; or any
/// other JSON, the beginning of one, or any other text.
pub(super) fn any_answer(example: &Value) -> impl Strategy<Value = String> + use<> {
    let names: Vec<String> = example.as_object().unwrap().keys().cloned().collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let odd = (any::<Index>(), any_json(&names), any::<bool>());
    let example = example.as_object().unwrap().clone();
    let like_it = prop::collection::vec(odd, 0..3).prop_map(move |odd| {
        let mut object = example.clone();
        for (at, value, is_kept) in odd {
            let Some(name) = object.keys().nth(at.index(object.len().max(1))).cloned() else {
                continue;
            };
            match is_kept {
                true => object.insert(name, value),
                false => object.remove(&name),
            };
        }
        Value::Object(object)
    });
    let json = prop_oneof![3 => like_it, 1 => any_json(&names)];
    let text = json.prop_map(|json| json.to_string()).boxed();
    let cut = (text.clone(), any::<Index>()).prop_map(|(text, at)| {
        let text: Vec<char> = text.chars().collect();
        text[..at.index(text.len())].iter().collect()
    });
    prop_oneof![8 => text, 1 => cut, 1 => ".{0,40}"]
}
