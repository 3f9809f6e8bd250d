//! A finding about an account that an operator has looked at and accepts as it is.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// The id of a finding, such as `f-3fa9c2e17b`. It stays the same each time the finding is found.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct FindingId(pub [u8; 5]);

/// The text is not the id of a finding.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a finding's id looks like `f-3fa9c2e17b`; `qlik-roster findings` lists the findings")]
pub struct InvalidFindingId;

/// Who accepted a finding and why, and what the finding consisted of at that time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// When it was accepted.
    pub at: Timestamp,
    /// By whom, as they called themselves.
    pub by: String,
    /// Why.
    pub why: String,
    /// What the finding consisted of. It is listed again once it consists of more.
    pub extent: BTreeSet<String>,
}

impl Acceptance {
    /// Returns whether the acceptance covers everything that the finding consists of now.
    pub fn covers(&self, extent: &BTreeSet<String>) -> bool {
        extent.is_subset(&self.extent)
    }
}

impl fmt::Display for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("f-")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for FindingId {
    type Err = InvalidFindingId;

    fn from_str(text: &str) -> Result<Self, InvalidFindingId> {
        let mut bytes = [0; 5];
        let digits = text.strip_prefix("f-").ok_or(InvalidFindingId)?;
        hex::decode_to_slice(digits, &mut bytes).map_err(|_not_hex| InvalidFindingId)?;
        Ok(Self(bytes))
    }
}

impl From<FindingId> for String {
    fn from(id: FindingId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for FindingId {
    type Error = InvalidFindingId;

    fn try_from(text: String) -> Result<Self, InvalidFindingId> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_as_it_is_written() {
        let id = FindingId([0x3f, 0xa9, 0xc2, 0xe1, 0x07]);

        assert_eq!(id.to_string(), "f-3fa9c2e107");
        assert_eq!("f-3fa9c2e107".parse(), Ok(id));
        assert_eq!(serde_json::json!(id), "f-3fa9c2e107");
        for text in [
            "",
            "3fa9c2e107",
            "f-3fa9c2e1",
            "f-3fa9c2e10g",
            "f-3fa9c2e10700",
        ] {
            assert_eq!(text.parse::<FindingId>(), Err(InvalidFindingId), "{text}");
        }
    }

    #[test]
    fn an_acceptance_holds_for_no_more_than_there_was() {
        let set = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let acceptance = Acceptance {
            at: Timestamp::from_millis(0),
            by: "ops".to_owned(),
            why: "known".to_owned(),
            extent: set(&["a", "b"]),
        };

        for (extent, covers) in [
            (&["a", "b"][..], true),
            (&["b"], true),
            (&["b", "c"], false),
        ] {
            assert_eq!(acceptance.covers(&set(extent)), covers, "{extent:?}");
        }
    }
}
