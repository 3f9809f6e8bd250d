//! A client that the emulated tenant gives tokens to.

use std::sync::Mutex;

use crate::demo::oauth::Client;
use crate::model::UserId;

use super::edit::NewUser;

/// A client, and the user that it acts as.
#[derive(Debug)]
pub struct Member {
    pub client: Client,
    /// Scopes that it may ask for.
    pub scopes: Vec<String>,
    /// What its user is called.
    pub called: String,
    /// Its user, which its first token creates. `None` until then.
    pub bot: Mutex<Option<UserId>>,
}

impl Member {
    pub fn new(client: Client, scopes: Vec<String>, called: String) -> Self {
        Self {
            client,
            scopes,
            called,
            bot: Mutex::new(None),
        }
    }

    /// Returns the user that a new client acts as, which is listed among the people.
    pub fn bot_user(&self) -> NewUser {
        NewUser {
            subject: Some(format!("qlikbot\\{}", self.client.id)),
            client_id: Some(self.client.id.clone()),
            ..NewUser::named(&self.called)
        }
    }
}
