//! What was read from a file: for people who decide about it, and for rules that refuse it.

use crate::{MAX_SHOWN_CHARS, Refusal, shortened};
use serde::Serialize;
use std::{collections::BTreeMap, fmt};

/// Findings of one file that are kept; more are counted.
const MAX_FINDINGS: usize = 32;
/// Facts of one file that are kept.
const MAX_FACTS: usize = 64;
/// Kinds of elements, operators or layers that are told apart.
const MAX_KINDS: usize = 256;
/// Longest value of a fact, in characters.
const MAX_VALUE_CHARS: usize = 500;
/// Longest chat template that is shown, in characters. All of it is judged.
const MAX_TEMPLATE_CHARS: usize = 16 << 10;
const MAX_TEMPLATES: usize = 8;

/// Whether loading a file of some format can run code that the file brings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Nothing is known about what reads it.
    #[default]
    Unknown,
    /// Numbers and text.
    Data,
    /// A pickle that does nothing but put weights together. Another loader of pickles is one mistake away from code.
    Pickled,
    /// A program, whatever else it is.
    Code,
}

impl Class {
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Data => "data",
            Self::Pickled => "pickled",
            Self::Code => "code",
        }
    }
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The file is refused for it.
    Refused,
    /// Somebody should look.
    Warning,
}

/// Something in a file that somebody has to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub severity: Severity,
    /// Stable, for machines.
    pub code: &'static str,
    /// The member of an archive that it is in.
    pub member: Option<String>,
    /// The first byte of it, from the start of the file or of the member as it is unpacked.
    pub offset: Option<u64>,
    /// The instruction of a pickle.
    pub opcode: Option<&'static str>,
    /// What is there: a sentence without its end.
    pub what: String,
    /// What to do instead.
    pub advice: &'static str,
}

impl Finding {
    pub(crate) fn refused(code: &'static str, what: impl Into<String>, advice: &'static str) -> Self {
        let severity = Severity::Refused;
        Self { severity, code, member: None, offset: None, opcode: None, what: what.into(), advice }
    }

    pub(crate) fn warning(code: &'static str, what: impl Into<String>, advice: &'static str) -> Self {
        Self { severity: Severity::Warning, ..Self::refused(code, what, advice) }
    }

    pub(crate) fn at(self, offset: u64) -> Self {
        Self { offset: Some(offset), ..self }
    }

    pub(crate) fn by(self, opcode: &'static str) -> Self {
        Self { opcode: Some(opcode), ..self }
    }

    /// Of a member, unless it says already of which.
    fn inside(self, member: &str) -> Self {
        Self { member: self.member.or_else(|| Some(shortened(member, MAX_SHOWN_CHARS))), ..self }
    }
}

/// What, where, and what to do.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(member) = &self.member {
            write!(f, "in \"{member}\" ")?;
        }
        if let Some(offset) = self.offset {
            write!(f, "at byte {offset} ")?;
        }
        if let Some(opcode) = self.opcode {
            write!(f, "({opcode}) ")?;
        }
        write!(f, "{}; {}", self.what, self.advice)
    }
}

/// How much there is of something: tensors of one type, or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Amount {
    pub tensors: u64,
    /// Elements of all of them.
    pub parameters: u64,
    /// In the file, as they are stored.
    pub bytes: u64,
}

impl Amount {
    fn add(&mut self, other: Self) {
        self.tensors = self.tensors.saturating_add(other.tensors);
        self.parameters = self.parameters.saturating_add(other.parameters);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// Something that a file says about itself. Both are the author's text: escape them where they are shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fact {
    pub name: String,
    pub value: String,
}

/// A text that somebody's program turns into what a model is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Template {
    /// Where the file has it.
    pub name: String,
    /// Its beginning.
    pub text: String,
    /// How long the whole is.
    pub bytes: u64,
}

/// What an archive holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Members {
    pub files: u64,
    pub packed_bytes: u64,
    pub unpacked_bytes: u64,
}

/// One file as it was read.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Contents {
    /// What it is, for people; empty where nothing is known of it.
    pub format: &'static str,
    pub class: Class,
    pub total: Amount,
    /// By the type of the elements.
    pub types: BTreeMap<String, Amount>,
    /// What a graph takes and gives, with types and shapes.
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    /// Domain and version.
    pub opsets: BTreeMap<String, i64>,
    /// Operators or layers, and how many there are of each.
    pub operators: BTreeMap<String, u64>,
    pub facts: Vec<Fact>,
    pub templates: Vec<Template>,
    pub members: Option<Members>,
    pub findings: Vec<Finding>,
    /// Findings that are not kept.
    pub findings_left_out: u64,
}

impl Contents {
    pub(crate) fn of(format: &'static str, class: Class) -> Self {
        Self { format, class, ..Self::default() }
    }

    /// Raises the class; it never falls.
    pub(crate) fn is(&mut self, class: Class) {
        self.class = self.class.max(class);
    }

    pub(crate) fn find(&mut self, finding: Finding) {
        let is_warning = |finding: &Finding| finding.severity == Severity::Warning;
        if !is_warning(&finding) {
            self.is(Class::Code);
        }
        if self.findings.len() < MAX_FINDINGS {
            return self.findings.push(finding);
        }
        self.findings_left_out = self.findings_left_out.saturating_add(1);
        // Of many, what a file is refused for is kept before what somebody should look at.
        if !is_warning(&finding)
            && let Some(last) = self.findings.iter_mut().rev().find(|kept| is_warning(kept))
        {
            *last = finding;
        }
    }

    pub(crate) fn say(&mut self, name: impl AsRef<str>, value: impl AsRef<str>) {
        if value.as_ref().is_empty() {
            return;
        }
        let name = shortened(name.as_ref(), MAX_SHOWN_CHARS);
        let fact = Fact { name, value: shortened(value.as_ref(), MAX_VALUE_CHARS) };
        if self.facts.len() < MAX_FACTS {
            self.facts.push(fact);
        } else if fact.name.to_ascii_lowercase().contains("licen")
            && let Some(last) = self.facts.last_mut()
        {
            // What somebody may do with it is not to be lost among many.
            *last = fact;
        }
    }

    pub(crate) fn tensors(&mut self, kind: &str, amount: Amount) {
        self.total.add(amount);
        let kind = shortened(kind, MAX_SHOWN_CHARS);
        if self.types.len() < MAX_KINDS || self.types.contains_key(&kind) {
            self.types.entry(kind).or_default().add(amount);
        }
    }

    pub(crate) fn operator(&mut self, name: &str) {
        self.operators(name, 1);
    }

    fn operators(&mut self, name: &str, count: u64) {
        let name = shortened(name, MAX_SHOWN_CHARS);
        if self.operators.len() < MAX_KINDS || self.operators.contains_key(&name) {
            let all = self.operators.entry(name).or_default();
            *all = all.saturating_add(count);
        }
    }

    pub(crate) fn template(&mut self, name: &str, text: &str) {
        if self.templates.len() < MAX_TEMPLATES {
            let shown = text.chars().take(MAX_TEMPLATE_CHARS).collect();
            let name = shortened(name, MAX_SHOWN_CHARS);
            self.templates.push(Template { name, text: shown, bytes: text.len() as u64 });
        }
    }

    /// Takes over what was read of a member.
    pub(crate) fn take(&mut self, member: &str, inner: Self) {
        self.is(inner.class);
        for (kind, amount) in inner.types {
            self.tensors(&kind, amount);
        }
        for finding in inner.findings {
            self.find(finding.inside(member));
        }
        self.findings_left_out = self.findings_left_out.saturating_add(inner.findings_left_out);
        for (name, count) in inner.operators {
            self.operators(&name, count);
        }
        // Of several graphs in one archive nobody knows which one is meant.
        if self.inputs.is_empty() && self.outputs.is_empty() {
            (self.inputs, self.outputs) = (inner.inputs, inner.outputs);
        }
        for fact in inner.facts {
            self.say(fact.name, fact.value);
        }
        for template in inner.templates {
            if self.templates.len() < MAX_TEMPLATES {
                self.templates.push(template);
            }
        }
    }

    /// Refuses a file for what was found, and a pickle unless they are let in.
    ///
    /// # Errors
    /// `Unsafe` with the first finding, and how many more there are.
    pub fn judge(&self, pickles: Pickles) -> Result<(), Refusal> {
        let mut refused = self.findings.iter().filter(|finding| finding.severity == Severity::Refused);
        if let Some(first) = refused.next() {
            let more = (refused.count() as u64).saturating_add(self.findings_left_out);
            let more = if more == 0 { String::new() } else { format!(" ({more} more of the kind)") };
            return Err(Refusal::Unsafe(format!("{first}{more}")));
        }
        match (self.class, pickles) {
            (Class::Code, _) => Err(Refusal::Unsafe("it is a program, whatever else it is".to_owned())),
            (Class::Pickled, Pickles::Refused) => Err(Refusal::Unsafe(
                "it is a pickle, which is a program for whoever loads it, even where this one only puts weights together; \
                 save the weights as safetensors or export to ONNX"
                    .to_owned(),
            )),
            _ => Ok(()),
        }
    }
}

/// What becomes of pickles that do nothing but put weights together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pickles {
    #[default]
    Refused,
    Accepted,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_warnings_there_are_what_is_refused_stays_refused() {
        let mut contents = Contents::of("zip archive", Class::Unknown);
        for _ in 0..2 * MAX_FINDINGS {
            contents.find(Finding::warning("secret", "looks like a token", "take it out"));
        }
        assert_eq!(contents.judge(Pickles::Refused), Ok(()));
        contents.find(Finding::refused("pickle_name", "it resolves \"os.system\"", "save the weights as safetensors"));
        let refusal = contents.judge(Pickles::Accepted).expect_err("refused");
        assert!(refusal.detail().contains("os.system"), "{refusal}");
        let mut whole = Contents::of("zip archive", Class::Unknown);
        whole.take("evil.pkl", Contents { findings: Vec::new(), ..contents });
        whole.judge(Pickles::Accepted).expect_err("code is refused without a finding, too");
    }
}
