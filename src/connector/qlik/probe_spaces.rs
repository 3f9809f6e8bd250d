//! Checks what credentials may read of spaces: the list, and for the first few spaces who is
//! assigned and what is shared.

use super::client::Client;
use super::{ReadError, is_absence, spaces};

/// How many spaces of the list are looked at.
const SAMPLE: usize = 20;
/// For how many spaces the assignments and shares are asked for. Few, since somebody waits and each
/// space takes two requests.
const LOOKED_AT: usize = 3;

/// What the first spaces show.
#[derive(Debug)]
pub struct VisibleSpaces {
    /// How many there are by the source's count; `None` if it does not count.
    pub total: Option<u64>,
    /// How many were looked at in the list.
    pub sampled: usize,
    /// How many of these could not be read.
    pub unreadable: usize,
    /// In how many spaces we see who is assigned.
    pub assignments: VisiblePart,
    /// In how many spaces we see what is shared.
    pub shares: VisiblePart,
}

/// In how many spaces one part, assignments or shares, can be read.
#[derive(Debug, Default)]
pub struct VisiblePart {
    /// In how many of the spaces that we asked about it can be read.
    pub visible: usize,
    /// How many spaces we asked about.
    pub asked: usize,
    /// Why the first failure happened; `None` if all spaces could be read.
    pub refused: Option<ReadError>,
}

impl VisiblePart {
    fn take(&mut self, read: Result<(), ReadError>) {
        self.asked += 1;
        match read {
            Ok(()) => self.visible += 1,
            Err(error) => {
                self.refused.get_or_insert(error);
            }
        }
    }

    /// Returns whether the credentials are not allowed to read the part, although they could read
    /// the space.
    pub fn is_hidden(&self) -> bool {
        let refused = self.refused.as_ref();
        refused.is_some_and(|error| error.is_forbidden() || is_absence(error))
    }
}

/// Asks for the first spaces.
pub(super) async fn look(client: &Client) -> Result<VisibleSpaces, ReadError> {
    let first = spaces::first(client, SAMPLE).await?;
    let mut seen = VisibleSpaces {
        total: first.total,
        sampled: first.ids.len() + first.unreadable,
        unreadable: first.unreadable,
        assignments: VisiblePart::default(),
        shares: VisiblePart::default(),
    };
    for id in first.ids.iter().take(LOOKED_AT) {
        let (assignments, shares) = spaces::try_parts(client, id).await;
        seen.assignments.take(assignments);
        seen.shares.take(shares);
    }
    Ok(seen)
}
