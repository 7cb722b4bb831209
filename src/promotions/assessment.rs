//! What a decision rests on, and whether it is good enough: loaded in one place, judged
//! by a pure function, so that request, approval, activation and gate can't disagree.

use crate::{
    accountability::{self, Records},
    accounts::people,
    authz::{People, Scope, policy::Involved},
    constraints::{ConstraintSpec, ConstraintVerdict, Verdict},
    core::{
        canonical,
        clock::rfc3339,
        digest::Digest,
        ids::{AccountId, ReleaseId},
    },
    datasets::{self, Dataset},
    db::Conn,
    environments::{self, Current, Environment, profile::OperatingMode},
    error::{Error, FailedCheck},
    evidence::{self, Reported, state::State as EvidenceState},
    frameworks::{self, Pin},
    models::Model,
    oversight::{
        self, Standing,
        findings::BLOCKING_BY_DEFAULT,
        waivers::{self, Excepted},
    },
    policies::{Asked, Circumstances, FrameworkAsk, gates::Sorted},
    promotions::{self, known, reports::Reports, terms::Named},
    releases::{self, modes::Ladder},
    trust::TrustKey,
    validation::{self, Evidence, Run, RunState},
    versions::{self, Version, fitness, store::Attested},
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::Value;

/// Everything that bears on "may this version run there?", as the database has it now.
pub struct Facts {
    pub model: Model,
    pub version: Version,
    pub environment: Environment,
    pub current: Current,
    /// What runs there now: the release that an activation would replace.
    pub active: Option<ReleaseId>,
    /// The mode of that release, if it was written.
    pub active_mode: Option<OperatingMode>,
    /// What a request asks for; `None` before there is one, and of requests of before there were modes.
    pub mode: Option<OperatingMode>,
    pub key: Option<TrustKey>,
    pub attestations: Vec<Attested>,
    pub dataset: Option<Dataset>,
    pub run: Option<Run>,
    pub evidence: Vec<Evidence>,
    /// What somebody outside signed about the version, closed records too. It is part of
    /// what is decided on, and makes no check pass.
    pub reported: Vec<Reported>,
    /// Robots among those who had a hand in it, each with the person who owns it.
    pub robots: Vec<(AccountId, AccountId)>,
    /// Who declared the version, as a draft, before somebody else took it over.
    pub earlier_authors: Vec<AccountId>,
    /// Which accounts are one person, and who decides for whom.
    pub people: People,
    /// Whom the policy speaks of.
    pub named: Named,
    /// What frameworks ask about; loaded when the policy names one.
    pub framework_facts: Option<Box<frameworks::Facts>>,
    /// What people found and decided beside it.
    pub oversight: Standing,
    /// What people answer for beside it.
    pub records: Records,
    /// The revisions that a request fixed when it was made; `None` before there is a request.
    pub pinned: Option<Vec<Pin>>,
    /// The findings that it fixed.
    pub fixed_findings: Option<Vec<Value>>,
    pub damaged_bytes: Option<FailedCheck>,
}

/// What is decided on. Its digest is what an approver signs.
#[derive(Clone, Debug, Serialize)]
pub struct Decision {
    v: u8,
    model: String,
    /// How much depends on the model.
    risk_tier: String,
    /// What it is for and what not: a digest over both texts.
    model_use: String,
    version: String,
    version_number: i64,
    environment: String,
    /// The release that was active when it was asked: reviewers judge the difference to it.
    replaces: Option<ReleaseId>,
    profile: Option<String>,
    constraints: Option<String>,
    policy: Option<String>,
    dataset: Option<String>,
    signature: String,
    signing_key: Option<String>,
    attestations: Vec<String>,
    run: Option<String>,
    run_finished_at: Option<String>,
    verdicts: Option<String>,
    evidence: Vec<String>,
    /// How much the model is to do by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<OperatingMode>,
    /// The regulations that it is decided under.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    frameworks: Vec<Pin>,
    /// What the rules of the policy look at; absent when it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    circumstances: Option<Circumstances>,
    /// What is known to be wrong with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<Value>,
    /// Exceptions to limits that hold for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    waivers: Vec<Excepted>,
    /// What the policy asks to be on record.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    records: Vec<String>,
}

pub struct Assessment {
    pub decision: String,
    pub digest: Digest,
    /// The same with the findings that stand now, which an approver has to have seen.
    pub shown: String,
    pub shown_digest: Digest,
    pub failed: Vec<FailedCheck>,
    /// What the policy lets pass with a word to those who decide.
    pub warnings: Vec<FailedCheck>,
    /// What the policy asks for here, if there is one.
    pub asked: Option<Asked>,
    pub frameworks: Vec<Pin>,
}

impl Facts {
    /// As the database has them. They are judged at `now` or later, never before.
    pub async fn load(
        conn: &Conn<'_>,
        scope: Scope,
        model: Model,
        version: Version,
        environment: Environment,
        now: DateTime<Utc>,
    ) -> Result<Self, Error> {
        let current = environments::store::all_current(conn, environment.id).await?;
        let active = releases::store::active(conn, environment.id, model.id).await?;
        let key = versions::ops::signing_key(conn, scope, &version).await?;
        let attestations = versions::store::attestations_in(conn, version.id).await?;
        let reported = evidence::store::of_version(conn, scope, version.id).await?;
        let oversight = oversight::ops::standing(conn, scope, model.id, version.id, environment.id).await?;
        let earlier_authors = versions::store::earlier_authors(conn, version.id).await?;
        let people = people::store::people(conn, environment.workspace, now).await?;
        let records = accountability::ops::load(conn, scope, &model, &environment).await?;
        let mut facts = Self {
            damaged_bytes: versions::ops::damaged(conn, version.id).await?,
            model,
            version,
            environment,
            current,
            active_mode: active.as_ref().and_then(|release| release.mode),
            active: active.map(|release| release.id),
            mode: None,
            key,
            attestations,
            dataset: None,
            run: None,
            evidence: Vec::new(),
            reported,
            robots: Vec::new(),
            earlier_authors,
            people,
            named: Named::default(),
            framework_facts: None,
            oversight,
            records,
            pinned: None,
            fixed_findings: None,
        };
        facts.load_evidence(conn, scope).await?;
        let policy = facts.policy()?;
        facts.named = Named::load(conn, &facts, policy.as_ref(), now).await?;
        facts.robots = promotions::store::robots(conn, &facts.involved().people()).await?;
        if policy.is_some_and(|policy| policy.names_frameworks()) {
            facts.framework_facts = Some(Box::new(frameworks::ops::gather(conn, &facts).await?));
        }
        Ok(facts)
    }

    async fn load_evidence(&mut self, conn: &Conn<'_>, scope: Scope) -> Result<(), Error> {
        let Some(revision) = &self.current.constraints else { return Ok(()) };
        let spec = revision.constraints()?;
        if let Some(name) = spec.dataset(&self.model.name) {
            self.dataset = datasets::store::find(conn, scope, name).await?;
        }
        if let Some(dataset) = &self.dataset {
            let found = validation::store::latest_finished(conn, self.version.id, revision.id, dataset.id).await?;
            if let Some(run) = &found {
                self.evidence = validation::store::evidence(conn, run.id).await?;
            }
            self.run = found;
        }
        Ok(())
    }

    /// Who had a hand in it, beside the one who asks.
    pub fn involved(&self) -> Involved {
        let mut parties = vec![(self.version.created_by, "the version's author")];
        parties.extend(self.version.sealed_by.map(|id| (id, "the version's author")));
        parties.extend(self.earlier_authors.iter().map(|id| (*id, "who began the version")));
        parties.extend(self.attestations.iter().map(|a| (a.created_by, "who sent an attestation of it")));
        parties.extend(self.run.as_ref().map(|run| (run.requested_by, "the producer of its evidence")));
        parties.extend(self.run.as_ref().and_then(|run| run.measured_by).map(|id| (id, "who measured it")));
        parties.extend(self.current.constraints.as_ref().map(|r| (r.created_by, "an editor of the constraint spec")));
        parties.extend(self.current.policy.as_ref().map(|r| (r.created_by, "an editor of the promotion policy")));
        parties.extend(self.current.profile.as_ref().map(|r| (r.created_by, "an editor of the environment's profile")));
        parties.extend(self.dataset.as_ref().map(|d| (d.created_by, "who registered the evaluation data")));
        // Whether it has expired since does not make its submitter independent.
        let standing = |r: &&Reported| r.state == EvidenceState::Verified && r.key.revoked_at.is_none();
        let submitters = self.reported.iter().filter(standing).map(|r| r.submitted_by);
        parties.extend(submitters.map(|id| (id, "the submitter of its reported evidence")));
        parties.extend(self.oversight.parties());
        parties.extend(self.excluded());
        parties.extend(self.record_authors());
        Involved { parties, ..Involved::default() }.with_owners(&self.robots)
    }

    /// Whether no two of one team may approve. In doubt they may not.
    pub fn different_teams(&self) -> bool {
        self.asked().map_or(true, |asked| asked.is_some_and(|asked| asked.different_teams))
    }

    /// What was concluded from the measurements, with what is waived now.
    pub fn verdicts(&self, now: DateTime<Utc>) -> Result<Vec<ConstraintVerdict>, Error> {
        let Some(run) = &self.run else { return Ok(Vec::new()) };
        let (limits, policy) = (self.limits()?, self.asked()?);
        let signature = &self.version.signature;
        let reports = Reports { all: &self.reported, signature, limits: limits.as_ref(), policy: policy.as_ref() };
        let verdicts = reports.standing(run, now);
        Ok(waivers::waived(&verdicts, &self.oversight.live(limits.as_ref(), now)?))
    }

    fn limits(&self) -> Result<Option<ConstraintSpec>, Error> {
        self.current.constraints.as_ref().map(|revision| revision.limits_of(&self.model.name)).transpose()
    }

    pub fn assess(&self, now: DateTime<Utc>) -> Result<Assessment, Error> {
        let asked = self.asked()?;
        let frameworks = asked.as_ref().map(|asked| asked.frameworks.as_slice()).unwrap_or_default();
        let pins = self.pins(frameworks, now)?;
        let decision = canonical::to_string(&self.decision(&pins, now)?).map_err(Error::internal)?;
        let shown = known::shown(&decision, known::named(&self.oversight.known(now))?)?;
        let mut failed = fitness::checks(&self.version, self.key.as_ref(), now);
        failed.extend(self.damaged_bytes.clone());
        failed.extend(self.environment_checks());
        if let Some(mode) = self.mode {
            failed.extend(self.ladder()?.checks(mode));
        }
        failed.extend(self.evidence_checks(asked.as_ref(), now)?);
        if let Some(measured_at) = self.measured_at() {
            failed.extend(self.age_checks(measured_at, now)?);
            failed.extend(self.link_checks()?);
        }
        failed.extend(self.framework_checks(frameworks, &pins, now)?);
        let blocking = asked.as_ref().map_or(BLOCKING_BY_DEFAULT, |asked| asked.blocking_finding);
        failed.extend(self.oversight.finding_checks(blocking, now));
        failed.extend(self.records.violations());
        let mut sorted = Sorted::default();
        sorted.take(failed, asked.as_ref().map(|asked| asked.warn.as_slice()).unwrap_or_default());
        if let Some(asked) = &asked {
            self.required_evidence(asked, now, &mut sorted);
            self.required_records(asked, now, &mut sorted);
        }
        let Sorted { failed, mut warnings } = sorted;
        let fixed = self.fixed_findings.as_deref();
        warnings.extend(fixed.map(|fixed| known::since(&self.oversight, fixed, blocking, now)).into_iter().flatten());
        let (digest, shown_digest) = (Digest::of(&decision), Digest::of(&shown));
        Ok(Assessment { decision, digest, shown, shown_digest, failed, warnings, asked, frameworks: pins })
    }

    /// What the request fixed, or what a request that is made now would fix.
    fn pins(&self, asked: &[FrameworkAsk], now: DateTime<Utc>) -> Result<Vec<Pin>, Error> {
        if let Some(pinned) = &self.pinned {
            return Ok(pinned.clone());
        }
        Ok(frameworks::pins::choose(frameworks::catalog()?, asked, now.date_naive()))
    }

    fn framework_checks(
        &self,
        asked: &[FrameworkAsk],
        pins: &[Pin],
        now: DateTime<Utc>,
    ) -> Result<Vec<FailedCheck>, Error> {
        let Some(facts) = &self.framework_facts else { return Ok(Vec::new()) };
        Ok(frameworks::pins::checks(frameworks::catalog()?, asked, pins, facts, now))
    }

    fn decision(&self, pins: &[Pin], now: DateTime<Utc>) -> Result<Decision, Error> {
        let digest = |revision: &Option<environments::Revision>| revision.as_ref().map(|r| r.digest.to_string());
        let mut evidence: Vec<_> = self.evidence.iter().map(|e| e.digest.to_string()).collect();
        evidence.extend(self.reported.iter().filter(|r| r.counts(now)).map(|r| r.digest.to_string()));
        evidence.sort();
        let mut attestations: Vec<_> = self.attestations.iter().map(|a| a.digest.clone()).collect();
        attestations.sort();
        Ok(Decision {
            v: 2,
            model: self.model.name.clone(),
            risk_tier: self.model.risk_tier.to_string(),
            model_use: Digest::of([&self.model.intended_use, "\0", &self.model.prohibited_use].concat()).to_string(),
            version: self.version.manifest.to_string(),
            version_number: self.version.number,
            environment: self.environment.name.clone(),
            replaces: self.active,
            profile: digest(&self.current.profile),
            constraints: digest(&self.current.constraints),
            policy: digest(&self.current.policy),
            dataset: self.dataset.as_ref().map(|d| d.digest.to_string()),
            signature: self.version.signature.name().to_owned(),
            signing_key: self.key.as_ref().filter(|k| k.revoked_at.is_none()).map(|k| k.fingerprint.clone()),
            attestations,
            run: self.run.as_ref().map(|run| run.id.to_string()),
            run_finished_at: self.run.as_ref().and_then(|run| run.finished_at).map(rfc3339),
            verdicts: self.run.as_ref().and_then(|run| run.verdicts_digest).map(|d| d.to_string()),
            evidence,
            mode: self.mode,
            frameworks: pins.to_vec(),
            circumstances: self.decided_circumstances()?,
            findings: match &self.fixed_findings {
                Some(fixed) => fixed.clone(),
                None => known::named(&self.oversight.known(now))?,
            },
            waivers: self.oversight.excepted(self.limits()?.as_ref(), now)?,
            records: self.record_digests(),
        })
    }

    /// What modes a release may have here now.
    pub fn ladder(&self) -> Result<Ladder, Error> {
        let profile = self.current.profile.as_ref().map(|revision| revision.profile()).transpose()?;
        let ceiling = profile.as_ref().map_or(OperatingMode::Advisory, |profile| profile.operating_mode);
        let starting = profile.and_then(|profile| profile.starting_mode).unwrap_or(OperatingMode::Advisory);
        let active = self.active.map(|_| self.active_mode.unwrap_or(ceiling));
        Ok(Ladder { active, starting, ceiling })
    }

    fn environment_checks(&self) -> Vec<FailedCheck> {
        let name = &self.environment.name;
        let mut failed = Vec::new();
        if self.current.policy.is_none() {
            failed.push(check("policy_missing", format!("{name} has no promotion policy, so nobody could approve")));
        }
        if self.current.constraints.is_none() {
            failed.push(check("constraints_missing", format!("{name} has no constraint spec to measure against")));
        } else if self.dataset.is_none() {
            let detail = format!("the constraint spec of {name} names no registered dataset for {}", self.model.name);
            failed.push(check("dataset_missing", detail));
        }
        failed
    }

    fn evidence_checks(&self, asked: Option<&Asked>, now: DateTime<Utc>) -> Result<Vec<FailedCheck>, Error> {
        let Some(run) = &self.run else {
            let detail = format!(
                "no finished validation run of version {} against the current constraints; run plimsoll check {}@{} --env {}",
                self.version.number, self.model.name, self.version.number, self.environment.name
            );
            return Ok(vec![check("evidence_missing", detail)]);
        };
        let mut failed = Vec::new();
        let verdicts = self.verdicts(now)?;
        failed.extend(verdicts.iter().filter(|verdict| waivers::stops(verdict)).map(|verdict| FailedCheck {
            check: format!("constraint_{}", verdict.verdict),
            detail: format!("{}: {}", verdict.constraint, verdict.reason),
            owner: Some(verdict.owner.clone()),
        }));
        // A run that judged is as good as its verdicts with what is waived of them; one that did not is none.
        let judged = matches!(run.state, RunState::Failed | RunState::Inconclusive);
        let waived = judged && verdicts.iter().any(|verdict| verdict.verdict == Verdict::Waived);
        if failed.is_empty() && run.state != RunState::Passed && !waived {
            let why = run.reason.as_ref().map_or_else(String::new, |(code, detail)| format!(" ({code}: {detail})"));
            failed.push(check("run_not_passed", format!("the validation run is {}{why}", run.state.name())));
        }
        if let (Some(asked), Some(finished)) = (asked, run.finished_at) {
            let days = i64::from(asked.evidence_maximum_age_days);
            if TimeDelta::days(days) < now - finished {
                let detail =
                    format!("the validation run of {} is older than {days} days; run it again", rfc3339(finished));
                failed.push(check("evidence_expired", detail));
            }
        }
        Ok(failed)
    }
}

fn check(code: &str, detail: impl Into<String>) -> FailedCheck {
    FailedCheck { check: code.to_owned(), detail: detail.into(), owner: None }
}
