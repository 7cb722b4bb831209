//! Actions as forms: each is offered only to those whose role may do it, keeps what was typed when
//! it did not succeed, and says beside itself what was wrong.
//!
//! Invariant: what is not offered is refused by the use-case as well; a refusal is a page of its own,
//! so that it gets into the audit log.

use crate::{
    authz::Denied,
    core::{clock, text::Line},
    error::{Error, InField},
    http::problem::Problem,
    web::{PageError, form::Fields, once},
};
use actix_web::http::StatusCode;
use chrono::{DateTime, Utc};

/// One action.
pub struct Form {
    /// Unique on its page.
    pub id: String,
    pub address: String,
    pub title: String,
    /// What it leads to, in a sentence.
    pub says: &'static str,
    pub button: &'static str,
    pub inputs: Vec<Input>,
    /// Unfolded, because it is the one to look at.
    pub is_open: bool,
    /// What was wrong with the last try.
    pub error: String,
}

pub struct Input {
    pub name: &'static str,
    pub label: String,
    pub hint: &'static str,
    pub kind: Kind,
    pub is_required: bool,
    pub value: String,
}

/// How something is asked for.
pub enum Kind {
    Line,
    Text,
    Day,
    Number,
    /// With the word by which a browser knows which password is meant.
    Password(&'static str),
    /// Ticked or not; ticked, it is `yes`.
    Tick,
    /// Value and label.
    Choice(Vec<(String, String)>),
    /// What the page knows already.
    Hidden,
}

impl Form {
    pub fn new(id: &str, address: &str, title: &str, says: &'static str, button: &'static str) -> Self {
        Self {
            id: id.to_owned(),
            address: address.to_owned(),
            title: title.to_owned(),
            says,
            button,
            inputs: Vec::new(),
            is_open: false,
            error: String::new(),
        }
    }

    #[must_use]
    pub fn ask(mut self, name: &'static str, label: &str, kind: Kind) -> Self {
        let input = Input {
            name,
            label: label.to_owned(),
            hint: "",
            is_required: !matches!(kind, Kind::Choice(_) | Kind::Tick),
            kind,
            value: String::new(),
        };
        self.inputs.push(input);
        self
    }

    /// Asks for what may be left empty.
    #[must_use]
    pub fn may(self, name: &'static str, label: &str, kind: Kind) -> Self {
        let mut form = self.ask(name, label, kind);
        if let Some(last) = form.inputs.last_mut() {
            last.is_required = false;
        }
        form
    }

    /// A sentence beside what was asked for last.
    #[must_use]
    pub fn hint(mut self, hint: &'static str) -> Self {
        if let Some(last) = self.inputs.last_mut() {
            last.hint = hint;
        }
        self
    }

    #[must_use]
    pub fn reason(self) -> Self {
        self.ask("reason", "Reason, for the record", Kind::Line)
    }

    #[must_use]
    pub fn hidden(self, name: &'static str, value: &str) -> Self {
        let mut form = self.ask(name, "", Kind::Hidden);
        if let Some(last) = form.inputs.last_mut() {
            value.clone_into(&mut last.value);
        }
        form
    }

    /// For what can't be taken back: the name of what it is about has to be typed.
    #[must_use]
    pub fn confirmed_by(self, name: &str) -> Self {
        self.ask("confirm", &format!("Type {name} to confirm"), Kind::Line)
    }

    /// Carried out once, however often it is sent; see [`crate::web::once`].
    #[must_use]
    pub fn once(self) -> Self {
        self.hidden(once::FIELD, &once::key())
    }

    /// Shows what holds now, to be changed.
    #[must_use]
    pub fn filled(mut self, name: &str, value: &str) -> Self {
        for input in self.inputs.iter_mut().filter(|input| input.name == name) {
            value.clone_into(&mut input.value);
        }
        self
    }

    #[must_use]
    pub fn open(self) -> Self {
        Self { is_open: true, ..self }
    }

    /// Puts back what was typed, if this is the form that was sent.
    #[must_use]
    pub fn with(mut self, typed: &Typed) -> Self {
        if typed.form != self.id {
            return self;
        }
        // A password that was typed never comes back in a page.
        for input in self.inputs.iter_mut().filter(|input| !matches!(input.kind, Kind::Hidden | Kind::Password(_))) {
            typed.get(&self.id, input.name).clone_into(&mut input.value);
        }
        self.error.clone_from(&typed.error);
        self.is_open = true;
        self
    }
}

impl Input {
    pub fn is_choice(&self) -> bool {
        matches!(self.kind, Kind::Choice(_))
    }

    /// Nothing is chosen at first, and something has to be.
    pub fn must_choose(&self) -> bool {
        matches!(&self.kind, Kind::Choice(choices) if choices.first().is_some_and(|(value, _)| value.is_empty()))
    }

    /// What a browser may fill in by itself.
    pub fn autocomplete(&self) -> &'static str {
        if let Kind::Password(which) = self.kind { which } else { "off" }
    }

    /// The `type` of the element.
    pub fn html_type(&self) -> &'static str {
        match self.kind {
            Kind::Day => "date",
            Kind::Number => "number",
            Kind::Hidden => "hidden",
            Kind::Password(_) => "password",
            Kind::Tick => "checkbox",
            Kind::Line | Kind::Text | Kind::Choice(_) => "text",
        }
    }
}

impl Kind {
    /// A choice that has to be made: nothing is chosen at first.
    pub fn pick(words: &[&str]) -> Self {
        let Self::Choice(mut choices) = Self::of(words) else { return Self::of(words) };
        choices.insert(0, (String::new(), "choose one".to_owned()));
        Self::Choice(choices)
    }

    pub fn of(words: &[&str]) -> Self {
        Self::Choice(words.iter().map(|word| ((*word).to_owned(), word.replace('_', " "))).collect())
    }
}

/// What somebody may do with a thing as it stands.
#[derive(Default)]
pub struct Offers {
    pub forms: Vec<Form>,
    /// Why not the rest, where it is not a matter of roles.
    pub barred: Vec<String>,
}

impl Offers {
    /// Offers an action to whoever has leave; of a role that they lack, nothing is said.
    pub fn add<T>(&mut self, leave: Result<T, Denied>, form: Form) {
        match leave {
            Ok(_) => self.forms.push(form),
            Err(denied) if denied.code == "forbidden" => {}
            Err(denied) => self.barred.push(format!("{}: {}.", form.title, denied.reason)),
        }
    }
}

/// What came with a form that did not succeed.
#[derive(Debug, Default)]
pub struct Typed {
    pub form: String,
    pub error: String,
    fields: Fields,
}

impl Typed {
    /// Empty for every other form of the page.
    pub fn get(&self, form: &str, field: &str) -> &str {
        if self.form == form { self.fields.get(field) } else { "" }
    }

    pub fn has_failed(&self, form: &str) -> bool {
        self.form == form && !self.error.is_empty()
    }
}

/// What a page shows again after a failure that the next try can avoid; other failures are pages of
/// their own.
pub fn kept(failure: Error, form: &str, fields: Fields) -> Result<(StatusCode, Typed), PageError> {
    if !matches!(failure, Error::Invalid(_) | Error::Conflict { .. } | Error::Untimely(_)) {
        return Err(failure.into());
    }
    let problem = Problem::from(failure);
    let status = problem.status();
    let said: Vec<_> = problem.errors.iter().map(|error| format!("{}: {}", error.field, error.detail)).collect();
    let error = if said.is_empty() { problem.detail } else { said.join("; ") };
    Ok((status, Typed { form: form.to_owned(), error, fields }))
}

/// What a form names and nobody finds is a mistake in the form: it is the person's to correct, not a missing page.
pub fn misnamed(failure: Error) -> Error {
    match failure {
        Error::NotFound { kind } => Error::invalid(kind, failure.to_string()),
        failure => failure,
    }
}

/// Whether the name was typed that [`Form::confirmed_by`] asks for.
pub fn confirmed(fields: &Fields, name: &str) -> Result<(), Error> {
    if fields.get("confirm").trim() == name {
        return Ok(());
    }
    Err(Error::invalid("confirm", format!("type {name}, to show that this is what you mean")))
}

/// The reason that somebody gave.
pub fn reason(fields: &Fields) -> Result<Line, Error> {
    Line::parse_required(fields.get("reason")).in_field("reason")
}

/// The end of a day that somebody named, or a moment.
pub fn day(fields: &Fields, name: &str) -> Result<DateTime<Utc>, Error> {
    // Of a day that is today its end is meant as well, so the moment that "now" would be lies before all.
    let found = clock::moment(fields.get(name).trim(), DateTime::UNIX_EPOCH);
    found.ok_or_else(|| Error::invalid(name, clock::MOMENT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent() -> Typed {
        let fields = Fields::of(vec![("reason".to_owned(), "late".to_owned()), ("to".to_owned(), "x".to_owned())]);
        let failure = Error::invalid("until", "use a day");
        kept(failure, "close", fields.expect("fields")).expect("kept").1
    }

    #[test]
    fn only_the_form_that_was_sent_has_what_was_typed() {
        let form = |id: &str| Form::new(id, "/x", "Close", "", "Close").reason().hidden("to", "me").with(&sent());
        let (same, other) = (form("close"), form("accept"));
        assert_eq!((same.inputs[0].value.as_str(), same.is_open), ("late", true));
        assert_eq!(same.error, "until: use a day");
        assert_eq!(same.inputs[1].value, "me", "what the page knows is not what was sent");
        assert_eq!((other.inputs[0].value.as_str(), other.is_open, other.error.as_str()), ("", false, ""));
    }

    #[test]
    fn a_refusal_is_a_page_of_its_own() {
        assert!(kept(Error::not_found("finding"), "close", Fields::default()).is_err());
        assert!(kept(Error::conflict("finding_state", "it is closed"), "close", Fields::default()).is_ok());
    }

    #[test]
    fn a_day_is_meant_to_its_end_also_today() {
        let fields = |text: &str| Fields::of(vec![("until".to_owned(), text.to_owned())]).expect("fields");
        let end = day(&fields(" 2026-03-02 "), "until").expect("a day");
        assert_eq!(clock::rfc3339(end), "2026-03-02T23:59:59.999999Z");
        assert!(day(&fields(""), "until").is_err());
    }
}
