//! What a model's file says about its graph, in words.

use crate::{
    app::App,
    authz::Principal,
    error::Error,
    formats::onnx::{Port, Summary},
    versions::{
        ops::Detail,
        outline::{self, Missing},
    },
    web::words,
};

/// More kinds of operators, inputs or outputs than this are counted, not listed.
const KINDS_SHOWN: usize = 24;
const PORTS_SHOWN: usize = 32;

/// A graph as a page shows it.
#[derive(Default)]
pub struct GraphView {
    /// Name and value.
    pub facts: Vec<(&'static str, String)>,
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    /// Operator and how many nodes there are of it, the most frequent first.
    pub operators: Vec<(String, String)>,
    pub operators_left_out: usize,
}

/// A graph, or why it is not shown.
pub enum Graph {
    Shown(GraphView),
    NotHere,
    Large,
    Unreadable(String),
}

/// The graph, if its file has at most so many bytes.
pub async fn of(app: &App, who: &Principal, detail: &Detail, most_bytes: i64) -> Result<Graph, Error> {
    Ok(match outline::graph(app, who, detail, most_bytes).await? {
        Ok(summary) => Graph::Shown(GraphView::of(&summary)),
        Err(Missing::NotHere) => Graph::NotHere,
        Err(Missing::Large) => Graph::Large,
        Err(Missing::Unreadable(why)) => Graph::Unreadable(why),
    })
}

impl GraphView {
    pub fn of(summary: &Summary) -> Self {
        let size = &summary.outline.size;
        let opsets = summary.opsets.iter().map(|(domain, version)| format!("{domain} {version}"));
        let mut facts = vec![
            ("Operators", words::grouped(size.operators)),
            ("Parameters", words::grouped(size.parameters)),
            ("Operator sets", opsets.collect::<Vec<_>>().join(", ")),
            ("Form of the file", format!("ONNX IR {}", summary.ir_version)),
        ];
        if size.inner_operators != 0 {
            facts.insert(1, ("In branches and loops", words::grouped(size.inner_operators)));
        }
        if size.external_tensors != 0 {
            facts.push(("Weights in other files", format!("of {} tensors", words::grouped(size.external_tensors))));
        }
        if size.flops.counted_nodes != 0 {
            let (counted, bearing) = (size.flops.counted_nodes, size.flops.bearing_nodes);
            let whole = if counted == bearing { String::new() } else { format!(", of {counted} of {bearing} nodes") };
            facts.push(("Work for a row", format!("about {} operations{whole}", operations(size.flops.total))));
        }
        let mut operators: Vec<_> = summary.operators.iter().collect();
        operators.sort_by(|one, other| other.1.cmp(one.1).then(one.0.cmp(other.0)));
        let ports = |ports: &[Port]| {
            let mut shown: Vec<_> = ports.iter().take(PORTS_SHOWN).map(ToString::to_string).collect();
            if PORTS_SHOWN < ports.len() {
                shown.push(format!("and {} more", ports.len() - PORTS_SHOWN));
            }
            shown
        };
        Self {
            facts,
            inputs: ports(&summary.outline.inputs),
            outputs: ports(&summary.outline.outputs),
            operators_left_out: operators.len().saturating_sub(KINDS_SHOWN),
            operators: operators
                .into_iter()
                .take(KINDS_SHOWN)
                .map(|(name, nodes)| (name.clone(), words::grouped(*nodes)))
                .collect(),
        }
    }
}

/// An estimate has no more digits than it is worth.
fn operations(total: f64) -> String {
    let units = [(1e12, " trillion"), (1e9, " billion"), (1e6, " million"), (1e3, " thousand")];
    let unit = units.into_iter().find(|(size, _)| *size <= total);
    unit.map_or_else(|| format!("{total:.0}"), |(size, name)| format!("{:.1}{name}", total / size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_is_rounded() {
        let read = [0.0, 999.0, 1_500.0, 2.5e9, 4e15].map(operations);
        assert_eq!(read, ["0", "999", "1.5 thousand", "2.5 billion", "4000.0 trillion"]);
    }
}
