//! The command that somebody gave, to be given again.

use super::output::printable;
use std::borrow::Cow;

/// What it takes to go on with this command: the same, with `option` instead of those that it excludes.
pub fn command(option: Option<&str>, excluded: &[&str]) -> String {
    let words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    printable(&written(words, option, excluded))
}

fn written(words: impl Iterator<Item = String>, option: Option<&str>, excluded: &[&str]) -> String {
    let mut words: Vec<_> =
        words.filter(|word| Some(word.as_str()) != option && !excluded.contains(&word.as_str())).collect();
    if let Some(option) = option {
        // Behind the name of the command, since a folder may follow `--`.
        words.insert(words.len().min(1), option.to_owned());
    }
    let quoted: Vec<_> = words.iter().map(|word| quote(word)).collect();
    format!("plimsoll {}", quoted.join(" "))
}

/// As a shell takes it for one word.
fn quote(word: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => Cow::Borrowed(word),
        false => Cow::Owned(format!("'{}'", word.replace('\'', r"'\''"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_written_as_a_shell_takes_it() {
        let of = |words: &[&str]| {
            let words = words.iter().map(|word| (*word).to_owned());
            written(words, Some("--resume"), &["--restart"])
        };
        assert_eq!(of(&["push", "v 1", "m"]), "plimsoll push --resume 'v 1' m");
        assert_eq!(of(&["push", "--restart", "v1", "m"]), "plimsoll push --resume v1 m");
        assert_eq!(of(&["push", "v1", "--resume", "it's"]), r"plimsoll push --resume v1 'it'\''s'");
        assert_eq!(written(["pull".to_owned()].into_iter(), None, &[]), "plimsoll pull");
    }
}
