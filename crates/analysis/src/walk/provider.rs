//! The answers to minidump-unwind's questions.
//!
//! The walk goes by unwind information alone: where an image has none, `walk_stack` would go on by its own frame
//! pointer and scan heuristics, which take any value inside an image for a return address. So the answer there is a
//! future that never ends, and the walk is dropped with the frames it has; whoever asked goes on in a better way.
//!
//! `walk_stack` takes one off every address but the first, because an address that a call returns to belongs to the
//! instruction before it. Behind a trap that is wrong: there the address is exact. The provider remembers which
//! frames those are.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use minidump::Module;
use minidump_unwind::{FileError, FileKind, FillSymbolError, FrameSymbolizer, FrameWalker, SymbolProvider};

use super::{Files, step};
use crate::unwind::{Damage, Pe, PeMachine, Position, Stop};

/// Below this there is no code: the caller of the outermost function.
const NULL_PAGE: u64 = 0x1000;

/// How a walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The outermost function has no caller.
    Complete,
    /// As many frames as were allowed.
    Enough,
    /// The next caller cannot be told.
    Stopped(Stop),
}

/// Where a walk begins and what is learnt on it.
struct State {
    start: Position,
    frames_left: usize,
    /// Addresses that are exact, with the stack pointers of their frames.
    exact: Vec<(u64, u64)>,
    end: Option<End>,
    damage: BTreeSet<(u64, Damage)>,
}

/// What whoever asks for a walk knows of addresses.
pub(crate) trait Code {
    /// Whether an address is in an image that is or was loaded. Others are no frames: a walk that leads to one has gone
    /// astray, and left to itself minidump-unwind would guess on from there.
    fn is_known(&self, address: u64) -> bool;

    /// Whether a call can return to an address, by whatever is known of the code before it.
    fn may_return_to(&self, address: u64) -> bool;
}

/// Symbols from files that are there already.
pub(crate) struct Provider<'a> {
    files: &'a Files,
    code: &'a (dyn Code + Sync),
    state: Mutex<State>,
}

impl<'a> Provider<'a> {
    /// A provider for walks through the images of `files`.
    pub(crate) fn new(files: &'a Files, code: &'a (dyn Code + Sync)) -> Provider<'a> {
        Provider {
            files,
            code,
            state: Mutex::new(State {
                start: Position::Exact,
                frames_left: 0,
                exact: Vec::new(),
                end: None,
                damage: BTreeSet::new(),
            }),
        }
    }

    /// Makes ready for a walk of at most `frames` frames from an address that was come by as `start`.
    pub(crate) fn begin(&self, start: Position, frames: usize) {
        let mut state = self.state();
        state.start = start;
        state.frames_left = frames;
        state.exact.clear();
        state.end = None;
    }

    /// How the walk ended.
    pub(crate) fn end(&self) -> Option<End> {
        self.state().end
    }

    /// Whether the address of a frame of this walk is exact.
    pub(crate) fn is_exact(&self, address: u64, stack_pointer: u64) -> bool {
        self.state().exact.contains(&(address, stack_pointer))
    }

    /// What was wrong with the images, by where they are, on all walks.
    pub(crate) fn damage(&self) -> BTreeSet<(u64, Damage)> {
        self.state().damage.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether another frame is allowed.
    fn count(&self) -> bool {
        let mut state = self.state();
        if state.frames_left <= 1 {
            state.end = Some(End::Enough);
            return false;
        }
        state.frames_left -= 1;
        true
    }

    /// How the address of a frame was come by.
    fn position(&self, address: u64, stack_pointer: u64, is_start: bool) -> Position {
        let state = self.state();
        if is_start {
            state.start
        } else if state.exact.contains(&(address, stack_pointer)) {
            Position::Exact
        } else {
            Position::Return
        }
    }

    fn step(&self, module: &dyn Module, walker: &mut (dyn FrameWalker + Send)) -> Result<(), Stop> {
        let files = self.files.of(module.base_address()).ok_or(Stop::NoFunction)?;
        match &files.image {
            Some(image) if image.machine() != PeMachine::Other => {
                self.by_image(image, module.base_address(), walker)
            }
            // Images of x86 have no tables, but their debug files have stack records.
            _ => {
                let debug = files.debug.as_ref().ok_or(Stop::NoFunction)?;
                debug.walk_frame(module, walker).ok_or(Stop::Unknown)
            }
        }
    }

    fn by_image(&self, image: &Pe, base: u64, walker: &mut (dyn FrameWalker + Send)) -> Result<(), Stop> {
        let (address, stack_pointer) = step::place(image, walker).ok_or(Stop::Unknown)?;
        let position = self.position(address, stack_pointer, !walker.has_grand_callee());
        let caller = step::by_image(image, base, position, walker)?;
        let is_end = caller.address < NULL_PAGE;
        if !is_end && !self.code.is_known(caller.position.inside(caller.address)) {
            return Err(Stop::NoFunction);
        }
        let mut state = self.state();
        if is_end {
            state.end = Some(End::Complete);
        }
        if caller.position == Position::Exact {
            state.exact.push((caller.address, caller.stack_pointer));
        }
        Ok(())
    }
}

#[async_trait]
impl SymbolProvider for Provider<'_> {
    /// Never a real name: names are looked up when the walk is done. The stack record of a caller needs to know what
    /// its callee took as parameters; where that is known, this says it. Elsewhere an error means that a call may
    /// return here, and a success that none can.
    async fn fill_symbol(
        &self,
        module: &(dyn Module + Sync),
        frame: &mut (dyn FrameSymbolizer + Send),
    ) -> Result<(), FillSymbolError> {
        let base = module.base_address();
        let debug = self.files.of(base).and_then(|files| files.debug.as_ref());
        let rva = frame.get_instruction().saturating_sub(base);
        if let Some(parameters) = debug.and_then(|debug| debug.parameter_bytes(rva)) {
            frame.set_function("code", base, parameters);
            return Ok(());
        }
        if self.code.may_return_to(frame.get_instruction().saturating_add(1)) {
            Err(FillSymbolError {})
        } else {
            Ok(())
        }
    }

    async fn walk_frame(
        &self,
        module: &(dyn Module + Sync),
        walker: &mut (dyn FrameWalker + Send),
    ) -> Option<()> {
        if !self.count() {
            std::future::pending::<()>().await;
        }
        let base = module.base_address();
        if let Err(stop) = self.step(module, walker) {
            self.note(base, stop);
            std::future::pending::<()>().await;
        }
        Some(())
    }

    async fn get_file_path(&self, _: &(dyn Module + Sync), _: FileKind) -> Result<PathBuf, FileError> {
        Err(FileError::NotFound)
    }
}

impl Provider<'_> {
    fn note(&self, base: u64, stop: Stop) {
        let mut state = self.state();
        state.end = Some(match stop {
            Stop::UserMode => End::Complete,
            stop => End::Stopped(stop),
        });
        if let Stop::Damaged(damage) = stop {
            state.damage.insert((base, damage));
        }
    }
}
