//! Which columns feed which input: pure rules over the model's ports, the data set and the interface file.
//!
//! A row of an input of more than two dimensions (an image, a window of sound) is one column for each of its numbers,
//! or one column whose cells hold them all, `[0.5, 0.25, …]`, in the order of the tensor.

use super::{
    failure::{Failure, quoted},
    interface::{InputMapping, Interface},
    ports::{Element, Port, PortKind},
    task::Task,
};
use std::collections::{HashMap, HashSet};

/// One input and the columns of the data set, by index, that make up its second dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Feed {
    pub name: String,
    pub element: Element,
    pub columns: Vec<usize>,
    /// The input is a vector [N], not a matrix [N, C].
    pub vector: bool,
    /// The dimensions of one row of an input of more than two, else `None`.
    pub row_shape: Option<Vec<usize>>,
}

/// How the whole data set reaches the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InputPlan {
    pub feeds: Vec<Feed>,
    /// Rows that every call must have, when the model fixes them.
    pub fixed_rows: Option<usize>,
}

/// Decides for every input of the model.
///
/// Without a mapping an input takes the column of its own name; the only input of a model may instead take
/// the data set's whole feature order.
///
/// # Errors
/// `input_mismatch` names inputs or columns that are missing; `unsupported_model` an input that no table can feed.
pub(super) fn plan_inputs(ports: &[Port], task: &Task) -> Result<InputPlan, Failure> {
    if ports.is_empty() {
        return Err(Failure::unsupported("the model has no input"));
    }
    let index: HashMap<&str, usize> = task.columns.iter().enumerate().map(|(i, c)| (c.name.as_str(), i)).collect();
    let mapped = mappings(ports, task.interface.as_ref())?;
    let mut feeds = Vec::with_capacity(ports.len());
    let mut missing = Vec::new();
    for port in ports {
        let element = tabular_element(port)?;
        let names = match mapped.get(port.info.name.as_str()) {
            Some(mapping) => mapping.columns.clone(),
            None => default_columns(port, ports.len(), &index, &task.feature_order),
        };
        let mut columns = Vec::with_capacity(names.len());
        for name in names {
            match index.get(name.as_str()) {
                Some(column) => columns.push(*column),
                None => missing.push(name),
            }
        }
        if missing.is_empty() {
            check_width(port, columns.len())?;
        }
        feeds.push(Feed {
            name: port.info.name.clone(),
            element,
            columns,
            vector: port.info.shape.len() == 1,
            row_shape: port.row_shape(),
        });
    }
    if !missing.is_empty() {
        return Err(missing_columns(&missing));
    }
    Ok(InputPlan { feeds, fixed_rows: fixed_rows(ports)? })
}

fn mappings<'t>(
    ports: &[Port],
    interface: Option<&'t Interface>,
) -> Result<HashMap<&'t str, &'t InputMapping>, Failure> {
    let listed = interface.and_then(|file| file.inputs.as_deref()).unwrap_or_default();
    let known: HashSet<&str> = ports.iter().map(|port| port.info.name.as_str()).collect();
    let mut mapped = HashMap::new();
    for mapping in listed {
        if !known.contains(mapping.name.as_str()) {
            return Err(Failure::input(format!(
                "interface.json maps the input {}, which the model does not have; its inputs are {}",
                quoted(&mapping.name),
                listing(ports.iter().map(|port| port.info.name.as_str()))
            )));
        }
        if mapped.insert(mapping.name.as_str(), mapping).is_some() {
            return Err(Failure::input(format!("interface.json maps the input {} twice", quoted(&mapping.name))));
        }
    }
    Ok(mapped)
}

fn tabular_element(port: &Port) -> Result<Element, Failure> {
    let name = quoted(&port.info.name);
    if !port.is_tabular() && port.row_shape().is_none() {
        return Err(Failure::unsupported(format!(
            "the input {name} has the shape {:?}; of more than two dimensions all but the first must be fixed, so that a row is a list of numbers",
            port.info.shape
        )));
    }
    match port.kind {
        PortKind::Tensor(Element::Text) if !port.is_tabular() => {
            Err(Failure::unsupported(format!("the input {name} holds texts in more than two dimensions")))
        }
        PortKind::Tensor(element) => Ok(element),
        _ => Err(Failure::unsupported(format!(
            "the input {name} has the type {}; the cells of a table become numbers, bool or string",
            port.info.element_type
        ))),
    }
}

fn default_columns(port: &Port, inputs: usize, index: &HashMap<&str, usize>, feature_order: &[String]) -> Vec<String> {
    let own_name = vec![port.info.name.clone()];
    if inputs > 1 || port.info.shape.len() == 1 {
        return own_name;
    }
    if port.row_shape().is_some() && index.contains_key(port.info.name.as_str()) {
        return own_name;
    }
    // One matrix: it takes all features, unless it is one column wide and a column has its name.
    let has_column = index.contains_key(port.info.name.as_str());
    let one_wide = port.fixed_width() == Some(1) || feature_order.is_empty();
    if has_column && one_wide || feature_order.is_empty() { own_name } else { feature_order.to_vec() }
}

fn check_width(port: &Port, width: usize) -> Result<(), Failure> {
    let cells = port.row_shape().map(|shape| shape.iter().product::<usize>());
    if cells.is_some() && width == 1 {
        return Ok(());
    }
    let declared = cells.or(port.fixed_width());
    if width == 0 || declared.is_some_and(|declared| declared != width) {
        return Err(Failure::input(format!(
            "the input {} takes {} column(s), but {width} would feed it; map the columns in interface.json",
            quoted(&port.info.name),
            declared.map_or("1 or more".to_owned(), |declared| declared.to_string()),
        )));
    }
    Ok(())
}

fn fixed_rows(ports: &[Port]) -> Result<Option<usize>, Failure> {
    let mut fixed = ports.iter().filter_map(|port| port.fixed_rows().map(|rows| (port, rows)));
    let Some((first, rows)) = fixed.next() else {
        return Ok(None);
    };
    if let Some((other, other_rows)) = fixed.find(|(_, other_rows)| *other_rows != rows) {
        return Err(Failure::unsupported(format!(
            "the inputs {} and {} want {rows} and {other_rows} rows in one call",
            quoted(&first.info.name),
            quoted(&other.info.name)
        )));
    }
    Ok(Some(rows))
}

fn missing_columns(missing: &[String]) -> Failure {
    Failure::input(format!(
        "the data set has no column for {}; add the column(s), or map others to the inputs in interface.json",
        listing(missing.iter().map(String::as_str))
    ))
}

/// At most five names, quoted, and how many more there are.
pub(super) fn listing<'n>(names: impl ExactSizeIterator<Item = &'n str>) -> String {
    const SHOWN: usize = 5;
    let more = names.len().saturating_sub(SHOWN);
    let mut text = names.take(SHOWN).map(quoted).collect::<Vec<_>>().join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

#[cfg(test)]
#[path = "inputs_tests.rs"]
mod tests;
