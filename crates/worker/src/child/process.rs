//! The parent's side: one child, one dump at a time.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use wire::report::Report;

use super::{ChildCommand, LARGEST_ANSWER, LARGEST_DUMP, REFUSAL, REPORT};

/// Why a child gave no report.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The dump is at fault; the text is a sentence for whoever sent it.
    #[error("{0}")]
    Refused(String),
    /// The child could not be started.
    #[error("the analysis process could not be started")]
    NotStarted(#[source] io::Error),
    /// The child died over the dump.
    #[error("the analysis process ended over this dump ({how})")]
    Died {
        /// By which signal or status.
        how: String,
    },
    /// The child took too long and was killed.
    #[error("the analysis took longer than {seconds} s")]
    TooSlow {
        /// What it was allowed.
        seconds: u64,
    },
    /// The child answered something that is no answer.
    #[error("the analysis process gave an unreadable answer")]
    Garbled,
}

/// A place for a child: starts one when there is work, replaces it when it has died or served long enough.
#[derive(Debug)]
pub struct Analyser {
    command: ChildCommand,
    timeout: Duration,
    dumps_per_child: u32,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    process: Child,
    input: ChildStdin,
    output: ChildStdout,
    dumps: u32,
}

impl Analyser {
    /// A place for children that `command` starts; each dump may take `timeout`, each child so many dumps.
    pub fn new(command: ChildCommand, timeout: Duration, dumps_per_child: u32) -> Analyser {
        Analyser {
            command,
            timeout,
            dumps_per_child,
            running: None,
        }
    }

    /// The report of one dump.
    ///
    /// # Errors
    ///
    /// [`Failure`]: the dump cannot be read, or the child gave no answer.
    pub async fn analyse(&mut self, dump: &Bytes) -> Result<Report, Failure> {
        if u64::try_from(dump.len()).is_ok_and(|length| length > LARGEST_DUMP) {
            let most = LARGEST_DUMP >> 20;
            return Err(Failure::Refused(format!(
                "the dump is larger than {most} MiB, which is the most that is analysed"
            )));
        }
        let mut child = match self.running.take() {
            Some(child) => child,
            None => start(&self.command).map_err(Failure::NotStarted)?,
        };
        // If this future is dropped half-way, so is the child, which kills it.
        let answer = match tokio::time::timeout(self.timeout, child.exchange(dump)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => return Err(child.died().await),
            Err(_) => {
                child.kill().await;
                let seconds = self.timeout.as_secs();
                return Err(Failure::TooSlow { seconds });
            }
        };
        child.dumps += 1;
        if child.dumps < self.dumps_per_child {
            self.running = Some(child);
        } else {
            child.kill().await;
        }
        read(&answer)
    }
}

fn start(command: &ChildCommand) -> io::Result<Running> {
    let mut process = Command::new(&command.program)
        .args(&command.arguments)
        .env_clear()
        // In KiB. By itself the allocator reserves a gigabyte, which would come on top of what the child allows itself.
        .env("MIMALLOC_ARENA_RESERVE", "65536")
        // The child's allocator must not reserve the whole address space that the child is limited to: nothing would be
        // left for its stack to grow into.
        .env("MIMALLOC_ARENA_RESERVE", "16MiB")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // A panic's message may quote the dump.
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let (Some(input), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
        return Err(io::Error::other("no pipes to the child"));
    };
    Ok(Running {
        process,
        input,
        output,
        dumps: 0,
    })
}

impl Running {
    async fn exchange(&mut self, dump: &Bytes) -> io::Result<Vec<u8>> {
        let length = u64::try_from(dump.len()).map_err(io::Error::other)?;
        self.input.write_all(&length.to_le_bytes()).await?;
        self.input.write_all(dump).await?;
        self.input.flush().await?;
        let length = self.output.read_u64_le().await?;
        if length > LARGEST_ANSWER {
            return Err(io::Error::from(io::ErrorKind::InvalidData));
        }
        let mut answer = Vec::new();
        (&mut self.output).take(length).read_to_end(&mut answer).await?;
        if u64::try_from(answer.len()) != Ok(length) {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        Ok(answer)
    }

    /// Says how a child ended whose pipes broke.
    async fn died(mut self) -> Failure {
        drop(self.input);
        // It is dead or dying; if it only closed its pipes, it is killed.
        let waited = tokio::time::timeout(Duration::from_secs(1), self.process.wait()).await;
        let how = match waited {
            Ok(Ok(status)) => describe(status),
            _ => "it closed its pipes".to_owned(),
        };
        Failure::Died { how }
    }

    async fn kill(mut self) {
        if let Err(error) = self.process.kill().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "could not kill an analysis process"
            );
        }
    }
}

fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.signal(), status.code()) {
        (Some(signal), _) if signal == rustix::process::Signal::XCPU.as_raw() => {
            "it used up its processor time".to_owned()
        }
        (Some(signal), _) => format!("signal {signal}"),
        (None, Some(code)) => format!("status {code}"),
        (None, None) => "for no known reason".to_owned(),
    }
}

fn read(answer: &[u8]) -> Result<Report, Failure> {
    match answer.split_first() {
        Some((&REPORT, json)) => serde_json::from_slice(json).map_err(|_| Failure::Garbled),
        Some((&REFUSAL, text)) => Err(Failure::Refused(String::from_utf8_lossy(text).into_owned())),
        _ => Err(Failure::Garbled),
    }
}
