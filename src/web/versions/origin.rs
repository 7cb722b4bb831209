//! What the lineage of a version is drawn from: who signed it, what its provenance names, its runs, its requests, its releases.

use super::lineage::{self, Lineage, Node};
use crate::{
    app::App,
    authz::{Action, Principal},
    environments,
    error::Error,
    promotions::{self, Promotion},
    provenance::{self, Material},
    releases::board::Posted,
    trust::{self, TrustKey},
    validation::api::RunSummary,
    versions::{Attested, Signature, Version},
    web::words,
};
use std::collections::{BTreeMap, HashMap};

/// Things that a provenance may name and that are shown.
const MOST_NAMED: usize = 20;

/// What is known about where a version comes from and goes to.
pub struct Known<'a> {
    pub version: &'a Version,
    pub signer: Option<&'a TrustKey>,
    pub attestations: &'a [Attested],
    /// Newest first.
    pub summaries: &'a [RunSummary],
    pub requests: &'a [Promotion],
    /// Names of environments, by the text of their ids.
    pub environments: &'a HashMap<String, String>,
    pub releases: &'a [Posted],
}

/// The key that signed it, for those who may see keys.
pub async fn signer(app: &App, who: &Principal, version: &Version) -> Result<Option<TrustKey>, Error> {
    match &version.signature {
        Signature::Verified { key, .. } if who.may(Action::TrustKeyRead) => {
            trust::ops::find(app, who, *key).await.map(Some)
        }
        _ => Ok(None),
    }
}

/// Requests for a version and the names of the environments, for those who may see them.
pub async fn requests(
    app: &App,
    who: &Principal,
    version: &Version,
) -> Result<(Vec<Promotion>, HashMap<String, String>), Error> {
    if !who.may(Action::PromotionRead) || !who.may(Action::EnvironmentRead) {
        return Ok((Vec::new(), HashMap::new()));
    }
    let requests = promotions::ops::of_version(app, who, version.id).await?;
    let names = environments::ops::names(app, who, requests.iter().map(|request| request.environment)).await?;
    Ok((requests, names.into_iter().map(|(id, name)| (id.to_string(), name)).collect()))
}

impl Known<'_> {
    pub fn lineage(&self) -> Option<Lineage> {
        let mut nodes: Vec<Node> = self.attestations.iter().flat_map(|attested| named(&attested.statement)).collect();
        nodes.truncate(MOST_NAMED);
        nodes.extend(self.signer.map(signed));
        let sources = (0..nodes.len()).collect();
        let version = nodes.len();
        nodes.push(Node {
            column: 1,
            kind: "version",
            name: format!("version {}", self.version.number),
            detail: words::short(&self.version.manifest.to_string()),
            address: String::new(),
            tone: words::tone(self.version.state.name()),
            from: sources,
        });
        let measured = self.measured(&mut nodes, version);
        let asked = self.asked(&mut nodes, version, &measured);
        for posted in self.releases {
            let from = asked.get(&posted.release.promotion.to_string()).copied().unwrap_or(version);
            nodes.push(Node {
                column: 4,
                kind: "release",
                name: posted.environment.clone(),
                detail: format!("since {}", posted.release.activated_at.format("%-d %b %Y")),
                address: format!("/environments/{}", posted.environment),
                tone: "good",
                from: vec![from],
            });
        }
        lineage::draw(nodes)
    }

    /// The latest run for each environment, and those that a request rests on. Gives their places.
    fn measured(&self, nodes: &mut Vec<Node>, version: usize) -> BTreeMap<String, usize> {
        let (mut seen, mut places) = (Vec::new(), BTreeMap::new());
        for run in self.summaries {
            let is_basis = self.requests.iter().any(|request| request.run == Some(run.id));
            if seen.contains(&&run.environment) && !is_basis {
                continue;
            }
            seen.push(&run.environment);
            places.insert(run.id.to_string(), nodes.len());
            nodes.push(Node {
                column: 2,
                kind: "run",
                name: format!("for {}", run.environment),
                detail: words::spoken(&run.state),
                address: format!("/runs/{}", run.id),
                tone: words::tone(&run.state),
                from: vec![version],
            });
        }
        places
    }

    fn asked(
        &self,
        nodes: &mut Vec<Node>,
        version: usize,
        measured: &BTreeMap<String, usize>,
    ) -> BTreeMap<String, usize> {
        let mut places = BTreeMap::new();
        for request in self.requests {
            let environment = self.environments.get(&request.environment.to_string());
            let basis = request.run.and_then(|run| measured.get(&run.to_string()).copied());
            places.insert(request.id.to_string(), nodes.len());
            nodes.push(Node {
                column: 3,
                kind: "request",
                name: format!("for {}", environment.map_or("an environment", String::as_str)),
                detail: words::spoken(request.stage.name()),
                address: format!("/promotions/{}", request.id),
                tone: words::tone(request.stage.name()),
                from: vec![basis.unwrap_or(version)],
            });
        }
        places
    }
}

fn signed(key: &TrustKey) -> Node {
    let (detail, tone) = match key.revoked_at {
        None => (words::short(&key.fingerprint), "good"),
        Some(_) => ("revoked".to_owned(), "bad"),
    };
    let address = "/trust-keys".to_owned();
    Node { column: 0, kind: "signing key", name: key.name.clone(), detail, address, tone, from: Vec::new() }
}

/// What a signed SLSA provenance says that the version was made from. The author's words: nobody here checked them.
fn named(bundle: &str) -> Vec<Node> {
    let materials = provenance::kept(bundle).map(|said| said.materials).unwrap_or_default();
    let node = |material: Material| {
        let (detail, address) = match material.shown_digest() {
            Some((algorithm, value)) => {
                (words::short(value), format!("/lineage?digest={algorithm}%3A{}", urlencoded(value)))
            }
            None => Default::default(),
        };
        let name = material.label().to_owned();
        Node { column: 0, kind: material.role.words(), name, detail, address, tone: "quiet", from: Vec::new() }
    };
    materials.into_iter().take(MOST_NAMED).map(node).collect()
}

fn urlencoded(value: &str) -> String {
    let encoded = |byte: u8| match byte.is_ascii_alphanumeric() {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    value.bytes().map(encoded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{
        bundle,
        keys::SigningKey,
        statement::{Statement, Subject},
    };
    use serde_json::json;

    #[test]
    fn a_provenance_names_data_and_code() {
        let commit = "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d";
        let digest = "ab".repeat(32);
        let predicate = json!({
            "buildDefinition": {"buildType": "https://example.org/t", "resolvedDependencies": [
                {"name": "train.csv", "digest": {"sha256": digest}, "annotations": {"role": "training-dataset"}},
                {"name": "git", "digest": {"gitCommit": commit}},
                {"uri": "s3://notes"},
            ]},
            "runDetails": {"builder": {"id": "https://example.org/notebook"}},
        });
        let statement =
            Statement::new(vec![Subject::sha256("m", digest.as_str())], provenance::PREDICATE_TYPE, predicate);
        let bundle = bundle::sign_statement(&statement, &SigningKey::generate().expect("key")).to_string();
        let read: Vec<_> = named(&bundle).into_iter().map(|node| (node.kind, node.name, node.address)).collect();
        let expected = [
            ("training data", "train.csv", format!("/lineage?digest=sha256%3A{digest}")),
            ("code", "git", format!("/lineage?digest=gitCommit%3A{commit}")),
            ("material", "s3://notes", String::new()),
        ];
        assert_eq!(read, expected.map(|(kind, name, address)| (kind, name.to_owned(), address)));
        for broken in ["", "{}", "{\"dsseEnvelope\": {\"payload\": \"!\"}}"] {
            assert!(named(broken).is_empty(), "{broken}");
        }
    }
}
