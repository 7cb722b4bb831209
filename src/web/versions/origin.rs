//! What the lineage of a version is drawn from: who signed it, what its provenance names, its runs, its requests, its releases.

use super::lineage::{self, Lineage, Node};
use crate::{
    app::App,
    authz::{Action, Principal},
    environments,
    error::Error,
    promotions::{self, Promotion},
    releases::board::Posted,
    trust::{self, TrustKey},
    validation::api::RunSummary,
    versions::{Attested, Signature, Version},
    web::words,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
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
    let read = || -> Option<Value> {
        let bundle: Value = serde_json::from_str(bundle).ok()?;
        let payload = STANDARD.decode(bundle["dsseEnvelope"]["payload"].as_str()?).ok()?;
        serde_json::from_slice(&payload).ok()
    };
    let Some(statement) = read() else { return Vec::new() };
    let dependencies = statement["predicate"]["buildDefinition"]["resolvedDependencies"].as_array();
    let node = |made_from: &Value| {
        let text = |key: &str| made_from[key].as_str().map(str::to_owned);
        let digests = made_from["digest"].as_object();
        let digest = digests.and_then(|all| all.values().next()).and_then(Value::as_str).unwrap_or_default();
        let is_code = digests.is_some_and(|all| all.contains_key("gitCommit"));
        Some(Node {
            column: 0,
            kind: if is_code { "code" } else { "data" },
            name: text("name").or_else(|| text("uri"))?,
            detail: words::short(digest),
            address: String::new(),
            tone: "quiet",
            from: Vec::new(),
        })
    };
    dependencies.into_iter().flatten().take(MOST_NAMED).filter_map(node).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_provenance_names_data_and_code() {
        let statement = json!({"predicate": {"buildDefinition": {"resolvedDependencies": [
            {"name": "train.csv", "digest": {"sha256": "ab"}},
            {"name": "git", "digest": {"gitCommit": "cd"}},
            {"digest": {"sha256": "ef"}},
        ]}}});
        let bundle = json!({"dsseEnvelope": {"payload": STANDARD.encode(statement.to_string())}}).to_string();
        let read: Vec<_> = named(&bundle).into_iter().map(|node| (node.kind, node.name)).collect();
        assert_eq!(read, [("data", "train.csv".to_owned()), ("code", "git".to_owned())]);
        for broken in ["", "{}", "{\"dsseEnvelope\": {\"payload\": \"!\"}}"] {
            assert!(named(broken).is_empty(), "{broken}");
        }
    }
}
