//! The commit that is checked out where a folder lies.

use crate::core::text::misleads;
use std::{path::Path, process::Command};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    pub commit: String,
    /// Whether files of the folder differ from the commit.
    pub is_modified: bool,
    /// A branch or a tag, if one is checked out.
    pub reference: Option<String>,
    /// Where it is fetched from, without whoever fetches it.
    pub remote: Option<String>,
}

pub fn look(dir: &Path) -> Option<Checkout> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(dir).args(arguments).output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(text)
    };
    let commit = git(&["rev-parse", "HEAD"]).filter(|commit| matches!(commit.len(), 40 | 64))?;
    Some(Checkout {
        commit,
        is_modified: git(&["status", "--porcelain", "--", "."]).is_none_or(|lines| !lines.is_empty()),
        reference: git(&["symbolic-ref", "-q", "HEAD"]).filter(|name| !name.is_empty()),
        remote: git(&["remote", "get-url", "origin"]).and_then(|url| without_user(&url)),
    })
}

/// A URI without names, passwords and queries, any of which may be a secret; `None` for a folder of this machine.
pub fn without_user(remote: &str) -> Option<String> {
    let (scheme, rest) = match remote.split_once("://") {
        Some(("file", _)) | None if remote.starts_with(['/', '.']) || remote.starts_with("file:") => return None,
        Some(split) => split,
        // `git@host:path`, the way of ssh.
        None => {
            let (host, path) = remote.split_once(':')?;
            let host = host.rsplit('@').next()?;
            // `ext::command` runs something.
            let is_path = !path.starts_with(':') && is_path(path);
            return (is_plain(host) && is_path).then(|| format!("ssh://{host}/{}", path.trim_start_matches('/')));
        }
    };
    let rest = rest.split(['?', '#']).next()?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = authority.rsplit('@').next()?;
    (is_plain(host) && is_path(path) && matches!(scheme, "https" | "http" | "ssh" | "git"))
        .then(|| format!("{scheme}://{host}/{path}"))
}

fn is_plain(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'))
}

fn is_path(path: &str) -> bool {
    !path.chars().any(|c| c.is_whitespace() || misleads(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_is_told_without_whoever_fetches_it() {
        for (remote, told) in [
            ("https://git.example/ml/fraud.git", Some("https://git.example/ml/fraud.git")),
            ("https://me:hunter2@git.example/ml/fraud", Some("https://git.example/ml/fraud")),
            ("https://hunter2@git.example:8443/ml/fraud", Some("https://git.example:8443/ml/fraud")),
            ("https://git.example/ml/fraud?private_token=hunter2", Some("https://git.example/ml/fraud")),
            ("https://a@b:hunter2@git.example/x", Some("https://git.example/x")),
            ("git@git.example:ml/fraud.git", Some("ssh://git.example/ml/fraud.git")),
            ("ssh://git@git.example/ml/fraud", Some("ssh://git.example/ml/fraud")),
            ("/srv/git/fraud", None),
            ("../fraud", None),
            ("file:///srv/git/fraud", None),
            ("ext::sh -c hunter2", None),
            ("https://git.example/a b", None),
        ] {
            assert_eq!(without_user(remote).as_deref(), told, "{remote}");
        }
    }

    #[test]
    fn a_folder_of_no_repository_has_no_commit() {
        assert_eq!(look(tempfile::tempdir().expect("folder").path()), None);
    }
}
