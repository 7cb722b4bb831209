//! Sessions of people: opened with a password, confirmed with it before what weighs much, and ended by
//! the clock, by their owner or by an administrator.
//!
//! A session is a row of `api_token`. Whoever confirms one gets another secret, and the old one is dead;
//! the end that was set when somebody signed in stays.

pub mod api;
pub mod ops;
pub(super) mod store;

use crate::{
    accounts::Token,
    authz::{Proof, Reach},
    core::{
        clock::rfc3339,
        ids::{AccountId, TokenId, WorkspaceId},
    },
    crypto::tokens,
    error::Error,
};
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest as _, Sha256};

/// How long a person stays signed in at most.
pub const HOURS: i64 = 12;
/// How long a session lasts that nobody uses.
pub const IDLE_MINUTES: i64 = 30;
/// Use is noted once in so many seconds, so that reading does not mean writing.
pub const NOTED_SECONDS: i64 = 60;
/// A browser in which nobody has signed in for so long is a new one again.
const KNOWN_DAYS: i64 = 180;
const MAX_CLIENT_CHARS: usize = 120;

/// Where a sign-in comes from.
#[derive(Clone, Debug, Default)]
pub struct Whence {
    /// The network address that its failures count for.
    pub address: String,
    /// What the program says that it is.
    pub client: Option<String>,
    /// The secret by which a browser is known again.
    pub device: Option<String>,
}

/// From when on a sign-in makes a browser known.
pub fn known_since(now: DateTime<Utc>) -> DateTime<Utc> {
    now - TimeDelta::days(KNOWN_DAYS)
}

impl Whence {
    pub fn new(address: String, client: Option<&str>, device: Option<String>) -> Self {
        let plain = |text: &str| text.chars().filter(|c| !c.is_control()).take(MAX_CLIENT_CHARS).collect::<String>();
        Self { address, client: client.map(plain).filter(|client| !client.trim().is_empty()), device }
    }

    /// What is stored of the browser's secret, for one account: two accounts' cannot be told to be one.
    pub(super) fn device_hash(&self, account: &str) -> Option<String> {
        let secret = self.device.as_ref()?;
        let hash = Sha256::new().chain_update("device v1\n").chain_update(account).chain_update("\n");
        Some(crate::crypto::hex::encode(&hash.chain_update(secret).finalize()))
    }
}

/// A session that begins now, and its secret.
pub(super) fn begin(
    workspace: WorkspaceId,
    account: AccountId,
    (client, device): (Option<String>, Option<String>),
    at: DateTime<Utc>,
) -> Result<(Token, tokens::Token), Error> {
    let secret = tokens::Token::generate().map_err(Error::internal)?;
    let token = Token {
        id: TokenId::generate(),
        workspace,
        account,
        session: true,
        name: "session".to_owned(),
        accessor: secret.accessor(),
        created_at: at,
        expires_at: at + TimeDelta::hours(HOURS),
        revoked_at: None,
        client,
        device,
        seen_at: Some(at),
        proven_at: None,
        reach: Reach::default(),
        trust: None,
    };
    Ok((token, secret))
}

impl Token {
    /// A token has no end but its day; a session ends when nobody used it for a while, too.
    pub fn is_idle(&self, now: DateTime<Utc>) -> bool {
        let last = self.seen_at.unwrap_or(self.created_at);
        self.session && TimeDelta::minutes(IDLE_MINUTES) <= now - last
    }

    /// A session is confirmed by replacing it: when it was confirmed is when it was made, unless a provider says that its
    /// person proved who they are before that.
    pub fn proof(&self) -> Proof {
        if self.session { Proof::Given(self.proven_at()) } else { Proof::Standing }
    }

    /// When whoever holds it proved who they are.
    pub fn proven_at(&self) -> DateTime<Utc> {
        self.proven_at.unwrap_or(self.created_at)
    }

    /// What the forms of a session's pages are known by: of this browser, and the same however often the session
    /// is confirmed, so that the forms of other tabs go on working. The browser's secret cannot be told from it.
    pub fn form_secret(&self, secret: &str) -> String {
        match &self.device {
            Some(device) => format!("{device} {}", rfc3339(self.expires_at)),
            // It was opened by a program, which has no tabs.
            None => secret.to_owned(),
        }
    }

    /// Whether its use is to be noted again.
    pub(super) fn is_unnoted(&self, now: DateTime<Utc>) -> bool {
        self.session && self.seen_at.is_none_or(|seen| TimeDelta::seconds(NOTED_SECONDS) <= now - seen)
    }
}
