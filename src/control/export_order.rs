//! Orders the daemon to write an export now.

use super::acting::Acting;
use super::{Begun, Command, ControlError, Exported, command};

impl Command for command::WriteExport {
    type Answer = Begun<Exported>;

    fn about(&self) -> &'static str {
        "write an export"
    }

    fn carry_out(self, acting: &Acting<'_>) -> Result<Self::Answer, ControlError> {
        let work = acting.context.exports.begin(&self.name)?;
        tracing::info!(
            by = %acting.by,
            export.name = %self.name,
            "Export `{}` was ordered by {}", self.name, acting.by
        );
        Ok(acting.context.tasks.begin(work))
    }
}
