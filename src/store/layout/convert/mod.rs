//! Says what stored bytes mean: turns the types of `layout` into the values that the program
//! works with, and back.
//!
//! Both sides are taken apart field by field, without `..`: a field that is new in the model does
//! not compile until it is decided here what older bytes mean, and in which layout it is kept.

mod acceptance;
mod delivery;
mod entry;
mod plan;
mod record;
mod run;
mod tenant;

/// Turns enums without fields into each other, variant by variant.
macro_rules! same_words {
    ($($ours:ty = $stored:ty { $($word:ident),+ $(,)? })+) => {$(
        impl From<$ours> for $stored {
            fn from(ours: $ours) -> Self {
                match ours { $(<$ours>::$word => Self::$word),+ }
            }
        }

        impl From<$stored> for $ours {
            fn from(stored: $stored) -> Self {
                match stored { $(<$stored>::$word => Self::$word),+ }
            }
        }
    )+};
}

use same_words;

use std::borrow::Cow;

/// Borrows a text that may be missing.
fn text(text: Option<&String>) -> Option<Cow<'_, str>> {
    text.map(|text| Cow::Borrowed(text.as_str()))
}

/// Takes over what was read.
fn owned<T: ToOwned + ?Sized>(read: Option<Cow<'_, T>>) -> Option<T::Owned> {
    read.map(Cow::into_owned)
}

/// Turns both parts of each pair.
fn pairs<A: Into<B>, X: Into<Y>, B, Y, C: FromIterator<(B, Y)>>(
    pairs: impl IntoIterator<Item = (A, X)>,
) -> C {
    let turned = pairs
        .into_iter()
        .map(|(key, value)| (key.into(), value.into()));
    turned.collect()
}
