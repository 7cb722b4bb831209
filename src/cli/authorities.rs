//! Whose certificates count where a command verifies a model's signature by itself: `verify` and `pull` ask alike.

use super::{Exit, Failure};
use crate::{
    core::clock::Clock,
    crypto::{
        bundle::BundleError,
        certificate::{Authority, CertificateError},
        certificate_names::Rule,
        oms::OmsError,
    },
};
use chrono::{DateTime, Utc};
use clap::Args;
use std::{fs, path::PathBuf};

/// Whom `--any-identity` means.
const EVERYBODY: &str = "*";

#[derive(Args)]
pub struct Authorities {
    /// The certificate of an authority that may say who signed (PEM); again for more. Says nothing without --identity.
    #[arg(long, value_name = "FILE", help_heading = "Certificates")]
    trust_root: Vec<PathBuf>,
    /// Whom the authorities may name, such as email:ines@example.com, uri:https://ci.example.com/acme/*, or one of them
    /// and " issuer=ADDRESS"; again for more.
    #[arg(
        long,
        value_name = "NAME",
        requires = "trust_root",
        conflicts_with = "any_identity",
        help_heading = "Certificates"
    )]
    identity: Vec<String>,
    /// Accept everybody whom the authorities certify, instead of --identity.
    #[arg(long, requires = "trust_root", help_heading = "Certificates")]
    any_identity: bool,
    /// When the signature came to you, where that is known: certificates are judged at that time [default: now].
    #[arg(long, value_name = "TIME", requires = "trust_root", help_heading = "Certificates")]
    at: Option<DateTime<Utc>>,
}

impl Authorities {
    /// Every authority that was named, each with whom it may name; none if none was.
    ///
    /// # Errors
    /// Exit 2 when a file is no authority, or when it was not said whom the authorities may name: whoever trusts an authority
    /// of a company would otherwise take the signature of anybody in it.
    pub fn read(&self) -> Result<Vec<Authority>, Failure> {
        if self.trust_root.is_empty() {
            return Ok(Vec::new());
        }
        let rules = self.rules()?;
        let read = |file: &PathBuf| {
            let wrong = |e: String| Failure::new(Exit::Usage, format!("--trust-root {}: {e}", file.display()));
            let text = fs::read_to_string(file).map_err(|e| wrong(e.to_string()))?;
            Authority::from_pem(&text, rules.clone()).map_err(|e| wrong(e.to_string()))
        };
        self.trust_root.iter().map(read).collect()
    }

    /// The time at which certificates are judged.
    pub fn at(&self) -> DateTime<Utc> {
        self.at.unwrap_or_else(|| Clock::System.now())
    }

    fn rules(&self) -> Result<Vec<Rule>, Failure> {
        let parse = |text: &str| Rule::parse(text).map_err(|e| Failure::new(Exit::Usage, format!("--identity: {e}")));
        if self.any_identity {
            return Ok(vec![parse(EVERYBODY)?]);
        }
        if self.identity.is_empty() {
            let mut failure = Failure::new(Exit::Usage, "--trust-root does not say who may sign");
            failure.why.push("an authority certifies many, and a signature by any of them would pass".to_owned());
            return Err(failure.next(
                "name who may sign, such as --identity email:ines@example.com; or accept everybody whom the authority \
                 certifies with --any-identity",
            ));
        }
        self.identity.iter().map(|text| parse(text)).collect()
    }
}

/// What to do about a signature that may only have been asked about in the wrong way; `None` where it is wrong itself.
pub fn advice(error: &OmsError) -> Option<&'static str> {
    let OmsError::Bundle(error) = error else { return None };
    match error {
        BundleError::NotKeyMethod => Some(
            "it is signed with a certificate: name the authority that you trust with --trust-root FILE, and who may sign \
             with --identity NAME",
        ),
        BundleError::Certificate(CertificateError::Expired | CertificateError::AuthorityTime) => Some(
            "certificates are judged as of now unless --at TIME says when the signature came to you; if that was later, it \
             must be made again with a certificate that is valid",
        ),
        BundleError::Certificate(CertificateError::Identity(_)) => {
            Some("if this is somebody who may sign, say so with --identity NAME; otherwise do not use these files")
        }
        _ => None,
    }
}
