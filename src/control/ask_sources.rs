//! Asks the source of a tenant for what the store does not have, before an answer is read: where an
//! app is that is not shared.

use crate::history::spaces_after;
use crate::model::{Space, TenantId};

use super::reading::Reading;
use super::{AnswerPart, AskedApp, Control, ControlError, Query};

/// The longest id of an app. Qlik's have 36 characters.
const MAX_ID: usize = 200;

impl Control {
    /// Answers a question as [`Control::ask`] does. If it is about an app of which no share is
    /// known, asks the source first where the app is. That takes a limited time, and if it fails,
    /// the answer says what is not known.
    pub async fn ask_with_sources<Q: Query>(&self, query: Q) -> Result<Q::Answer, ControlError> {
        if let Some(app) = query.app() {
            self.find_app(app).await?;
        }
        self.ask(query).await
    }

    async fn find_app(&self, app: AskedApp) -> Result<(), ControlError> {
        let places = &self.context.app_places;
        let is_told = app.part == AnswerPart::Later && places.get(&app.tenant, &app.id).is_some();
        if is_told || app.id.is_empty() || app.id.len() > MAX_ID {
            return Ok(());
        }
        let Some(linked) = self.context.registry.get(&app.tenant) else {
            return Ok(());
        };
        let (context, asked) = (self.context.clone(), app.clone());
        let unshared = self.store.offload(move |store| {
            let reading = Reading::of(store, &context)?;
            unshared_in(&reading, &asked)
        });
        if let Some(tenant) = unshared.await? {
            let answer = linked.find_app(tenant, app.id.clone()).await;
            places.note(app, answer);
        }
        Ok(())
    }
}

/// Returns the tenant if its spaces are read and no share in it names the app.
fn unshared_in(reading: &Reading<'_>, app: &AskedApp) -> Result<Option<TenantId>, ControlError> {
    let mut tenants = reading.tenants.iter();
    let Some(known) = tenants.find(|known| known.name == app.tenant) else {
        return Ok(None);
    };
    let picture = reading.context.pictures.of(reading.store, known, None)?;
    let has_app = |space: &Space| space.shares_resource(&app.id);
    let found = spaces_after(reading.store, known, &picture, None, 1, has_app)?;
    let is_unshared = found.look.is_on && found.spaces.is_empty();
    Ok(is_unshared.then(|| known.tenant.id.clone()))
}
