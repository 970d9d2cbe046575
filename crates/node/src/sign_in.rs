//! Who asks: tokens, and sessions at the console.

use crate::node::{Node, NodeError};
use crate::principals::{self, Principal, Session};

impl Node {
    /// The principal that holds a token.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn principal_of(&self, token: &str) -> Result<Option<Principal>, NodeError> {
        let token = token.to_owned();
        self.read(move |tx| Ok(principals::by_token(tx, &token)?)).await
    }

    /// Signs an officer in at the console, and returns the value of the session's cookie.
    ///
    /// # Errors
    /// When the store fails. A wrong name or password is no error.
    pub async fn sign_in(&self, name: &str, password: &str) -> Result<Option<String>, NodeError> {
        let wanted = name.to_owned();
        let stored =
            self.read(move |tx| principals::password_of(tx, &wanted).map_err(NodeError::from)).await?;
        let (hash, role) =
            stored.map_or((principals::NOBODY.to_owned(), None), |(hash, role)| (hash, Some(role)));
        let password = password.to_owned();
        // The same work is done for an unknown name, so that the time says nothing about who exists.
        let matches =
            tokio::task::spawn_blocking(move || principals::password_matches(&hash, &password)).await;
        let (Ok(true), Some(role)) = (matches, role) else {
            return Ok(None);
        };
        let name = name.to_owned();
        let cookie = self
            .write(move |tx, bureau| {
                principals::open_session(tx, &bureau.world, &name, role).map_err(NodeError::from)
            })
            .await?;
        Ok(Some(cookie))
    }

    /// The session of a cookie's value.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn session(&self, cookie: &str) -> Result<Option<Session>, NodeError> {
        let (cookie, now) = (cookie.to_owned(), self.now());
        self.read(move |tx| Ok(principals::session(tx, now, &cookie)?)).await
    }

    /// Ends the session of a cookie's value.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sign_out(&self, cookie: &str) -> Result<(), NodeError> {
        let cookie = cookie.to_owned();
        self.write(move |tx, _| Ok(principals::close_session(tx, &cookie)?)).await
    }
}
