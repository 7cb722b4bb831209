//! Reading passwords and tokens, from a pipe or from a terminal without an echo, and answers.

use super::{Exit, Failure};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::{BufRead, IsTerminal, Read, Write};

const MAX_BYTES: u64 = 4_096;

/// All of standard input, without the line end.
pub fn from_stdin(what: &str) -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin().take(MAX_BYTES).read_to_string(&mut text).map_err(Failure::other)?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(Failure::new(Exit::Usage, format!("standard input holds no {what}")));
    }
    Ok(text.to_owned())
}

/// One line from the terminal, as it is typed.
pub fn ask_openly(prompt: &str) -> Result<String, Failure> {
    let _ = write!(std::io::stderr(), "{prompt}: ");
    let _ = std::io::stderr().flush();
    let mut line = String::new();
    std::io::stdin().lock().take(MAX_BYTES).read_line(&mut line).map_err(Failure::other)?;
    Ok(line.trim().to_owned())
}

/// One line from the terminal, unseen.
pub fn ask(prompt: &str) -> Result<String, Failure> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(Failure::new(Exit::Usage, "there is no terminal to ask at")
            .next("pipe the password in and add --password-stdin"));
    }
    let _ = write!(std::io::stderr(), "{prompt}: ");
    let _ = std::io::stderr().flush();
    let before = tcgetattr(&stdin).map_err(Failure::other)?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Flush, &silent).map_err(Failure::other)?;
    let _echo = Echo(before);
    let mut line = String::new();
    stdin.lock().take(MAX_BYTES).read_line(&mut line).map_err(Failure::other)?;
    say!();
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Puts the terminal back as it was, however the reading ends.
struct Echo(Termios);

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &self.0);
    }
}
