//! Signing in and out. A sign-in is verified before it is stored.

use super::{
    Exit, Failure, output, print,
    profile::{Profile, Registry},
    secret,
    session::{Session, same_address},
};
use crate::{
    accounts::{
        api::{IssuedView, WhoView},
        sessions::{
            api::{ConfirmationInput, SessionList, SignIn},
            ops::CODE_MISSING,
        },
    },
    client::Client,
    config::Client as Connection,
    crypto::hex,
    keys::api::RegistryKeyView,
    registry::api::RegistryView,
};
use clap::Args;
use std::io::IsTerminal;

#[derive(Args)]
pub struct Login {
    /// The service's address, such as `http://127.0.0.1:8250`.
    address: String,
    /// Your account's name.
    #[arg(long, value_name = "NAME", required_unless_present = "token_stdin")]
    user: Option<String>,
    /// Read the password from standard input instead of asking for it.
    #[arg(long)]
    password_stdin: bool,
    /// A code of your second factor, if you have one; asked for otherwise.
    #[arg(long, value_name = "CODE", conflicts_with = "token_stdin")]
    code: Option<String>,
    /// Store an API token, read from standard input, instead of a session.
    #[arg(long, conflicts_with_all = ["user", "password_stdin"])]
    token_stdin: bool,
    #[command(flatten)]
    connection: Connection,
    /// JSON instead of a sentence.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Logout {
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args)]
pub struct Whoami {
    #[command(flatten)]
    connection: Connection,
    /// JSON instead of a sentence.
    #[arg(long)]
    json: bool,
}

impl Login {
    pub async fn run(self) -> Result<Exit, Failure> {
        let (before, trust) = (Profile::load(&self.connection)?, &self.connection.trust);
        let anonymous = Client::new(&self.address, None, trust)?;
        let registry: RegistryView = anonymous.get(&["registry"], &[]).await?;
        let keys: Vec<RegistryKeyView> = anonymous.get(&["audit", "keys"], &[]).await?;
        let registry = believe(before.as_ref(), &self.address, registry, &keys)?;
        let here = before.as_ref().filter(|before| same_address(&before.url, &self.address));
        let device = match here.and_then(|here| here.device.clone()) {
            Some(device) => device,
            None => new_device()?,
        };
        let (token, expires_at) = match &self.user {
            Some(user) => self.session(&anonymous, user, here, &device).await?,
            None => (secret::from_stdin("token")?, None),
        };
        let who: WhoView = Client::new(&self.address, Some(&token), trust)?.get(&["whoami"], &[]).await?;
        let profile = Profile {
            url: anonymous.address().to_owned(),
            user: who.name.clone(),
            token: Some(token),
            device: Some(device),
            registry,
        };
        profile.store(&self.connection)?;
        if before.is_none_or(|b| b.registry.verifier_key != profile.registry.verifier_key) {
            say!("pinned the key of {}: {}", profile.registry.origin, profile.registry.verifier_key);
        }
        if self.json {
            return output::json(&who);
        }
        let until = expires_at.map_or_else(String::new, |at| format!(", until {}", output::when(&at)));
        if who.second_factor == "required" {
            say!("a second factor is required of you before anything else: plimsoll factor add");
        }
        print(&format!("signed in at {} as {}{until}", profile.url, describe(&who)))
    }

    /// Confirms the session that is stored here if it lives, which a stranger's guesses cannot prevent; otherwise opens
    /// one, and the one before it ends.
    async fn session(
        &self,
        client: &Client,
        user: &str,
        before: Option<&Profile>,
        device: &str,
    ) -> Result<(String, Option<String>), Failure> {
        let password = match self.password_stdin {
            true => secret::from_stdin("password")?,
            false => secret::ask(&format!("password of {user}"))?,
        };
        let stored = match before.and_then(|before| before.token.as_deref()) {
            Some(token) => Some(Client::new(&self.address, Some(token), &self.connection.trust)?),
            None => None,
        };
        let mut code = self.code.clone();
        let own = stored.as_ref().filter(|_| before.is_some_and(|before| before.user == user));
        if let Some(own) = own {
            let asked = matches!(own.get::<WhoView>(&["whoami"], &[]).await, Ok(who) if who.second_factor == "active");
            if asked && code.is_none() {
                code = Some(ask_code()?);
            }
            let input = ConfirmationInput { password: password.clone(), code: code.clone() };
            match own.create::<IssuedView>(&["sessions", "current", "confirmation"], &input).await {
                Ok(renewed) => return Ok((renewed.token, Some(renewed.expires_at))),
                // It has ended, or is a token: then one signs in.
                Err(failure) if matches!(failure.exit, Exit::SignIn | Exit::Conflict) => {}
                Err(mut failure) => {
                    if failure.exit == Exit::Usage {
                        let is_code = failure.why.iter().any(|why| why.starts_with("code: "));
                        let what = if is_code { "code" } else { "password" };
                        failure.exit = Exit::SignIn;
                        failure.what = format!("{} does not accept this {what}", client.address());
                    }
                    return Err(failure);
                }
            }
        }
        let device = Some(device.to_owned());
        let mut input = SignIn { name: user.to_owned(), password, code, workspace: None, device };
        let mut answer: Result<IssuedView, Failure> = client.create(&["sessions"], &input).await;
        if answer.as_ref().is_err_and(|failure| failure.is(CODE_MISSING)) {
            input.code = Some(ask_code()?);
            answer = client.create(&["sessions"], &input).await;
        }
        let issued = answer.map_err(|mut failure| {
            if failure.is("second_factor_wrong") {
                failure.next = None;
            } else if failure.exit == Exit::SignIn {
                failure.what = format!("{} does not accept this name and password", client.address());
                failure.next = None;
            }
            failure
        })?;
        if let Some(stored) = stored {
            end_before(&stored).await;
        }
        Ok((issued.token, Some(issued.expires_at)))
    }
}

fn ask_code() -> Result<String, Failure> {
    if !std::io::stdin().is_terminal() {
        let what = "the account has a second factor, and no code of it was given";
        return Err(Failure::new(Exit::SignIn, what).next("add --code CODE"));
    }
    secret::ask_openly("code of your second factor")
}

/// A session that nobody has the secret of any more ends; a token that was stored may be in use elsewhere.
async fn end_before(stored: &Client) {
    let Ok(sessions) = stored.get::<SessionList>(&["sessions"], &[]).await else { return };
    if sessions.items.iter().any(|session| session.current)
        && let Err(failure) = stored.delete(&["sessions", "current"]).await
    {
        say!("the session before this one could not be ended: {}", failure.what);
    }
}

fn new_device() -> Result<String, Failure> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(Failure::other)?;
    Ok(hex::encode(&random))
}

/// The key of a registry never changes silently: the pinned one must have vouched for the new one.
fn believe(
    before: Option<&Profile>,
    address: &str,
    view: RegistryView,
    keys: &[RegistryKeyView],
) -> Result<Registry, Failure> {
    let pinned = before.filter(|before| same_address(&before.url, address)).map(|before| &before.registry);
    let now = Registry::follow(pinned, view, keys).map_err(|refused| {
        let mut failure =
            Failure::new(Exit::Verification, format!("the registry at {address} has another key than the pinned one"));
        let was = pinned.map(|pinned| pinned.verifier_key.as_str()).unwrap_or_default();
        failure.why = vec![format!("pinned: {was}"), format!("now:    {}", output::printable(&refused.now))];
        failure.next("ask its operator why; if it is right, sign in under another name with --as NAME")
    })?;
    if let Some(pinned) = pinned.filter(|pinned| pinned.verifier_key != now.verifier_key) {
        say!("the registry changed its key, and the pinned one vouches for it: {}", pinned.verifier_key);
    }
    Ok(now)
}

impl Logout {
    pub async fn run(self) -> Result<Exit, Failure> {
        let Some(mut profile) = Profile::load(&self.connection)?.filter(|p| p.token.is_some()) else {
            return print("nobody was signed in");
        };
        let client = Client::new(&profile.url, profile.token.as_deref(), &self.connection.trust)?;
        let ended = client.delete(&["sessions", "current"]).await;
        profile.token = None;
        profile.store(&self.connection)?;
        match ended {
            // A session that is no longer known needs no ending.
            Ok(()) => {}
            Err(failure) if failure.exit == Exit::SignIn => {}
            Err(failure) => {
                return Err(failure.next("the token is forgotten here; an administrator can revoke it there"));
            }
        }
        print(&format!("signed out {} at {}", profile.user, profile.url))
    }
}

impl Whoami {
    pub async fn run(self) -> Result<Exit, Failure> {
        let session = Session::open(&self.connection)?;
        let who: WhoView = session.client.get(&["whoami"], &[]).await?;
        if self.json {
            return output::json(&who);
        }
        print(&format!("{} at {}", describe(&who), session.client.address()))
    }
}

fn describe(who: &WhoView) -> String {
    output::printable(&format!("{} ({}; {})", who.name, who.kind, who.roles.join(", ")))
}
