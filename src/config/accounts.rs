use crate::accounts::second_factor::demand::Demand;
use clap::Args;
use std::path::PathBuf;

/// How people prove who they are.
#[derive(Args, Clone, Debug)]
pub struct Accounts {
    /// Roles whose holders need a second factor, or `everybody`. Whoever lacks theirs can sign in and do nothing but add
    /// it. May be given several times.
    #[arg(
        long = "require-second-factor",
        env = "PLIMSOLL_REQUIRE_SECOND_FACTOR",
        value_delimiter = ',',
        value_name = "ROLE"
    )]
    pub factor_demands: Vec<Demand>,
    /// The key that seals second factors in the database, 32 bytes in base64; made at first start [default: in the data
    /// folder]. PLIMSOLL_SEALING_KEY holds the key itself instead.
    #[arg(long, env = "PLIMSOLL_SEALING_KEY_FILE", value_name = "FILE")]
    pub sealing_key_file: Option<PathBuf>,
    /// The key itself, from the environment only: arguments are visible to everyone.
    #[arg(skip = secret_variable_named("PLIMSOLL_SEALING_KEY"))]
    pub sealing_key: Option<Secret>,
    /// A YAML file of the identity providers that people sign in with: docs/single-sign-on.md.
    #[arg(long, env = "PLIMSOLL_IDENTITY_PROVIDERS", value_name = "FILE")]
    pub identity_providers: Option<PathBuf>,
    /// An issuer whose workloads the workspaces may trust, such as https://token.actions.githubusercontent.com: no other is
    /// ever asked. May be given several times.
    #[arg(long = "workload-issuer", env = "PLIMSOLL_WORKLOAD_ISSUERS", value_delimiter = ',', value_name = "URL")]
    pub workload_issuers: Vec<String>,
}

/// A secret of the environment, which no message shows.
#[derive(Clone)]
pub struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl std::ops::Deref for Secret {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one reader of the environment")]
pub(super) fn secret_variable_named(name: &str) -> Option<Secret> {
    std::env::var(name).ok().filter(|key| !key.is_empty()).map(Secret)
}

/// A secret from a variable of the environment that the operator's settings name.
#[expect(clippy::disallowed_methods, reason = "this is the one reader of the environment")]
pub fn secret_variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
