//! What things are called: ids in the log get the names that their tables have now, and a
//! name that somebody typed leads to the ids that the log has.

pub mod store;

/// What somebody means: by id or digest, or by kind and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// An id or a digest, as leaves have it.
    Id(String),
    Model(String),
    Version(String, i64),
    Environment(String),
    Dataset(String),
    Account(String),
}

impl Reference {
    /// `model:NAME`, `model:NAME@NUMBER`, `environment:NAME`, `dataset:NAME`, `account:NAME`;
    /// anything else is an id or a digest.
    pub fn parse(text: &str) -> Self {
        let id = || Self::Id(text.to_owned());
        let Some((kind, name)) = text.split_once(':') else { return id() };
        match kind {
            "model" | "version" => match name.rsplit_once('@').map(|(name, number)| (name, number.parse())) {
                Some((name, Ok(number))) => Self::Version(name.to_owned(), number),
                Some((_, Err(_))) => id(),
                None if kind == "model" => Self::Model(name.to_owned()),
                None => id(),
            },
            "environment" => Self::Environment(name.to_owned()),
            "dataset" => Self::Dataset(name.to_owned()),
            "account" => Self::Account(name.to_owned()),
            _ => id(),
        }
    }

    /// What an error calls it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Id(_) => "object",
            Self::Model(_) => "model",
            Self::Version(..) => "version",
            Self::Environment(_) => "environment",
            Self::Dataset(_) => "dataset",
            Self::Account(_) => "account",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_an_id_or_a_name() {
        let name = "scorer".to_owned();
        for (text, wanted) in [
            ("model:scorer", Reference::Model(name.clone())),
            ("model:scorer@3", Reference::Version(name.clone(), 3)),
            ("version:scorer@3", Reference::Version(name.clone(), 3)),
            ("environment:scorer", Reference::Environment(name.clone())),
            ("dataset:scorer", Reference::Dataset(name.clone())),
            ("account:scorer", Reference::Account(name)),
        ] {
            assert_eq!(Reference::parse(text), wanted);
        }
        for id in
            ["", "log", "sha256:00", "model:scorer@three", "version:scorer", "0190a3c4-0000-7000-8000-00000000000a"]
        {
            assert_eq!(Reference::parse(id), Reference::Id(id.to_owned()));
        }
    }
}
