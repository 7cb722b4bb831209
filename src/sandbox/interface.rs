//! `interface.json`: what a model version says about its own inputs and outputs.
//!
//! A version needs it only when the names and shapes in the model do not say enough: a data set's column has another
//! name than the input it feeds, the classes of a tensor of probabilities are not 0 to C-1, or the task is not plain
//! from the outputs.

use serde::{Deserialize, Serialize};

/// The file's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interface {
    pub task: TaskKind,
    /// Which columns feed which input. Inputs that are not listed take the column of their own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Vec<InputMapping>>,
    /// Which outputs hold the prediction. Outputs that are not named are found by their types.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<OutputMapping>,
    /// The classes in the order of the columns of the probabilities. For a binary model the second one is positive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    BinaryClassification,
    MulticlassClassification,
    Regression,
}

/// One input of the model and the columns that make up its second dimension, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputMapping {
    pub name: String,
    pub columns: Vec<String>,
}

/// The outputs by name. For a regression `label` is the predicted value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputMapping {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probabilities: Option<String>,
}

impl Interface {
    /// Rules that the JSON schema cannot say.
    ///
    /// # Errors
    /// A sentence that names the field at fault.
    pub fn check(&self) -> Result<(), String> {
        let Some(classes) = &self.classes else {
            return Ok(());
        };
        let mut sorted: Vec<_> = classes.iter().collect();
        sorted.sort();
        sorted.dedup();
        if sorted.len() != classes.len() {
            return Err("`classes` names one class twice".to_owned());
        }
        match self.task {
            TaskKind::BinaryClassification if classes.len() != 2 => {
                Err("a binary classification has 2 `classes`: the negative one, then the positive one".to_owned())
            }
            TaskKind::MulticlassClassification if classes.len() < 2 => {
                Err("a multiclass classification has at least 2 `classes`".to_owned())
            }
            TaskKind::Regression => Err("a regression has no `classes`".to_owned()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_with_only_the_task() {
        let file: Interface = serde_json::from_str(r#"{"task":"regression"}"#).expect("parses");
        assert_eq!(file.task, TaskKind::Regression);
        assert_eq!(file.check(), Ok(()));
    }

    #[test]
    fn an_unknown_field_is_refused() {
        let read = serde_json::from_str::<Interface>(r#"{"task":"regression","label":"y"}"#);
        assert!(read.is_err());
    }

    #[test]
    fn classes_must_fit_the_task() {
        let cases = [
            (TaskKind::BinaryClassification, vec!["no", "yes"], true),
            (TaskKind::BinaryClassification, vec!["no"], false),
            (TaskKind::BinaryClassification, vec!["no", "no"], false),
            (TaskKind::MulticlassClassification, vec!["a", "b", "c"], true),
            (TaskKind::MulticlassClassification, vec!["a"], false),
            (TaskKind::Regression, vec!["a"], false),
        ];
        for (task, classes, accepted) in cases {
            let file = Interface {
                task,
                inputs: None,
                outputs: None,
                classes: Some(classes.iter().map(|c| (*c).to_owned()).collect()),
            };
            assert_eq!(file.check().is_ok(), accepted, "{task:?} with {classes:?}");
        }
    }
}
