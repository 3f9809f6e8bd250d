//! What is wrong with a text that is not a schedule.

/// Why a text is not a schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSchedule {
    /// It is not an interval, and not a cron expression.
    #[error(
        "`{text}` is not an interval, which has a number and a unit, and not a cron expression"
    )]
    NotASchedule {
        /// The text.
        text: String,
    },
    /// It is a number alone.
    #[error("`{text}` has no unit: `s`, `m`, `h` or `d`")]
    NoUnit {
        /// The text.
        text: String,
    },
    /// The interval is too short or too long.
    #[error("the interval is shorter than 10 seconds or longer than 7 days")]
    OutOfBounds,
    /// A cron expression has the wrong number of fields.
    #[error(
        "a cron expression has five fields, or six or seven with seconds; this one has {n_fields}"
    )]
    Fields {
        /// How many it has.
        n_fields: usize,
    },
    /// A field of a cron expression cannot be read.
    #[error("`{field}` in the cron expression: {reason}")]
    Field {
        /// The field as written.
        field: String,
        /// What is wrong.
        reason: String,
    },
    /// The seconds are more than one number.
    #[error(
        "the first of the six or seven fields, the seconds, must be one number: else a run would start each second"
    )]
    TooOften,
    /// No date fits.
    #[error("no day in the calendar matches the cron expression")]
    Never,
}

impl InvalidSchedule {
    /// Says what is wrong with a text of one word.
    pub(super) fn of(text: &str) -> Self {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let text = text.to_owned();
        match is_number {
            true => Self::NoUnit { text },
            false => Self::NotASchedule { text },
        }
    }
}
