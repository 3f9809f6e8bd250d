//! Interprets stored bytes: converts the types of `layout` into the values that the program uses,
//! and back.
//!
//! Both sides are destructured field by field, without `..`: a new field in the model does not
//! compile until it is decided here what older bytes mean, and in which layout it is stored.

mod acceptance;
mod api_token;
mod delivery;
mod entry;
mod fact;
mod late_report;
mod licence;
mod plan;
mod posting;
mod record;
mod right;
mod run;
mod space;
mod tenant;

/// Converts enums without fields into each other, variant by variant.
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

/// Borrows an optional text.
fn text(text: Option<&String>) -> Option<Cow<'_, str>> {
    text.map(|text| Cow::Borrowed(text.as_str()))
}

/// Makes an owned value of what was read.
fn owned<T: ToOwned + ?Sized>(read: Option<Cow<'_, T>>) -> Option<T::Owned> {
    read.map(Cow::into_owned)
}

/// Converts both parts of each pair.
fn pairs<A: Into<B>, X: Into<Y>, B, Y, C: FromIterator<(B, Y)>>(
    pairs: impl IntoIterator<Item = (A, X)>,
) -> C {
    let turned = pairs
        .into_iter()
        .map(|(key, value)| (key.into(), value.into()));
    turned.collect()
}
