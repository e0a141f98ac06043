//! Where log lines go: to standard error, and as a service to `agent.log` in the state folder.
//!
//! A small `tracing` subscriber of its own: `tracing-subscriber` would be a tenth of the whole agent. One line an
//! event, fields behind the message; the file is kept under two megabytes, with one older file beside it. Control
//! characters are escaped, since names of files and texts of servers end up in here.

use std::fmt::{self, Write as _};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use time::format_description::well_known::Rfc3339;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::clock::{Clock, Stop, SystemClock};

/// The size at which the log file is put aside, in bytes.
const FILE_MOST: u64 = 1 << 20;

/// Writes events of this crate as lines.
struct Lines {
    most: Level,
    clock: SystemClock,
    target: Target,
}

enum Target {
    StandardError,
    File {
        path: PathBuf,
        file: Mutex<Option<File>>,
    },
}

/// Logs to standard error from now on, down to `most`. A second call changes nothing.
pub fn to_standard_error(most: Level) {
    install(most, Target::StandardError);
}

/// Logs to `agent.log` in `folder` from now on. A second call changes nothing.
pub fn to_file(most: Level, folder: &Path) {
    let path = folder.join("agent.log");
    let file = Mutex::new(None);
    install(most, Target::File { path, file });
}

fn install(most: Level, target: Target) {
    let lines = Lines {
        most,
        clock: SystemClock::new(Stop::default()),
        target,
    };
    let _ = tracing::subscriber::set_global_default(lines); // the first one stays
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Libraries log through `log`, which is not connected; their lines could hold headers.
        *metadata.level() <= self.most && is_ours(metadata.target())
    }

    fn new_span(&self, _attributes: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        let now = self
            .clock
            .now()
            .replace_nanosecond(0)
            .unwrap_or_else(|_| self.clock.now());
        let now = now.format(&Rfc3339).unwrap_or_default();
        let level = event.metadata().level();
        self.target
            .write(&format!("{now} {level:5} {}{}\n", line.message, line.fields));
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

/// Whether a line comes from the library or the binary.
fn is_ours(target: &str) -> bool {
    target
        .split("::")
        .next()
        .is_some_and(|name| matches!(name, "agent" | "stopcode_agent"))
}

impl Target {
    /// Writes a line. Where not even that works, nothing is left to be told to.
    fn write(&self, line: &str) {
        match self {
            Target::StandardError => {
                let _ = io::stderr().write_all(line.as_bytes());
            }
            Target::File { path, file } => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                let _ = append(path, &mut file, line);
            }
        }
    }
}

fn append(path: &Path, open: &mut Option<File>, line: &str) -> io::Result<()> {
    if open
        .as_ref()
        .is_some_and(|file| file.metadata().is_ok_and(|metadata| metadata.len() > FILE_MOST))
    {
        *open = None;
        fs::rename(path, path.with_extension("old.log"))?;
    }
    let file = match open {
        Some(file) => file,
        None => open.insert(File::options().create(true).append(true).open(path)?),
    };
    file.write_all(line.as_bytes())
}

#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = escaped(&format!("{value:?}"));
        if field.name() == "message" {
            self.message = text;
        } else {
            let _ = write!(self.fields, " {}={text}", field.name()); // writing to a String cannot fail
        }
    }
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut escaped, character| {
        if character.is_control() {
            escaped.extend(character.escape_default());
        } else {
            escaped.push(character);
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::{Lines, Target};
    use crate::clock::{Stop, SystemClock};
    use std::sync::Mutex;
    use tracing::Level;

    #[test]
    fn a_line_of_a_file_name_with_a_line_break_stays_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.log");
        let lines = Lines {
            most: Level::INFO,
            clock: SystemClock::new(Stop::default()),
            target: Target::File {
                path: path.clone(),
                file: Mutex::new(None),
            },
        };
        tracing::subscriber::with_default(lines, || {
            tracing::info!(path = "a\nb.dmp", size_bytes = 7, "found");
            tracing::debug!("not shown");
        });
        let text = std::fs::read_to_string(path).unwrap();
        assert!(
            text.ends_with("INFO  found path=a\\nb.dmp size_bytes=7\n"),
            "{text}"
        );
        assert_eq!(text.lines().count(), 1);
    }
}
