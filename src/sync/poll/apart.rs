//! What the audit log says of spaces and of the licence: these are not read by a poll, but by
//! readings of their own.

use crate::connector::Connector;
use crate::store::{StoreError, TenantNo};
use crate::sync::run::job::Job;

use super::todo::Todo;

impl<C: Connector> Job<C> {
    /// Notes which spaces must be read again (all, if an event does not say which), and whether the
    /// licence must be, before the events that name them count as seen.
    pub(super) async fn note_apart(&self, no: TenantNo, todo: &mut Todo) -> Result<(), StoreError> {
        if todo.names_licence() {
            self.store
                .offload(move |store| store.note_licence(no))
                .await?;
            self.licences.wake.wake();
        }
        let (named, are_all) = (todo.take_spaces(), todo.names_unknown_space());
        if named.is_empty() && !are_all {
            return Ok(());
        }
        self.store
            .offload(move |store| {
                store.note_spaces(no, named)?;
                match are_all {
                    true => store.note_all_spaces(no),
                    false => Ok(()),
                }
            })
            .await?;
        self.spaces.wake.wake();
        Ok(())
    }
}
