//! Which outputs hold the prediction: pure rules over the model's ports and the interface file.

use super::{
    failure::{Failure, quoted},
    inputs::listing,
    interface::{Interface, TaskKind},
    ports::{Element, Port, PortKind},
};

/// The outputs, by index, that are read as a prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OutputPlan {
    /// The predicted class.
    pub label: Option<usize>,
    /// Probabilities, a single score, or the value of a regression.
    pub score: Option<usize>,
}

impl OutputPlan {
    /// Nothing is read as a prediction.
    pub const NONE: Self = Self { label: None, score: None };

    pub fn is_none(self) -> bool {
        self == Self::NONE
    }
}

/// Decides by the interface file where it names outputs, else by their types.
///
/// A class is an integer, bool or string output; a score is a float output or a ZipMap. Of several scores the
/// first with `prob` in its name is taken, else the first.
///
/// # Errors
/// `input_mismatch` when interface.json names an output that is not there; `unsupported_model` when no output is a prediction.
pub(super) fn plan_outputs(ports: &[Port], interface: Option<&Interface>) -> Result<OutputPlan, Failure> {
    let named = interface.and_then(|file| file.outputs.clone()).unwrap_or_default();
    let label = named.label.as_deref().map(|name| find(ports, name)).transpose()?;
    let score = named.probabilities.as_deref().map(|name| find(ports, name)).transpose()?;
    let plan = if interface.is_some_and(|file| file.task == TaskKind::Regression) {
        let value = score.or(label).or_else(|| first(ports, is_number));
        OutputPlan { label: None, score: value }
    } else {
        OutputPlan {
            label: label.or_else(|| first(ports, is_class).filter(|found| Some(*found) != score)),
            score: score.or_else(|| score_output(ports).filter(|found| Some(*found) != label)),
        }
    };
    if plan.label.is_none() && plan.score.is_none() {
        return Err(Failure::unsupported(format!(
            "none of the outputs {} is a prediction for each row: a class (integer, string), a score (float, [N] or [N, C]) or a ZipMap",
            listing(ports.iter().map(|port| port.info.name.as_str()))
        )));
    }
    for index in [plan.label, plan.score].into_iter().flatten() {
        check_readable(ports, index)?;
    }
    Ok(plan)
}

fn find(ports: &[Port], name: &str) -> Result<usize, Failure> {
    ports.iter().position(|port| port.info.name == name).ok_or_else(|| {
        Failure::input(format!(
            "interface.json names the output {}, which the model does not have; its outputs are {}",
            quoted(name),
            listing(ports.iter().map(|port| port.info.name.as_str()))
        ))
    })
}

fn first(ports: &[Port], wanted: impl Fn(&Port) -> bool) -> Option<usize> {
    ports.iter().position(|port| port.is_list_of_rows() && wanted(port))
}

fn score_output(ports: &[Port]) -> Option<usize> {
    let named = |port: &Port| is_score(port) && port.info.name.to_ascii_lowercase().contains("prob");
    first(ports, named).or_else(|| first(ports, is_score))
}

fn is_class(port: &Port) -> bool {
    matches!(port.kind, PortKind::Tensor(element) if !is_float(element))
}

fn is_score(port: &Port) -> bool {
    port.kind == PortKind::Maps || matches!(port.kind, PortKind::Tensor(element) if is_float(element))
}

fn is_number(port: &Port) -> bool {
    matches!(port.kind, PortKind::Tensor(element) if !matches!(element, Element::Bool | Element::Text))
}

fn is_float(element: Element) -> bool {
    matches!(element, Element::Float16 | Element::Float32 | Element::Float64)
}

fn check_readable(ports: &[Port], index: usize) -> Result<(), Failure> {
    let Some(port) = ports.get(index) else {
        return Ok(());
    };
    if port.kind == PortKind::Other || !port.is_list_of_rows() {
        return Err(Failure::unsupported(format!(
            "the output {} has the type {} and the shape {:?}, which is no prediction for each row",
            quoted(&port.info.name),
            port.info.element_type,
            port.info.shape
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{
        super::{failure::FailureKind, interface::OutputMapping, ports::tests::port},
        *,
    };

    const FLOAT: PortKind = PortKind::Tensor(Element::Float32);
    const INT: PortKind = PortKind::Tensor(Element::Int64);
    const MAPS: PortKind = PortKind::Maps;

    fn interface(task: TaskKind, label: Option<&str>, probabilities: Option<&str>) -> Interface {
        Interface {
            task,
            inputs: None,
            outputs: Some(OutputMapping {
                label: label.map(str::to_owned),
                probabilities: probabilities.map(str::to_owned),
            }),
            classes: None,
        }
    }

    #[test]
    fn outputs_are_found_by_their_types() {
        let cases: [(&[Port], Option<usize>, Option<usize>); 5] = [
            (&[port("label", INT, &[-1]), port("probabilities", FLOAT, &[-1, 2])], Some(0), Some(1)),
            (&[port("p", MAPS, &[]), port("y", PortKind::Tensor(Element::Text), &[-1])], Some(1), Some(0)),
            (&[port("margin", FLOAT, &[-1, 2]), port("my_prob", FLOAT, &[-1, 2])], None, Some(1)),
            (&[port("y", FLOAT, &[-1, 1])], None, Some(0)),
            (&[port("hidden", FLOAT, &[-1, 8, 8]), port("y", FLOAT, &[-1])], None, Some(1)),
        ];
        for (ports, label, score) in cases {
            assert_eq!(plan_outputs(ports, None), Ok(OutputPlan { label, score }));
        }
    }

    #[test]
    fn the_interface_comes_before_the_types() {
        let ports = [port("a", FLOAT, &[-1]), port("b", INT, &[-1]), port("c", INT, &[-1]), port("d", FLOAT, &[-1])];
        let file = interface(TaskKind::BinaryClassification, Some("c"), Some("d"));
        assert_eq!(plan_outputs(&ports, Some(&file)), Ok(OutputPlan { label: Some(2), score: Some(3) }));
        let file = interface(TaskKind::Regression, Some("d"), None);
        assert_eq!(plan_outputs(&ports, Some(&file)), Ok(OutputPlan { label: None, score: Some(3) }));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let tensors = [port("seq", PortKind::Other, &[])];
        let image = [port("pixels", FLOAT, &[-1, 3, 8, 8])];
        let missing = interface(TaskKind::BinaryClassification, Some("zzz"), None);
        let named = interface(TaskKind::BinaryClassification, None, Some("pixels"));
        let cases = [
            (&tensors, None, FailureKind::UnsupportedModel, "`seq`"),
            (&image, None, FailureKind::UnsupportedModel, "`pixels`"),
            (&image, Some(&missing), FailureKind::InputMismatch, "`zzz`"),
            (&image, Some(&named), FailureKind::UnsupportedModel, "[-1, 3, 8, 8]"),
        ];
        for (ports, file, kind, said) in cases {
            let failure = plan_outputs(ports, file).expect_err(said);
            assert_eq!(failure.kind, kind, "{failure}");
            assert!(failure.detail.contains(said), "{failure}");
        }
    }
}
