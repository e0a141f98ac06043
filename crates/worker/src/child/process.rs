//! The parent's side: one child, one dump or symbol file at a time.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use analysis::symbols::Wanted;
use bytes::Bytes;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use wire::report::Report;

use super::frame::{HEADER_BYTES, Kind, header, parse};
use super::{
    Cage, ChildCommand, Identity, LARGEST_ANSWER, LARGEST_COMPILED, LARGEST_DUMP, MOST_QUESTIONS,
    MOST_WANTED, Question,
};
use crate::symbols::{Entry, Symbols};

/// How long a child may take to lock itself up.
const START: Duration = Duration::from_secs(10);

/// How much of a compiled file is read at a time.
const CHUNK_BYTES: usize = 64 << 10;

/// Why a child gave no report.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The dump or symbol file is at fault; the text is a sentence for whoever sent it.
    #[error("{0}")]
    Refused(String),
    /// The child could not be started.
    #[error("the analysis process could not be started")]
    NotStarted(#[source] io::Error),
    /// The child died over its work.
    #[error("the analysis process ended over this file ({how})")]
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
    /// What was compiled could not be written down.
    #[error("the compiled symbol file could not be written")]
    NotWritten(#[source] io::Error),
}

impl Failure {
    /// Whether the child died over the file or was killed over it: then the file is to be feared, and not tried for ever.
    pub fn is_of_the_file(&self) -> bool {
        matches!(
            self,
            Failure::Died { .. } | Failure::TooSlow { .. } | Failure::Garbled
        )
    }
}

/// What goes wrong between parent and child.
#[derive(Debug)]
enum Trouble {
    /// The socket broke: the child is dead or dying.
    Broken,
    /// The time is over.
    Slow,
    /// It said what no child says.
    Garbled,
    /// Our own side.
    NotWritten(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        match error.kind() {
            io::ErrorKind::InvalidData => Trouble::Garbled,
            _ => Trouble::Broken,
        }
    }
}

/// A place for a child: starts one when there is work, replaces it when it has died or served long enough.
#[derive(Debug)]
pub struct Analyser {
    command: ChildCommand,
    timeout: Duration,
    works_per_child: u32,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    process: Child,
    socket: UnixStream,
    cage: Cage,
    works: u32,
    /// Which file was given to it last for what it asked; it may hold it still.
    given: HashMap<Wanted, u64>,
}

impl Analyser {
    /// A place for children that `command` starts; each work may take `timeout`, each child so many of them.
    pub fn new(command: ChildCommand, timeout: Duration, works_per_child: u32) -> Analyser {
        Analyser {
            command,
            timeout,
            works_per_child,
            running: None,
        }
    }

    /// What is in force around the children. Starts one if none is there.
    ///
    /// # Errors
    ///
    /// When no child can be started.
    pub async fn cage(&mut self) -> Result<Cage, Failure> {
        let child = self.child().await?;
        let cage = child.cage.clone();
        self.running = Some(child);
        Ok(cage)
    }

    /// The process id of the child that waits for work, if there is one.
    pub fn child_id(&self) -> Option<u32> {
        self.running.as_ref()?.process.id()
    }

    /// The report of one dump. The time that `symbols` takes to find files is not the child's.
    ///
    /// # Errors
    ///
    /// [`Failure`]: the dump cannot be read, or the child gave no answer.
    pub async fn analyse(&mut self, dump: &Bytes, symbols: &Symbols) -> Result<Report, Failure> {
        if u64::try_from(dump.len()).is_ok_and(|length| length > LARGEST_DUMP) {
            let most = LARGEST_DUMP >> 20;
            return Err(Failure::Refused(format!(
                "the dump is larger than {most} MiB, which is the most that is analysed"
            )));
        }
        // If this future is dropped half-way, so is the child, which kills it.
        let mut child = self.child().await?;
        let answer = child.report(dump, symbols, self.timeout).await;
        match self.settle(child, answer).await? {
            (Kind::Report, json) => serde_json::from_slice(&json).map_err(|_| Failure::Garbled),
            (_, sentence) => Err(refused(&sentence)),
        }
    }

    /// Compiles a symbol file that came as `name`; what was compiled is written to `into`.
    ///
    /// # Errors
    ///
    /// [`Failure`]: the file is none that can be used, or the child gave no answer.
    pub(crate) async fn compile(
        &mut self,
        file: &File,
        name: &str,
        into: &mut (impl Write + Send),
    ) -> Result<Identity, Failure> {
        let mut child = self.child().await?;
        let answer = child.compiled(file, name, into, self.timeout).await;
        match self.settle(child, answer).await? {
            (Kind::Compiled, json) => serde_json::from_slice(&json).map_err(|_| Failure::Garbled),
            (_, sentence) => Err(refused(&sentence)),
        }
    }

    async fn child(&mut self) -> Result<Running, Failure> {
        match self.running.take() {
            Some(child) => Ok(child),
            None => start(&self.command).await.map_err(Failure::NotStarted),
        }
    }

    /// Keeps the child for the next work, or says how it failed.
    async fn settle<T>(&mut self, mut child: Running, answer: Result<T, Trouble>) -> Result<T, Failure> {
        let answer = match answer {
            Ok(answer) => answer,
            Err(Trouble::Broken) => return Err(child.died().await),
            Err(trouble) => {
                child.kill().await;
                return Err(match trouble {
                    Trouble::Slow => Failure::TooSlow {
                        seconds: self.timeout.as_secs(),
                    },
                    Trouble::NotWritten(error) => Failure::NotWritten(error),
                    Trouble::Garbled | Trouble::Broken => Failure::Garbled,
                });
            }
        };
        child.works += 1;
        if child.works < self.works_per_child {
            self.running = Some(child);
        } else {
            child.kill().await;
        }
        Ok(answer)
    }
}

fn refused(sentence: &[u8]) -> Failure {
    Failure::Refused(String::from_utf8_lossy(sentence).into_owned())
}

async fn start(command: &ChildCommand) -> io::Result<Running> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    let process = Command::new(&command.program)
        .args(&command.arguments)
        .env_clear()
        // The child's allocator must not reserve the whole address space that the child is limited to: nothing would be
        // left for its stack to grow into.
        .env("MIMALLOC_ARENA_RESERVE", "16MiB")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        // A panic's message may quote the dump.
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let mut child = Running {
        process,
        socket: UnixStream::from_std(ours)?,
        cage: Cage { unfiltered: None },
        works: 0,
        given: HashMap::new(),
    };
    let mut left = START;
    child.cage = match child.receive(&mut left, LARGEST_ANSWER).await {
        Ok((Kind::Ready, json)) => serde_json::from_slice(&json)?,
        Ok(_) | Err(Trouble::Garbled) => return Err(io::Error::other("it is not the program it should be")),
        Err(_) => return Err(io::Error::other(child.died().await.to_string())),
    };
    Ok(child)
}

impl Running {
    /// The frame that ends the analysis of a dump: a report or a refusal.
    async fn report(
        &mut self,
        dump: &[u8],
        symbols: &Symbols,
        timeout: Duration,
    ) -> Result<(Kind, Vec<u8>), Trouble> {
        let mut left = timeout;
        self.send(Kind::Analyse, dump, &mut left).await?;
        for _ in 0..=MOST_QUESTIONS {
            match self.receive(&mut left, LARGEST_ANSWER).await? {
                (Kind::Want, questions) => self.answer(&questions, symbols, &mut left).await?,
                answer @ (Kind::Report | Kind::Refusal, _) => return Ok(answer),
                _ => return Err(Trouble::Garbled),
            }
        }
        Err(Trouble::Garbled)
    }

    /// The frame that says what a symbol file is, or a refusal.
    async fn compiled(
        &mut self,
        file: &File,
        name: &str,
        into: &mut (impl Write + Send),
        timeout: Duration,
    ) -> Result<(Kind, Vec<u8>), Trouble> {
        let mut left = timeout;
        let length = file.metadata().map_err(Trouble::NotWritten)?.len();
        let mut body = length.to_le_bytes().to_vec();
        body.extend_from_slice(name.as_bytes());
        self.send_file(Kind::Compile, &body, file, &mut left).await?;
        let (kind, body) = self.receive(&mut left, LARGEST_ANSWER).await?;
        let is_used_as_it_is = |body: &[u8]| {
            let identity: Result<Identity, _> = serde_json::from_slice(body);
            identity.map_or(true, |identity| identity.as_it_is)
        };
        if kind == Kind::Compiled && !is_used_as_it_is(&body) {
            self.contents(into, &mut left).await?;
        }
        Ok((kind, body))
    }

    /// Writes the bytes of a compiled file down as they come.
    async fn contents(&mut self, into: &mut (impl Write + Send), left: &mut Duration) -> Result<(), Trouble> {
        let (kind, mut length) = within(left, receive_header(&mut self.socket)).await?;
        if kind != Kind::Contents || length > LARGEST_COMPILED {
            return Err(Trouble::Garbled);
        }
        let mut chunk = vec![0; CHUNK_BYTES];
        while length > 0 {
            let most = usize::try_from(length).unwrap_or(usize::MAX).min(chunk.len());
            let Some(part) = chunk.get_mut(..most) else { break };
            let bytes = within(left, self.socket.read(part)).await?;
            let read = part.get(..bytes).filter(|read| !read.is_empty());
            into.write_all(read.ok_or(Trouble::Broken)?)
                .map_err(Trouble::NotWritten)?;
            length = length.saturating_sub(u64::try_from(bytes).unwrap_or(length));
        }
        Ok(())
    }

    /// Answers which of the files there are.
    async fn answer(
        &mut self,
        questions: &[u8],
        symbols: &Symbols,
        left: &mut Duration,
    ) -> Result<(), Trouble> {
        let questions: Vec<Question> = serde_json::from_slice(questions).map_err(|_| Trouble::Garbled)?;
        if questions.len() > MOST_WANTED {
            return Err(Trouble::Garbled);
        }
        let wanted: Vec<Wanted> = questions
            .iter()
            .map(|question| Wanted {
                kind: question.kind,
                key: question.key.clone(),
            })
            .collect();
        let found = symbols.find(&wanted).await;
        for ((question, wanted), entry) in questions.iter().zip(wanted).zip(found) {
            self.hand_over(question.held, wanted, entry.as_deref(), left)
                .await?;
        }
        Ok(())
    }

    async fn hand_over(
        &mut self,
        held: bool,
        wanted: Wanted,
        entry: Option<&Entry>,
        left: &mut Duration,
    ) -> Result<(), Trouble> {
        let identity = entry.map(Entry::identity);
        if held && identity.is_some() && self.given.get(&wanted).copied() == identity {
            return self.send(Kind::Held, &[], left).await;
        }
        // A file that another program has swept away in the meantime is as good as none.
        let opened = entry.and_then(|entry| Some((entry, entry.open().ok()?)));
        let Some((entry, (file, length))) = opened else {
            self.given.remove(&wanted);
            return self.send(Kind::Absent, &[], left).await;
        };
        self.given.insert(wanted, entry.identity());
        self.send_file(Kind::File, &length.to_le_bytes(), &file, left)
            .await
    }

    async fn send(&mut self, kind: Kind, body: &[u8], left: &mut Duration) -> Result<(), Trouble> {
        let header = header(kind, body.len());
        let sent = async {
            self.socket.write_all(&header).await?;
            self.socket.write_all(body).await
        };
        within(left, sent).await
    }

    /// Sends a frame that carries an open file.
    async fn send_file(
        &mut self,
        kind: Kind,
        body: &[u8],
        file: &File,
        left: &mut Duration,
    ) -> Result<(), Trouble> {
        let mut frame = header(kind, body.len()).to_vec();
        frame.extend_from_slice(body);
        let socket = &mut self.socket;
        let sent = async {
            let first = socket
                .async_io(Interest::WRITABLE, || send_with(socket, &frame, file))
                .await?;
            let rest = frame.get(first..).unwrap_or_default();
            socket.write_all(rest).await
        };
        within(left, sent).await
    }

    /// The next frame, if its body is not larger than `most`.
    async fn receive(&mut self, left: &mut Duration, most: u64) -> Result<(Kind, Vec<u8>), Trouble> {
        let received = async {
            let (kind, length) = receive_header(&mut self.socket).await?;
            if length > most {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let mut body = Vec::new();
            (&mut self.socket).take(length).read_to_end(&mut body).await?;
            if u64::try_from(body.len()) != Ok(length) {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Ok((kind, body))
        };
        within(left, received).await
    }

    /// Says how a child ended whose socket broke.
    async fn died(self) -> Failure {
        let Running {
            mut process, socket, ..
        } = self;
        drop(socket);
        // It is dead or dying; if it only closed its socket, it is killed.
        let waited = tokio::time::timeout(Duration::from_secs(1), process.wait()).await;
        let how = match waited {
            Ok(Ok(status)) => describe(status),
            _ => "it closed its socket".to_owned(),
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

async fn receive_header(socket: &mut UnixStream) -> io::Result<(Kind, u64)> {
    let mut header = [0; HEADER_BYTES];
    socket.read_exact(&mut header).await?;
    parse(header)
}

/// Sends the first bytes of a frame with a file; the number of bytes that went.
fn send_with(socket: &UnixStream, frame: &[u8], file: &File) -> io::Result<usize> {
    let files = [file.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(&files));
    let parts = [IoSlice::new(frame)];
    Ok(rustix::net::sendmsg(
        socket,
        &parts,
        &mut ancillary,
        SendFlags::NOSIGNAL,
    )?)
}

/// Takes the time that `work` needs from what is left.
async fn within<T>(left: &mut Duration, work: impl Future<Output = io::Result<T>>) -> Result<T, Trouble> {
    let begun = Instant::now();
    let result = tokio::time::timeout(*left, work).await;
    *left = left.saturating_sub(begun.elapsed());
    Ok(result.map_err(|_| Trouble::Slow)??)
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
