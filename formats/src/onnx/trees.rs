//! Decision trees in attributes: a node whose children lead back to it is walked for ever.

use super::super::Refusal;
use std::collections::{BTreeMap, HashMap};

/// Nodes of one forest that are looked at. A larger one is left to the runtime, which looks at it when it loads the model.
pub(super) const MAX_TREE_NODES: usize = 1 << 20;

/// Whether an attribute is one of the lists that matter here.
pub(super) fn is_list(attribute: &str) -> bool {
    matches!(attribute, "nodes_treeids" | "nodes_nodeids" | "nodes_truenodeids" | "nodes_falsenodeids" | "nodes_modes")
}

/// The lists of a `TreeEnsembleClassifier` or `TreeEnsembleRegressor` that say what leads where.
#[derive(Debug, Default)]
pub(super) struct Trees {
    tree: Vec<i64>,
    node: Vec<i64>,
    yes: Vec<i64>,
    no: Vec<i64>,
    /// Whether each node is a leaf.
    leaf: Vec<bool>,
    is_passed_over: bool,
}

impl Trees {
    /// Keeps the values of an attribute if they are about trees.
    pub(super) fn take(&mut self, attribute: &str, values: Vec<i64>, leaves: Vec<bool>) {
        match attribute {
            "nodes_treeids" => self.tree = values,
            "nodes_nodeids" => self.node = values,
            "nodes_truenodeids" => self.yes = values,
            "nodes_falsenodeids" => self.no = values,
            "nodes_modes" => self.leaf = leaves,
            _ => {}
        }
    }

    /// Notes that there are too many nodes to look at.
    pub(super) fn pass(&mut self) {
        self.is_passed_over = true;
    }

    /// Every walk from a node goes on to nodes that it has not met.
    ///
    /// What a leaf names as its children means nothing.
    pub(super) fn check(&self, operator: &str) -> Result<(), Refusal> {
        if self.is_passed_over {
            return Ok(());
        }
        let count = self.node.len();
        if [self.tree.len(), self.yes.len(), self.no.len()].iter().any(|length| *length != count) {
            return Err(Refusal::Invalid(format!("the trees of {operator} have lists of different lengths")));
        }
        let place: HashMap<(i64, i64), usize> =
            self.tree.iter().copied().zip(self.node.iter().copied()).zip(0..).collect();
        // 0: not met, 1: on the way, 2: done. A stack of its own, because depth comes from the file.
        let mut state = vec![0u8; count];
        for start in 0..count {
            let mut stack = vec![start];
            while let Some(&at) = stack.last() {
                match state.get(at) {
                    Some(0) => {
                        state[at] = 1;
                        for next in self.children(at, &place) {
                            match state.get(next) {
                                Some(1) => return Err(self.cycle(operator, at)),
                                Some(0) => stack.push(next),
                                _ => {}
                            }
                        }
                    }
                    Some(1) => {
                        state[at] = 2;
                        stack.pop();
                    }
                    _ => {
                        stack.pop();
                    }
                }
            }
        }
        Ok(())
    }

    fn children(&self, at: usize, place: &HashMap<(i64, i64), usize>) -> impl Iterator<Item = usize> {
        let of = |list: &[i64]| list.get(at).copied();
        let (tree, yes, no) = (of(&self.tree), of(&self.yes), of(&self.no));
        let is_branch = !self.leaf.get(at).copied().unwrap_or(yes == no);
        let found = [yes, no].map(|child| if is_branch { place.get(&(tree?, child?)).copied() } else { None });
        found.into_iter().flatten()
    }

    /// How many trees there are, and the comparisons on the way to a leaf, as the mean over the leaves of each tree,
    /// summed over the trees. `None` for trees that nobody looked at, or that lead nowhere.
    pub(super) fn mean_depths(&self) -> Option<(u64, f64)> {
        let count = self.node.len();
        let whole = [self.tree.len(), self.yes.len(), self.no.len(), self.leaf.len()].iter().all(|l| *l == count);
        if self.is_passed_over || !whole || count == 0 {
            return None;
        }
        let place: HashMap<(i64, i64), usize> =
            self.tree.iter().copied().zip(self.node.iter().copied()).zip(0..).collect();
        let mut is_child = vec![false; count];
        for at in 0..count {
            self.children(at, &place).for_each(|child| is_child[child] = true);
        }
        // Leaves of each tree, and the sum of their depths.
        let mut trees: BTreeMap<i64, (f64, f64)> = BTreeMap::new();
        let mut open: Vec<(usize, u32)> =
            (0..count).filter(|at| is_child.get(*at) == Some(&false)).map(|at| (at, 0)).collect();
        // Two ways to one node would be walked twice; a tree has one way to each.
        let mut walked = 0;
        while let Some((at, depth)) = open.pop() {
            walked += 1;
            if count < walked {
                return None;
            }
            let before = open.len();
            open.extend(self.children(at, &place).map(|child| (child, depth + 1)));
            if before == open.len() {
                let (leaves, depths) = trees.entry(self.tree.get(at).copied()?).or_default();
                *leaves += 1.0;
                *depths += f64::from(depth);
            }
        }
        let mean = trees.values().map(|(leaves, depths)| depths / leaves).sum();
        (walked == count).then_some((trees.len() as u64, mean))
    }

    fn cycle(&self, operator: &str, at: usize) -> Refusal {
        let number = |list: &[i64]| list.get(at).copied().unwrap_or_default();
        let (node, tree) = (number(&self.node), number(&self.tree));
        Refusal::Invalid(format!("node {node} of tree {tree} of {operator} leads back to a node above it"))
    }
}
