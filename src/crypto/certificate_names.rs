//! Whom a certificate names, and which of those names may sign.
//!
//! A name is written with its kind: `email:ines@example.com`, `uri:https://ci.example.com/train`, `dns:ci.example.com`.

use crate::formats::misleads;
use x509_parser::{certificate::X509Certificate, extensions::GeneralName};

/// More names than anybody has.
const MAX_NAMES: usize = 32;
const MAX_NAME_BYTES: usize = 1_000;
/// The issuer of the identity token by which a certificate was given out, as Fulcio writes it: bare at first, later as
/// a UTF8String.
const ISSUER_BARE: &str = "1.3.6.1.4.1.57264.1.1";
const ISSUER_STRING: &str = "1.3.6.1.4.1.57264.1.8";
const KINDS: [&str; 3] = ["email:", "uri:", "dns:"];

/// The names in a certificate that its authority vouches for.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Names {
    /// The subject's alternative names with their kinds.
    pub names: Vec<String>,
    /// Who said so to the authority, if the certificate tells.
    pub issuer: Option<String>,
}

impl Names {
    /// `None` for names that can't be read or are too many.
    pub(super) fn of(certificate: &X509Certificate<'_>) -> Option<Self> {
        let mut names = Vec::new();
        if let Some(alternative) = certificate.subject_alternative_name().ok()? {
            for name in &alternative.value.general_names {
                match name {
                    GeneralName::RFC822Name(name) => names.push(format!("email:{name}")),
                    GeneralName::DNSName(name) => names.push(format!("dns:{name}")),
                    GeneralName::URI(name) => names.push(format!("uri:{name}")),
                    GeneralName::Invalid(..) => return None,
                    // Of other kinds nobody makes a rule.
                    _ => {}
                }
            }
        }
        let is_readable = |name: &String| name.len() <= MAX_NAME_BYTES && !name.contains(misleads);
        if MAX_NAMES < names.len() || !names.iter().all(is_readable) {
            return None;
        }
        let issuer = issuer(certificate);
        if issuer.as_ref().is_some_and(|issuer| !is_readable(issuer)) {
            return None;
        }
        Some(Self { names, issuer })
    }
}

fn issuer(certificate: &X509Certificate<'_>) -> Option<String> {
    let of = |wanted: &str| certificate.extensions().iter().find(|e| e.oid.to_id_string() == wanted);
    let text = match (of(ISSUER_STRING), of(ISSUER_BARE)) {
        (Some(found), _) => {
            let [0x0c, length, text @ ..] = found.value else { return None };
            // In the short form; no issuer is longer.
            if 127 < *length || usize::from(*length) != text.len() {
                return None;
            }
            text
        }
        (None, Some(found)) => found.value,
        (None, None) => return None,
    };
    String::from_utf8(text.to_vec()).ok()
}

/// Which names an authority may vouch for: one name, all below an address, all of a mail domain, or whoever it certifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    name: String,
    issuer: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" names nobody; write email:NAME@DOMAIN, email:*@DOMAIN, uri:ADDRESS, uri:ADDRESS/*, dns:NAME, or * for \
     everybody whom the authority certifies"
)]
pub struct RuleError(String);

impl Rule {
    /// `name` may be followed by ` issuer=ADDRESS`, which the certificate must then tell.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let refused = || RuleError(text.chars().take(200).collect());
        let (name, issuer) = match text.split_once(" issuer=") {
            Some((name, issuer)) => (name, Some(issuer)),
            None => (text, None),
        };
        let is_plain = |part: &str| {
            !part.is_empty() && part.len() <= MAX_NAME_BYTES && !part.contains(|c: char| c.is_control() || c == ' ')
        };
        if !is_plain(name) || issuer.is_some_and(|issuer| !is_plain(issuer)) {
            return Err(refused());
        }
        if name != "*" {
            let kind = KINDS.iter().find(|kind| name.starts_with(**kind)).ok_or_else(refused)?;
            let rest = &name[kind.len()..];
            let fixed = match *kind {
                "email:" => rest.strip_prefix("*@").unwrap_or(rest),
                // A host alone may go on with more of its name.
                "uri:" => match rest.strip_suffix("/*") {
                    Some(below) if below.split_once("://").is_some_and(|(_, host)| !host.is_empty()) => below,
                    _ => rest,
                },
                _ => rest,
            };
            if fixed.is_empty() || fixed.contains('*') {
                return Err(refused());
            }
        }
        Ok(Self { name: name.to_owned(), issuer: issuer.map(str::to_owned) })
    }

    /// The name that makes this certificate one of those meant; empty where all are and it has none.
    pub fn matches<'n>(&self, names: &'n Names) -> Option<&'n str> {
        if self.issuer.is_some() && self.issuer != names.issuer {
            return None;
        }
        if self.name == "*" {
            return Some(names.names.first().map_or("", String::as_str));
        }
        names.names.iter().find(|name| self.means(name)).map(String::as_str)
    }

    fn means(&self, name: &str) -> bool {
        if let Some(domain) = self.name.strip_prefix("email:*@") {
            let Some((kind, found)) = name.split_once(':') else { return false };
            let found = found.rsplit_once('@').map(|(_, domain)| domain);
            return kind == "email" && found.is_some_and(|found| found.eq_ignore_ascii_case(domain));
        }
        match self.name.strip_suffix('*') {
            // Nothing that a reader of addresses would take back again.
            Some(below) => name.strip_prefix(below).is_some_and(|rest| !rest.is_empty() && !has_dots(rest)),
            None => self.name == name,
        }
    }
}

fn has_dots(path: &str) -> bool {
    let lower = path.to_ascii_lowercase().replace("%2e", ".");
    lower.split(['/', '\\']).any(|segment| segment == "." || segment == "..")
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)?;
        self.issuer.as_ref().map_or(Ok(()), |issuer| write!(f, " issuer={issuer}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(name: &str, issuer: Option<&str>) -> Names {
        Names { names: vec!["dns:elsewhere".to_owned(), name.to_owned()], issuer: issuer.map(str::to_owned) }
    }

    #[test]
    fn a_rule_means_its_names_and_no_others() {
        let means = |rule: &str, name: &str| {
            let rule = Rule::parse(rule).expect(rule);
            assert_eq!(Rule::parse(&rule.to_string()).as_ref(), Ok(&rule));
            rule.matches(&names(name, Some("https://idp"))).is_some()
        };
        for (rule, name) in [
            ("email:ines@example.com", "email:ines@example.com"),
            ("email:*@example.com", "email:ines@EXAMPLE.com"),
            ("uri:https://ci.example.com/train", "uri:https://ci.example.com/train"),
            ("uri:https://ci.example.com/acme/*", "uri:https://ci.example.com/acme/repo/.github/x@main"),
            ("dns:ci.example.com", "dns:ci.example.com"),
            ("*", "email:anybody@example.com"),
            ("email:ines@example.com issuer=https://idp", "email:ines@example.com"),
        ] {
            assert!(means(rule, name), "{rule} {name}");
        }
        for (rule, name) in [
            ("email:ines@example.com", "email:ines@example.com.evil"),
            ("email:ines@example.com", "dns:ines@example.com"),
            ("email:*@example.com", "email:ines@sub.example.com"),
            ("email:*@example.com", "uri:ines@example.com"),
            ("uri:https://ci.example.com/acme/*", "uri:https://ci.example.com/acme/../other/x"),
            ("uri:https://ci.example.com/acme/*", "uri:https://ci.example.com/acme/%2E%2e/other/x"),
            ("uri:https://ci.example.com/acme/*", "uri:https://ci.example.com/acme/"),
            ("uri:https://ci.example.com/acme/*", "uri:https://ci.example.com/acmeX/y"),
            ("email:ines@example.com issuer=https://other", "email:ines@example.com"),
            ("* issuer=https://other", "email:ines@example.com"),
        ] {
            assert!(!means(rule, name), "{rule} {name}");
        }
        assert!(Rule::parse("* issuer=https://idp").expect("rule").matches(&names("dns:x", None)).is_none());
    }

    #[test]
    fn what_names_nobody_is_refused() {
        for bad in [
            "",
            "ines@example.com",
            "email:",
            "email:*",
            "email:*@",
            "email:a*@b",
            "uri:*",
            "uri:https://*",
            "dns:*",
            "* ",
        ] {
            assert!(Rule::parse(bad).is_err(), "{bad:?}");
        }
    }
}
