//! A growing tree of which only the edge is kept: at most 64 hashes.

use crate::crypto::{
    merkle::{EMPTY_ROOT, Hash, node_hash},
    merkle_store::join,
};

/// The roots of the complete subtrees of a tree, largest first: enough to append leaves and
/// to give the root, in O(log n) memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompactRange {
    size: u64,
    edge: Vec<Hash>,
}

impl CompactRange {
    pub fn new() -> Self {
        Self::default()
    }

    /// A tree from its size and the hashes at `root_positions(size)`; nothing, if their
    /// number is wrong.
    pub fn from_edge(size: u64, edge: Vec<Hash>) -> Option<Self> {
        (u64::from(size.count_ones()) == edge.len() as u64).then_some(Self { size, edge })
    }

    /// The number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn edge(&self) -> &[Hash] {
        &self.edge
    }

    pub fn append(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.edge.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.edge.push(hash);
        self.size += 1;
    }

    pub fn root(&self) -> Hash {
        join(&self.edge).unwrap_or(EMPTY_ROOT)
    }
}
