//! Orders the daemon to read its configuration again.

use super::acting::Acting;
use super::{Begun, Command, ControlError, Reloaded, command};

impl Command for command::Reload {
    type Answer = Begun<Reloaded>;

    fn about(&self) -> &'static str {
        "read its configuration again"
    }

    fn carry_out(self, acting: &Acting<'_>) -> Result<Self::Answer, ControlError> {
        tracing::info!(by = %acting.by, "A reload was ordered by {}", acting.by);
        let reloaded = acting.context.reloads.order();
        Ok(acting.context.tasks.begin(reloaded))
    }
}
