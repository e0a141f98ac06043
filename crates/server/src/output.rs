//! What the program says on standard output.
//!
//! Logs go to standard error; standard output has what a command was asked for. A reader that goes away
//! (`stopcode analyze … | head`) is no failure.

use std::io::{self, IsTerminal, Write};

/// Writes `text` to standard output.
///
/// # Errors
///
/// When it cannot be written and the reader has not just gone away.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Writes `text` and a line end to standard error: for people, where a log line would be too dry.
pub(crate) fn tell(text: &str) {
    // There is nobody left to tell when this fails.
    let _lost = writeln!(io::stderr().lock(), "{text}");
}

/// Whether standard output is a terminal that wants emphasis (`NO_COLOR` is respected).
pub(crate) fn emphasis() -> Emphasis {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if io::stdout().is_terminal() && !plain {
        Emphasis::Terminal
    } else {
        Emphasis::None
    }
}

/// How headings stand out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Emphasis {
    /// They do not.
    None,
    /// By the terminal's escape sequences.
    Terminal,
}

impl Emphasis {
    /// `text` in bold.
    pub(crate) fn bold(self, text: &str) -> String {
        match self {
            Emphasis::None => text.to_owned(),
            Emphasis::Terminal => format!("\u{1b}[1m{text}\u{1b}[0m"),
        }
    }
}
