//! Opening the client that a command uses: whose token, which address.

use super::{Exit, Failure, profile::Profile};
use crate::{client::Client, config::Client as Connection};
use std::fs;

pub struct Session {
    pub client: Client,
    pub profile: Option<Profile>,
}

impl Session {
    /// # Errors
    /// Exit 4 when there is no token, exit 2 when there is no address.
    pub fn open(connection: &Connection) -> Result<Self, Failure> {
        let profile = Profile::load(connection)?;
        let url = match (&connection.url, &profile) {
            (Some(url), _) => url.clone(),
            (None, Some(profile)) => profile.url.clone(),
            (None, None) => return Err(signed_out(&connection.profile)),
        };
        // A stored token is for the address that gave it, and for no other.
        let stored = profile.as_ref().filter(|p| same_address(&p.url, &url)).and_then(|p| p.token.clone());
        let token = given_token(connection)?.or(stored).ok_or_else(|| signed_out(&connection.profile))?;
        Ok(Self { client: Client::new(&url, Some(&token), &connection.trust)?, profile })
    }
}

fn given_token(connection: &Connection) -> Result<Option<String>, Failure> {
    let Some(file) = &connection.token_file else {
        return Ok(connection.token.clone());
    };
    let text = fs::read_to_string(file)
        .map_err(|e| Failure::new(Exit::SignIn, format!("can't read the token in {}: {e}", file.display())))?;
    Ok(Some(text.trim().to_owned()))
}

pub fn same_address(a: &str, b: &str) -> bool {
    a.trim_end_matches('/') == b.trim_end_matches('/')
}

fn signed_out(profile: &str) -> Failure {
    let what = match profile {
        "default" => "you are not signed in".to_owned(),
        name => format!("nobody is signed in as \"{name}\""),
    };
    Failure::new(Exit::SignIn, what).next("plimsoll login URL --user NAME, or set PLIMSOLL_URL and PLIMSOLL_TOKEN")
}
