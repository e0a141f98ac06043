//! What holds a child: it can compute, and talk to its parent, and nothing else.
//!
//! | what | how |
//! |---|---|
//! | memory | 1 GiB of address space beyond what the program itself takes |
//! | processor time | so many seconds a dump; the kernel kills it when they are over |
//! | files, network, other programs | seccomp refuses every system call but some thirty |
//! | files, where seccomp is not to be had | nothing can be written, and no more than a few files may be open |
//! | its parent's death | the kernel kills it |
//!
//! Seccomp alone is enough to keep it from opening anything, which is what Landlock is for, so Landlock is not used. A
//! refused call gives "not permitted" instead of killing: a library that asks for something harmless must not cost a
//! dump.

use std::fmt;
use std::io;

use rustix::process::{Resource, Rlimit, Signal};
use rustix::time::{ClockId, clock_gettime};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
use serde::{Deserialize, Serialize};

/// Address space beyond what the process has when it starts. An allocator may have reserved much by then that it has
/// not touched, and not even the stack could grow under a limit that is used up.
const MORE_ADDRESS_SPACE_BYTES: u64 = 1 << 30;

/// Standard input, output and error, a file that is received, and one more.
const OPEN_FILES: u64 = 5;

/// What is in force around a child.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cage {
    /// Why system calls are not filtered; `None` when they are.
    pub unfiltered: Option<String>,
}

impl fmt::Display for Cage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("limits of memory, processor time and files")?;
        match &self.unfiltered {
            None => formatter.write_str("; system calls filtered by seccomp"),
            Some(reason) => write!(formatter, "; system calls not filtered ({reason})"),
        }
    }
}

/// Locks this process up, for good.
///
/// # Errors
///
/// When a limit cannot be set, or the parent is gone. That system calls cannot be filtered is no error: some
/// containers do not allow it.
pub(super) fn lock_up() -> io::Result<Cage> {
    let parent = rustix::process::getppid();
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // A parent that died before the line above sends no signal any more.
    if rustix::process::getppid() != parent || parent.is_none() {
        return Err(io::Error::other("the parent is gone"));
    }
    set_limit(Resource::As, address_space_bytes()? + MORE_ADDRESS_SPACE_BYTES)?;
    set_limit(Resource::Fsize, 0)?;
    set_limit(Resource::Core, 0)?;
    set_limit(Resource::Nofile, OPEN_FILES)?;
    let filtered = filter_system_calls();
    Ok(Cage {
        unfiltered: filtered.err().map(|error| error.to_string()),
    })
}

/// Lets this process use `seconds` more of the processor from now on.
pub(super) fn allow_more_time(seconds: u64) -> io::Result<()> {
    let used = clock_gettime(ClockId::ProcessCPUTime).tv_sec;
    let used = u64::try_from(used).map_err(io::Error::other)?;
    let limit = Rlimit {
        // Rounded up: a limit in the past would kill at once.
        current: Some(used + 1 + seconds),
        maximum: rustix::process::getrlimit(Resource::Cpu).maximum,
    };
    Ok(rustix::process::setrlimit(Resource::Cpu, limit)?)
}

fn filter_system_calls() -> Result<(), seccompiler::Error> {
    let allowed = ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
    let refusal = SeccompAction::Errno(rustix::io::Errno::PERM.raw_os_error().unsigned_abs());
    let architecture = std::env::consts::ARCH.try_into()?;
    let filter = SeccompFilter::new(allowed, refusal, SeccompAction::Allow, architecture)?;
    let program: BpfProgram = filter.try_into()?;
    seccompiler::apply_filter(&program)
}

/// The system calls of computing, and of talking on sockets that are open.
const ALLOWED: &[i64] = &[
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_close,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_madvise,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_prlimit64,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_yield,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_sigaltstack,
    libc::SYS_tgkill,
    libc::SYS_write,
    libc::SYS_writev,
];

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_space_is_found_among_the_other_lines() {
        let status = "Name:\tstopcode\nVmPeak:\t 9 kB\nVmSize:\t 1104240 kB\n";
        assert_eq!(address_space_kib(status), Some(1_104_240));
        assert!(address_space_bytes().unwrap() > 1 << 20);
    }

    #[test]
    fn what_is_in_force_is_said_in_words() {
        let cage = Cage { unfiltered: None };
        assert!(cage.to_string().ends_with("filtered by seccomp"));
        let cage = Cage {
            unfiltered: Some("not permitted".to_owned()),
        };
        assert!(cage.to_string().ends_with("not filtered (not permitted)"));
    }
}
