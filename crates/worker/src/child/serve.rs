//! The child's side: limits, then dump in, answer out, until the input ends.

use std::fs::File;
use std::io::{self, Read, Seek, Write};

use rustix::process::{Resource, Rlimit, Signal};

use super::{LARGEST_DUMP, REFUSAL, REPORT};

/// Address space beyond what the process has when it starts. An allocator may have reserved a gigabyte by then that it
/// has not touched, and not even the stack could grow under a limit that is used up.
const MORE_ADDRESS_SPACE_BYTES: u64 = 1 << 30;

const PROCESSOR_SECONDS_PER_DUMP: u64 = 10;

/// The unit of `/proc/self/stat`: fixed for programs, whatever the kernel's own clock does.
const TICKS_PER_SECOND: u64 = 100;

/// Standard input, output and error, and the file of [`ProcessorTime`].
const OPEN_FILES: u64 = 4;

/// Analyses dumps from standard input until it ends, and answers on standard output.
///
/// Call it in a process of its own, before anything else: it limits the process for good.
///
/// # Errors
///
/// When a limit cannot be set, or a frame is cut short, too large, or cannot be written.
pub fn serve_stdio() -> io::Result<()> {
    let mut used = limit_this_process()?;
    let mut input = io::stdin().lock();
    let mut output = io::stdout().lock();
    while let Some(dump) = read_frame(&mut input)? {
        used.allow_more(PROCESSOR_SECONDS_PER_DUMP)?;
        let (kind, body) = answer(&dump)?;
        write_frame(&mut output, kind, &body)?;
    }
    Ok(())
}

fn answer(dump: &[u8]) -> io::Result<(u8, Vec<u8>)> {
    match analysis::analyze(dump) {
        Ok(report) => Ok((REPORT, serde_json::to_vec(&report)?)),
        Err(error) => Ok((REFUSAL, error.to_string().into_bytes())),
    }
}

fn limit_this_process() -> io::Result<ProcessorTime> {
    let parent = rustix::process::getppid();
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // A parent that died before the line above sends no signal any more.
    if rustix::process::getppid() != parent || parent.is_none() {
        return Err(io::Error::other("the parent is gone"));
    }
    let used = ProcessorTime::open()?;
    set_limit(Resource::As, address_space_bytes()? + MORE_ADDRESS_SPACE_BYTES)?;
    set_limit(Resource::Fsize, 0)?;
    set_limit(Resource::Core, 0)?;
    set_limit(Resource::Nofile, OPEN_FILES)?;
    Ok(used)
}

/// The address space that this process has now.
fn address_space_bytes() -> io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    address_space_kib(&status)
        .and_then(|kib| kib.checked_mul(1024))
        .ok_or_else(|| io::Error::other("unreadable /proc/self/status"))
}

/// `VmSize` from `/proc/self/status`.
fn address_space_kib(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

fn set_limit(resource: Resource, most: u64) -> io::Result<()> {
    // A limit that is tighter already cannot be raised, and need not be.
    let most = rustix::process::getrlimit(resource)
        .maximum
        .map_or(most, |maximum| maximum.min(most));
    let limit = Rlimit {
        current: Some(most),
        maximum: Some(most),
    };
    Ok(rustix::process::setrlimit(resource, limit)?)
}

/// The processor time that this process has used, read from a file that was opened before the limits.
struct ProcessorTime {
    stat: File,
}

impl ProcessorTime {
    fn open() -> io::Result<ProcessorTime> {
        Ok(ProcessorTime {
            stat: File::open("/proc/self/stat")?,
        })
    }

    /// Lets the process use `seconds` more from now on. The kernel kills it when they are over.
    fn allow_more(&mut self, seconds: u64) -> io::Result<()> {
        let limit = Rlimit {
            current: Some(self.seconds()? + seconds),
            maximum: rustix::process::getrlimit(Resource::Cpu).maximum,
        };
        Ok(rustix::process::setrlimit(Resource::Cpu, limit)?)
    }

    fn seconds(&mut self) -> io::Result<u64> {
        let mut text = String::new();
        self.stat.rewind()?;
        self.stat.read_to_string(&mut text)?;
        let ticks = used_ticks(&text).ok_or_else(|| io::Error::other("unreadable /proc/self/stat"))?;
        // Rounded up: a limit in the past would kill at once.
        Ok(ticks.div_ceil(TICKS_PER_SECOND))
    }
}

/// User and system time from `/proc/self/stat`, fields 14 and 15. The second field is the program's name in brackets
/// and may hold anything, brackets too.
fn used_ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// The next frame, or `None` when the input ends between frames.
fn read_frame(input: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 8];
    match input.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let length = u64::from_le_bytes(length);
    if length > LARGEST_DUMP {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    let mut dump = Vec::new();
    input.take(length).read_to_end(&mut dump)?;
    if u64::try_from(dump.len()) != Ok(length) {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
    }
    Ok(Some(dump))
}

fn write_frame(output: &mut impl Write, kind: u8, body: &[u8]) -> io::Result<()> {
    let length = u64::try_from(body.len()).map_err(io::Error::other)? + 1;
    output.write_all(&length.to_le_bytes())?;
    output.write_all(&[kind])?;
    output.write_all(body)?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_time_is_found_behind_any_program_name() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 1 0 100";
        assert_eq!(used_ticks(stat), Some(300));
        assert_eq!(used_ticks("7 (a"), None);
    }

    #[test]
    fn the_address_space_is_found_among_the_other_lines() {
        let status = "Name:\tstopcode\nVmPeak:\t 9 kB\nVmSize:\t 1104240 kB\n";
        assert_eq!(address_space_kib(status), Some(1_104_240));
        assert!(address_space_bytes().unwrap() > 1 << 20);
    }

    #[test]
    fn a_frame_that_is_cut_short_or_too_large_is_refused() {
        assert!(read_frame(&mut &[][..]).unwrap().is_none());
        assert_eq!(
            read_frame(&mut &[2, 0, 0, 0, 0, 0, 0, 0, 7, 8][..]).unwrap(),
            Some(vec![7, 8])
        );
        assert!(read_frame(&mut &[2, 0, 0, 0, 0, 0, 0, 0, 7][..]).is_err());
        assert!(read_frame(&mut &[0, 0, 0, 0, 0, 0, 0, 1][..]).is_err());
    }

    #[test]
    fn what_is_no_dump_is_answered_with_a_sentence() {
        let (kind, body) = answer(b"MZ\x90").unwrap();
        assert_eq!(kind, REFUSAL);
        assert!(!body.is_empty());
    }
}
