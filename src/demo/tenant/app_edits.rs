//! What can be done to the apps of a tenant.

use crate::model::{SpaceId, UserId};

use super::app::App;
use super::directory::Directory;
use super::edit::EditError;
use super::state::State;

impl Directory {
    /// Creates an app in a space, or in the personal space of its owner. Replaces one with the same
    /// id.
    pub fn create_app(
        &self,
        id: &str,
        owner: UserId,
        space: Option<SpaceId>,
    ) -> Result<(), EditError> {
        let now = self.clock().now();
        let mut state = self.write();
        check(&state, space.as_ref())?;
        let app = App {
            id: id.to_owned(),
            name: format!("The app {id}"),
            owner,
            space,
            created_at: now,
            updated_at: now,
        };
        state.apps.insert(app.id.clone(), app);
        Ok(())
    }

    /// Moves an app to a space, or to the personal space of its owner.
    pub fn move_app(&self, id: &str, space: Option<SpaceId>) -> Result<(), EditError> {
        let now = self.clock().now();
        let mut state = self.write();
        check(&state, space.as_ref())?;
        let app = state.apps.get_mut(id);
        let app = app.ok_or_else(|| EditError::NoApp(id.to_owned()))?;
        app.space = space;
        app.updated_at = now;
        Ok(())
    }
}

fn check(state: &State, space: Option<&SpaceId>) -> Result<(), EditError> {
    match space {
        Some(id) if !state.spaces.contains_key(id) => Err(EditError::NoSpace(id.clone())),
        Some(_) | None => Ok(()),
    }
}
