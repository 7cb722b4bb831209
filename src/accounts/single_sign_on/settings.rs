//! The operator's file of identity providers, read once at the start.

use super::roles::Given;
use crate::{
    accounts::issuers::{Issuer, safe_address},
    authz::Role,
    core::{Malformed, digest::Digest, name::Name},
    error::Error,
};
use reqwest::Url;
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

const MAX_PROVIDERS: usize = 20;
const FIELD: &str = "--identity-providers";

/// What never stands in a log.
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// All that the operator trusts.
#[derive(Debug)]
pub struct Providers {
    all: Vec<Provider>,
    /// Of the file, as the log of what the service started with has it: the cause of each role that comes from a group.
    digest: Digest,
}

#[derive(Debug)]
pub struct Provider {
    pub name: Name,
    /// On the button.
    pub label: String,
    pub issuer: Issuer,
    pub client_id: String,
    pub secret: Secret,
    pub redirect_url: Url,
    pub scopes: Vec<String>,
    pub name_claim: String,
    /// Of mail addresses of this domain, what stands before the `@` is the name.
    pub name_domain: Option<String>,
    pub group_claim: String,
    pub workspace: String,
    /// Whether the operator vouches for it that nobody has two accounts there, or another one here.
    pub one_account_each: bool,
    pub mapping: BTreeMap<String, BTreeSet<Role>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    providers: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    label: Option<String>,
    issuer: String,
    client_id: String,
    client_secret_file: Option<PathBuf>,
    /// The name of a variable of the environment.
    client_secret_variable: Option<String>,
    redirect_url: String,
    #[serde(default = "scopes")]
    scopes: Vec<String>,
    #[serde(default = "name_claim")]
    name_claim: String,
    name_domain: Option<String>,
    #[serde(default = "group_claim")]
    group_claim: String,
    #[serde(default = "workspace")]
    workspace: String,
    #[serde(default)]
    one_account_each: bool,
    roles: BTreeMap<String, BTreeSet<String>>,
}

fn scopes() -> Vec<String> {
    ["openid", "profile"].map(str::to_owned).to_vec()
}

fn name_claim() -> String {
    "preferred_username".to_owned()
}

fn group_claim() -> String {
    "groups".to_owned()
}

fn workspace() -> String {
    crate::workspaces::DEFAULT.to_owned()
}

impl Providers {
    /// # Errors
    /// `Invalid` with what is wrong in the file, so that the service does not start with half of it.
    pub fn open(file: Option<&Path>) -> Result<Self, Error> {
        let Some(file) = file else { return Ok(Self { all: Vec::new(), digest: Digest::of("") }) };
        let wrong = |detail: String| Error::invalid(FIELD, format!("{}: {detail}", file.display()));
        let text = std::fs::read_to_string(file).map_err(|e| wrong(e.to_string()))?;
        let document: Document = yaml_serde::from_str(&text).map_err(|e| wrong(e.to_string()))?;
        if MAX_PROVIDERS < document.providers.len() {
            return Err(wrong(format!("{MAX_PROVIDERS} providers are the most")));
        }
        let mut all: Vec<Provider> = Vec::new();
        for entry in document.providers {
            let name = entry.name.clone();
            let provider = Provider::of(entry).map_err(|e| wrong(format!("provider \"{name}\": {}", e.0)))?;
            if all.iter().any(|other| other.name == provider.name || other.issuer.name == provider.issuer.name) {
                return Err(wrong(format!("provider \"{name}\": another one has its name or its issuer")));
            }
            all.push(provider);
        }
        Ok(Self { all, digest: Digest::of(text) })
    }

    pub fn all(&self) -> &[Provider] {
        &self.all
    }

    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    pub fn named(&self, name: &str) -> Result<&Provider, Error> {
        self.all.iter().find(|provider| provider.name.as_str() == name).ok_or(Error::not_found("identity provider"))
    }

    pub fn of_issuer(&self, issuer: &str) -> Option<&Provider> {
        self.all.iter().find(|provider| provider.issuer.name == issuer)
    }

    /// Whether a group that gave a role gives it now.
    pub fn still_gives(&self, origin: &str, role: Role) -> bool {
        let Some((provider, group)) = origin.split_once('/') else { return false };
        let mapping = self.named(provider).ok().map(|provider| &provider.mapping);
        mapping.and_then(|mapping| mapping.get(group)).is_some_and(|roles| roles.contains(&role))
    }
}

impl Provider {
    fn of(entry: Entry) -> Result<Self, Malformed> {
        let name = Name::parse(&entry.name)?;
        let issuer = safe_address("issuer", &entry.issuer)?;
        if issuer.query().is_some() || issuer.fragment().is_some() {
            return Err(Malformed::new("issuer: it has neither a query nor a fragment"));
        }
        let redirect_url = safe_address("redirect_url", &entry.redirect_url)?;
        let callback = callback_path(&name);
        if redirect_url.path() != callback || redirect_url.query().is_some() || redirect_url.fragment().is_some() {
            let detail = format!("redirect_url: use this service's own address with the path {callback}");
            return Err(Malformed::new(detail));
        }
        if !entry.scopes.iter().any(|scope| scope == "openid") {
            return Err(Malformed::new("scopes: openid has to be among them"));
        }
        let mapping = entry.roles.into_iter().map(|(group, roles)| Ok((group, mapped(&roles)?)));
        Ok(Self {
            label: entry.label.unwrap_or_else(|| name.to_string()),
            client_id: entry.client_id,
            secret: secret(entry.client_secret_file, entry.client_secret_variable)?,
            redirect_url,
            scopes: entry.scopes,
            name_claim: entry.name_claim,
            name_domain: entry.name_domain.map(|domain| domain.to_lowercase()),
            group_claim: entry.group_claim,
            workspace: entry.workspace,
            one_account_each: entry.one_account_each,
            mapping: mapping.collect::<Result<_, Malformed>>()?,
            issuer: Issuer::new(&entry.issuer)?,
            name,
        })
    }

    /// The roles that these groups give; of several that give one, the first by name.
    pub fn roles(&self, groups: &BTreeSet<String>) -> Given {
        let mut given = Given::new();
        for (group, roles) in self.mapping.iter().filter(|(group, _)| groups.contains(*group)) {
            for role in roles {
                given.entry(*role).or_insert_with(|| group.clone());
            }
        }
        given
    }

    /// What stands at a role that a group gave. A provider's name has no slash.
    pub fn origin(&self, group: &str) -> String {
        format!("{}/{group}", self.name)
    }
}

/// Where a provider sends browsers back to.
pub fn callback_path(name: &Name) -> String {
    format!("/login/with/{name}/callback")
}

fn mapped(roles: &BTreeSet<String>) -> Result<BTreeSet<Role>, Malformed> {
    let role = |raw: &String| match Role::parse(raw)? {
        Role::Worker => Err(Malformed::new("roles: worker is for service accounts; no person has it")),
        role => Ok(role),
    };
    roles.iter().map(role).collect()
}

fn secret(file: Option<PathBuf>, variable: Option<String>) -> Result<Secret, Malformed> {
    let text = match (file, variable) {
        (Some(file), None) => std::fs::read_to_string(&file)
            .map_err(|e| Malformed::new(format!("client_secret_file {}: {e}", file.display())))?,
        (None, Some(variable)) => crate::config::secret_variable(&variable).ok_or_else(|| {
            Malformed::new(format!("client_secret_variable: the environment has no variable {variable}"))
        })?,
        _ => return Err(Malformed::new("give either client_secret_file or client_secret_variable")),
    };
    match text.trim() {
        "" => Err(Malformed::new("the client secret is empty")),
        secret => Ok(Secret(Zeroizing::new(secret.to_owned()))),
    }
}

/// What the log says of the file: which providers, and a digest over all of it. Secrets stand in files of their own.
pub fn described(file: Option<&Path>) -> String {
    let Some(file) = file else { return String::new() };
    match std::fs::read(file) {
        Ok(bytes) => format!("{} {}", file.display(), Digest::of(bytes)),
        Err(error) => format!("{}: {error}", file.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(text: &str) -> Result<Providers, Error> {
        // What the program does first of all.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().expect("folder");
        std::fs::write(folder.path().join("secret"), "a secret\n").expect("secret");
        let file = folder.path().join("providers.yaml");
        let text = text.replace("SECRET", &folder.path().join("secret").display().to_string());
        std::fs::write(&file, text).expect("file");
        Providers::open(Some(&file))
    }

    const GOOD: &str = "providers:
- name: corp
  issuer: https://id.example
  client_id: plimsoll
  client_secret_file: SECRET
  redirect_url: https://registry.example/login/with/corp/callback
  roles:
    credit-risk: [reviewer, viewer]
    it: [admin]
";

    #[test]
    fn a_file_names_who_is_trusted_and_what_groups_may() {
        let providers = open(GOOD).expect("providers");
        let corp = providers.named("corp").expect("corp");
        let groups = ["credit-risk", "unknown"].map(str::to_owned).into();
        let given = [(Role::Reviewer, "credit-risk".to_owned()), (Role::Viewer, "credit-risk".to_owned())];
        assert_eq!(corp.roles(&groups), given.into());
        assert!(providers.still_gives("corp/credit-risk", Role::Viewer));
        for (origin, role) in [
            ("corp/credit-risk", Role::Admin),
            ("corp/gone", Role::Viewer),
            ("other/credit-risk", Role::Viewer),
            ("corp", Role::Viewer),
        ] {
            assert!(!providers.still_gives(origin, role), "{origin}");
        }
        assert!(providers.of_issuer("https://id.example").is_some());
        assert!(providers.of_issuer("https://id.example/").is_none(), "an issuer is compared letter by letter");
        assert!(!format!("{corp:?}").contains("a secret"));
    }

    #[test]
    fn a_file_that_says_too_little_or_too_much_stops_the_start() {
        for (from, to) in [
            ("https://id.example", "http://id.example"),
            ("https://id.example", "https://user:pass@id.example"),
            ("https://id.example", "https://id.example?x"),
            ("/corp/callback", "/other/callback"),
            ("reviewer", "worker"),
            ("reviewer", "king"),
            ("client_id", "client"),
            ("SECRET", "/nowhere"),
            ("client_secret_file: SECRET", "label: Corp"),
            ("name: corp", "name: Corp Ltd"),
            ("  roles:", "  scopes: [profile]\n  roles:"),
        ] {
            assert!(open(&GOOD.replace(from, to)).is_err(), "{to}");
        }
    }
}
