//! Closed lists of words: enums whose wire form is one string each.

/// Declares an enum with its words, `ALL`, `word()`, `from_word()` and `Display`, so that the
/// list in an error message can't differ from what is accepted.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:tt),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord,
            serde::Serialize, serde::Deserialize, utoipa::ToSchema,
        )]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $crate::constraints::words::Words for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str($crate::constraints::words::Words::word(*self))
            }
        }
    )+};
}
pub(crate) use words;

/// An enum whose wire form is one word.
pub trait Words: Copy + 'static {
    const ALL: &'static [Self];

    fn word(self) -> &'static str;

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|v| v.word() == word)
    }

    /// All words, for a message.
    fn listed() -> String {
        let words: Vec<&str> = Self::ALL.iter().map(|v| v.word()).collect();
        words.join(", ")
    }
}
