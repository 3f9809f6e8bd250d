//! Reads the messages of a segment, and skips bytes that belong to none.

use std::ops::RangeInclusive;

/// Bytes of a segment.
pub const SEGMENT: usize = 512 * 1024;

/// Bytes of a segment's header.
const HEADER: usize = 20;

/// The most bytes that precede a message's body. No message begins closer than this to the end of a
/// segment.
const MESSAGE_HEADER: usize = 32;

const ZEROS: [u8; 4096] = [0; 4096];

/// The mask for the two numbers of a header, which makes zeros invalid.
const MASK: u64 = 0x7FFF_FFFF_FFFF_FFFF;

/// The header of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Its position in the order of writing, in bytes.
    pub lsn: u64,
    /// Everything up to here was on disk when the segment was begun.
    pub stable: u64,
}

/// The kind of a message. The numbers are sled's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// A change that was cancelled.
    Cancelled = 1,
    /// The segment ends here.
    Cap = 2,
    /// The beginning of a write of several rows.
    Batch = 3,
    /// A page was freed.
    Free = 4,
    /// One of sled's counters.
    Counter = 5,
    /// The list of sled's trees.
    Meta = 6,
    /// The same in a file of its own.
    MetaElsewhere = 7,
    /// A whole page.
    Node = 8,
    /// The same in a file of its own.
    NodeElsewhere = 9,
    /// A change of a page.
    Link = 10,
    /// The same in a file of its own.
    LinkElsewhere = 11,
}

impl MessageKind {
    const NUMBERS: RangeInclusive<u8> = 1..=11;

    pub fn of(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Cancelled,
            2 => Self::Cap,
            3 => Self::Batch,
            4 => Self::Free,
            5 => Self::Counter,
            6 => Self::Meta,
            7 => Self::MetaElsewhere,
            8 => Self::Node,
            9 => Self::NodeElsewhere,
            10 => Self::Link,
            11 => Self::LinkElsewhere,
            _ => return None,
        })
    }

    /// Returns whether the body only names the file that contains it.
    pub fn is_elsewhere(self) -> bool {
        matches!(
            self,
            Self::MetaElsewhere | Self::NodeElsewhere | Self::LinkElsewhere
        )
    }
}

/// A message.
#[derive(Debug, Clone, Copy)]
pub struct Message<'bytes> {
    pub kind: MessageKind,
    /// The page that it concerns.
    pub page: u64,
    pub body: &'bytes [u8],
    /// The number of its segment in the order of writing.
    number: u64,
    /// Where it ends in the segment.
    end: usize,
}

/// How the messages of a segment end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// It is full.
    Full,
    /// More could follow.
    Open,
    /// Some bytes between them cannot be read.
    Gap,
}

/// The result of reading a segment's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Walked {
    /// Its number in the order of writing; `None` if nothing in it can be read.
    pub number: Option<u64>,
    pub stop: Stop,
}

/// Reads the header of a segment. `None` if it cannot be read.
pub fn header(bytes: &[u8]) -> Option<Header> {
    let (sum, sealed) = bytes.get(..HEADER)?.split_first_chunk()?;
    let (lsn, rest) = sealed.split_first_chunk()?;
    let (stable, _) = rest.split_first_chunk()?;
    let header = Header {
        lsn: u64::from_le_bytes(*lsn) ^ MASK,
        stable: u64::from_le_bytes(*stable) ^ MASK,
    };
    // sled writes -1 while nothing is on disk yet.
    let stable = if header.stable > MASK {
        0
    } else {
        header.stable
    };
    let is_sound = !crc32fast::hash(sealed) == u32::from_le_bytes(*sum);
    (is_sound && header.lsn.is_multiple_of(SEGMENT as u64)).then_some(Header { stable, ..header })
}

/// Passes on each readable message of a segment. After unreadable bytes it continues at the next
/// message that belongs to this segment: one from before the segment was reused has another number.
pub fn walk<'bytes>(
    bytes: &'bytes [u8],
    highest: u64,
    sink: &mut dyn FnMut(Message<'bytes>),
) -> Walked {
    let mut walked = Walked {
        number: header(bytes).map(|header| header.lsn / SEGMENT as u64),
        stop: Stop::Open,
    };
    let (mut at, mut is_lost, mut has_gap) = (HEADER, false, false);
    while at + MESSAGE_HEADER <= SEGMENT {
        let message = message_at(bytes, at).filter(|message| match walked.number {
            Some(number) => message.number == number,
            None => message.number <= highest,
        });
        let Some(message) = message else {
            is_lost = true;
            match next_kind(bytes, at + 1) {
                Some(next) => at = next,
                None => break,
            }
            continue;
        };
        has_gap |= is_lost;
        is_lost = false;
        walked.number = Some(message.number);
        at = message.end;
        if message.kind == MessageKind::Cap {
            at = SEGMENT;
        } else {
            sink(message);
        }
    }
    if has_gap {
        walked.stop = Stop::Gap;
    } else if !is_lost && bytes.len() == SEGMENT {
        walked.stop = Stop::Full;
    }
    walked
}

/// Returns the next position at which a message could begin: its fifth byte is its kind.
fn next_kind(bytes: &[u8], mut at: usize) -> Option<usize> {
    // Usually nothing was ever written there.
    while bytes
        .get(at + 4..)
        .is_some_and(|rest| rest.starts_with(&ZEROS))
    {
        at += ZEROS.len();
    }
    let kinds = bytes.get(at + 4..)?;
    let next = kinds
        .iter()
        .position(|byte| MessageKind::NUMBERS.contains(byte))?;
    Some(at + next)
}

/// Reads the message at a position: checksum, kind, length, segment number, page, and its body.
fn message_at(bytes: &[u8], at: usize) -> Option<Message<'_>> {
    let all = bytes.get(at..)?;
    let (sum, sealed) = all.split_first_chunk()?;
    let (kind, mut rest) = sealed.split_first()?;
    let kind = MessageKind::of(*kind)?;
    let len = usize::try_from(number(&mut rest)?).ok()?;
    let (of, page) = (number(&mut rest)?, number(&mut rest)?);
    let body = rest.get(..len)?;
    let header = sealed.get(..sealed.len() - rest.len())?;
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(body);
    hasher.update(header);
    (!hasher.finalize() == u32::from_le_bytes(*sum)).then(|| Message {
        kind,
        page,
        body,
        number: of,
        end: at + 4 + header.len() + len,
    })
}

/// Takes a number of one to nine bytes from the front.
pub fn number(bytes: &mut &[u8]) -> Option<u64> {
    let (first, rest) = bytes.split_first()?;
    let mut digits = [0; 8];
    let (value, len) = match *first {
        0..=240 => (u64::from(*first), 0),
        241..=248 => {
            let more = u64::from(*first - 241) * 256 + u64::from(*rest.first()?);
            (240 + more, 1)
        }
        249 => {
            let more = rest.first_chunk().map(|two| u16::from_be_bytes(*two))?;
            (2288 + u64::from(more), 2)
        }
        _ => {
            let len = usize::from(*first) - 247;
            digits.get_mut(..len)?.copy_from_slice(rest.get(..len)?);
            (u64::from_le_bytes(digits), len)
        }
    };
    *bytes = rest.get(len..)?;
    Some(value)
}
