//! Walking from a version, or a digest, to what it was made from and what was made from it.

use super::{Family, GENERATIONS, Link, MOST_GENERATIONS, MOST_LINKS, Made, Named, gathered, store};
use crate::{
    app::App,
    authz::{Action, Principal, Scope, policy},
    core::ids::{ModelId, VersionId},
    db::Conn,
    error::Error,
    models,
    versions::{self, VersionRef},
};
use std::collections::{BTreeMap, BTreeSet};

const MAX_DIGEST_BYTES: usize = 300;

/// A version and its family.
pub struct Found {
    pub version: Named,
    pub model: String,
    pub family: Family,
}

/// What a version was made from, and what was made from it.
pub async fn of_version(
    app: &App,
    who: &Principal,
    model: &str,
    version: &VersionRef,
    generations: Option<u32>,
) -> Result<Found, Error> {
    let generations = checked(generations)?;
    let sight = policy::read(who, Action::VersionRead)?;
    let detail = versions::ops::find(app, who, model, version).await?;
    let reader = app.db.read(&sight);
    // Whoever may see one model alone learns nothing of the others.
    let only = who.reach.asks_where().then_some(detail.version.model);
    let mut walk = Walk::new(reader.conn(), sight.scope(), only);
    let version = Named {
        id: detail.version.id,
        model: detail.version.model,
        number: detail.version.number,
        digest: detail.version.manifest.to_string(),
        state: detail.version.state.name().to_owned(),
    };
    walk.up(&version, generations).await?;
    walk.told.clear();
    walk.down(Start::Versions(vec![version.id]), BTreeSet::from([version.id]), generations).await?;
    let family = walk.named().await?;
    Ok(Found { version, model: model.to_owned(), family })
}

/// What was made from something with this digest, and what it is here.
pub async fn of_digest(
    app: &App,
    who: &Principal,
    digest: &str,
    generations: Option<u32>,
) -> Result<(Vec<String>, Family), Error> {
    let generations = checked(generations)?;
    let is_digest = digest.split_once(':').is_some_and(|(algorithm, value)| {
        !algorithm.is_empty() && !value.is_empty() && algorithm.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    });
    if !is_digest || MAX_DIGEST_BYTES < digest.len() {
        return Err(Error::invalid("digest", "use an algorithm and a value, such as sha256:… or gitCommit:…"));
    }
    let sight = policy::read(who, Action::VersionRead)?;
    let reader = app.db.read(&sight);
    let mut walk = Walk::new(reader.conn(), sight.scope(), None);
    let datasets = match who.may(Action::DatasetRead) {
        true => store::datasets(walk.conn, walk.scope, &[digest.to_owned()]).await?,
        false => Vec::new(),
    };
    walk.down(Start::Digest(digest.to_owned()), BTreeSet::new(), generations).await?;
    Ok((datasets.into_iter().map(|(_, name)| name).collect(), walk.named().await?))
}

fn checked(generations: Option<u32>) -> Result<u32, Error> {
    let generations = generations.unwrap_or(GENERATIONS);
    if (1..=MOST_GENERATIONS).contains(&generations) {
        return Ok(generations);
    }
    Err(Error::invalid("generations", format!("use 1 to {MOST_GENERATIONS}")))
}

/// What descendants are looked for of.
enum Start {
    Digest(String),
    Versions(Vec<VersionId>),
}

struct Walk<'a> {
    conn: &'a Conn<'a>,
    scope: Scope,
    only: Option<ModelId>,
    family: Family,
    /// Statements and places in them that were told: versions may share files.
    told: BTreeSet<(VersionId, String, i32)>,
}

impl<'a> Walk<'a> {
    fn new(conn: &'a Conn<'a>, scope: Scope, only: Option<ModelId>) -> Self {
        Self { conn, scope, only, family: Family::default(), told: BTreeSet::new() }
    }

    /// Each version is looked at once, so a circle ends where it began.
    async fn up(&mut self, from: &Named, generations: u32) -> Result<(), Error> {
        let (mut seen, mut next) = (BTreeSet::from([from.id]), vec![from.id]);
        for generation in 1..=generations {
            let limit = self.left();
            let links = store::of_versions(self.conn, self.scope, &next, limit as u64 + 1).await?;
            let mut made = gathered(generation, self.cut(links, limit));
            self.recognise(&mut made).await?;
            let known: BTreeSet<_> = made.iter().flat_map(|made| made.is.iter().copied()).collect();
            self.family.made_from.extend(made);
            next = known.into_iter().filter(|id| seen.insert(*id)).collect();
            if next.is_empty() {
                return Ok(());
            }
        }
        self.family.is_cut |= !store::of_versions(self.conn, self.scope, &next, 1).await?.is_empty();
        Ok(())
    }

    async fn down(&mut self, mut start: Start, mut seen: BTreeSet<VersionId>, generations: u32) -> Result<(), Error> {
        for generation in 1..=generations {
            let limit = self.left();
            let links = self.from(&start, limit as u64 + 1).await?;
            // Before those of other models are left out: who may see one alone is told, too, that there may be more.
            let links = self.cut(links, limit);
            let made = gathered(generation, self.within(links).await?);
            let ids: BTreeSet<_> = made.iter().map(|made| made.version).collect();
            self.family.made_into.extend(made);
            let next: Vec<_> = ids.into_iter().filter(|id| seen.insert(*id)).collect();
            if next.is_empty() {
                return Ok(());
            }
            start = Start::Versions(next);
        }
        let further = self.from(&start, 1).await?;
        self.family.is_cut |= !self.within(further).await?.is_empty();
        Ok(())
    }

    async fn from(&self, start: &Start, limit: u64) -> Result<Vec<Link>, Error> {
        match start {
            Start::Digest(digest) => store::from_digest(self.conn, self.scope, digest, limit).await,
            Start::Versions(versions) => store::from_versions(self.conn, self.scope, versions, limit).await,
        }
    }

    /// What materials are here, if they are anything.
    async fn recognise(&mut self, made: &mut [Made]) -> Result<(), Error> {
        let digests: BTreeSet<String> = made.iter().flat_map(|made| made.digests.iter().cloned()).collect();
        // In order, as they are looked for.
        let digests: Vec<_> = digests.into_iter().collect();
        let (versions, is_cut) = store::known_by(self.conn, self.scope, &digests, MOST_LINKS as u64).await?;
        self.family.is_cut |= is_cut;
        let datasets = store::datasets(self.conn, self.scope, &digests).await?;
        for one in made {
            let is_it = |digest: &String| one.digests.contains(digest);
            let visible = |named: &Named| self.only.is_none_or(|only| named.model == only);
            let known = one.digests.iter().filter_map(|digest| versions.get(digest)).flatten();
            // A version that holds the very file is not made from itself.
            let found: BTreeSet<_> =
                known.filter(|named| visible(named) && named.id != one.version).map(|named| named.id).collect();
            one.is = found.into_iter().collect();
            one.datasets = datasets.iter().filter(|(digest, _)| is_it(digest)).map(|(_, name)| name.clone()).collect();
        }
        Ok(())
    }

    async fn within(&self, links: Vec<Link>) -> Result<Vec<Link>, Error> {
        let Some(only) = self.only else { return Ok(links) };
        let ids: Vec<_> = links.iter().map(|link| link.version).collect();
        let kept = store::by_ids(self.conn, self.scope, &ids).await?;
        let kept: BTreeSet<_> = kept.into_iter().filter(|named| named.model == only).map(|named| named.id).collect();
        Ok(links.into_iter().filter(|link| kept.contains(&link.version)).collect())
    }

    fn left(&self) -> usize {
        MOST_LINKS.saturating_sub(self.family.made_from.len() + self.family.made_into.len())
    }

    fn cut(&mut self, mut links: Vec<Link>, limit: usize) -> Vec<Link> {
        self.family.is_cut |= limit < links.len();
        links.truncate(limit);
        // Several digests of one material come together, so all of them stay.
        let before = self.told.clone();
        links.retain(|link| {
            let place = (link.version, link.attestation.clone(), link.place);
            let is_new = !before.contains(&place);
            self.told.insert(place);
            is_new
        });
        links
    }

    /// With the names of all versions that are spoken of.
    async fn named(mut self) -> Result<Family, Error> {
        let all = self.family.made_from.iter().chain(&self.family.made_into);
        let ids: BTreeSet<_> = all.flat_map(|made| made.is.iter().copied().chain([made.version])).collect();
        let ids: Vec<_> = ids.into_iter().collect();
        let named = store::by_ids(self.conn, self.scope, &ids).await?;
        let models = models::store::names(self.conn, self.scope, named.iter().map(|named| named.model)).await?;
        let told = named.into_iter().filter_map(|named| Some((named.id, (models.get(&named.model)?.clone(), named))));
        self.family.versions = told.collect::<BTreeMap<_, _>>();
        Ok(self.family)
    }
}
