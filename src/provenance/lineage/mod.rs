//! Which versions were made from what, over generations, by digest.
//!
//! The links are what signed statements say. A material is a registered dataset or another version where its digest is one
//! that the workspace knows; everything else is named and leads no further.

pub mod api;
pub mod ops;
pub(crate) mod store;

use crate::core::ids::{ModelId, VersionId};
use std::collections::BTreeMap;

/// How far is looked if nobody says, and how far at most.
pub const GENERATIONS: u32 = 3;
pub const MOST_GENERATIONS: u32 = 10;
/// A family of more links than these is cut, and said to be.
const MOST_LINKS: usize = 500;

/// One digest that a statement about a version names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub version: VersionId,
    /// The digest of the statement.
    pub attestation: String,
    /// Where the material stands in it.
    pub place: i32,
    pub role: String,
    pub name: Option<String>,
    pub uri: Option<String>,
    /// Algorithm, colon, value.
    pub digest: String,
}

/// A sealed version, as far as a family tree shows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    pub id: VersionId,
    pub model: ModelId,
    pub number: i64,
    pub digest: String,
    pub state: String,
}

/// That a version was made from something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// How many steps away: 1 for what the version in question was made from, or what was made from it.
    pub generation: u32,
    pub version: VersionId,
    pub role: String,
    pub name: Option<String>,
    pub uri: Option<String>,
    /// All digests of the material; the one by which it was found stands first.
    pub digests: Vec<String>,
    /// The digest of the statement that says so.
    pub attestation: String,
    /// Versions that go by one of the digests.
    pub is: Vec<VersionId>,
    /// Registered datasets with one of the digests.
    pub datasets: Vec<String>,
}

/// A family: what something was made from, and what was made from it.
#[derive(Debug, Default)]
pub struct Family {
    pub made_from: Vec<Made>,
    pub made_into: Vec<Made>,
    /// Every version that is spoken of, with the name of its model.
    pub versions: BTreeMap<VersionId, (String, Named)>,
    /// More is known than was looked at.
    pub is_cut: bool,
}

/// Several digests of one material are one thing.
fn gathered(generation: u32, links: Vec<Link>) -> Vec<Made> {
    let mut made: Vec<(i32, Made)> = Vec::new();
    for link in links {
        let same = |(place, one): &&mut (i32, Made)| {
            *place == link.place && one.version == link.version && one.attestation == link.attestation
        };
        match made.iter_mut().find(same) {
            Some((_, known)) => known.digests.push(link.digest),
            None => made.push((
                link.place,
                Made {
                    generation,
                    version: link.version,
                    role: link.role,
                    name: link.name,
                    uri: link.uri,
                    digests: vec![link.digest],
                    attestation: link.attestation,
                    is: Vec::new(),
                    datasets: Vec::new(),
                },
            )),
        }
    }
    made.into_iter().map(|(_, made)| made).collect()
}
