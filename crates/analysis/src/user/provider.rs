//! What a walk is told of symbols: how to get from a frame to its caller, and which addresses are code.
//!
//! Names are not asked for here: the walk asks this of every word that it tries as a return address. Frames get theirs
//! when the walk is over.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use minidump::Module;
use minidump_unwind::{FileError, FileKind, FillSymbolError, FrameSymbolizer, FrameWalker, SymbolProvider};

use super::files::Files;
use crate::unwind::{Pe, Position};
use crate::walk;

/// The symbols of one walk, which is ended after a number of frames.
pub(super) struct Symbols<'a> {
    files: &'a Files,
    frames_left: AtomicU32,
}

impl<'a> Symbols<'a> {
    /// Symbols for a walk of at most this many frames.
    pub(super) fn new(files: &'a Files, frames: u32) -> Self {
        Symbols {
            files,
            frames_left: AtomicU32::new(frames),
        }
    }
}

#[async_trait]
impl SymbolProvider for Symbols<'_> {
    /// Three answers: it is code, with the bytes of parameters that its function takes off the stack; it is not
    /// code (`Ok` and nothing said); nothing is known of the module, so any address in it may be code (`Err`).
    async fn fill_symbol(
        &self,
        module: &(dyn Module + Sync),
        frame: &mut (dyn FrameSymbolizer + Send),
    ) -> Result<(), FillSymbolError> {
        let base = module.base_address();
        let files = self.files.at(base).ok_or(FillSymbolError {})?;
        let rva = frame.get_instruction().saturating_sub(base);
        if let Some(parameters) = files.debug.as_ref().and_then(|debug| debug.parameter_bytes(rva)) {
            // Any name does: it says that this is code.
            frame.set_function("code", base, parameters);
            return Ok(());
        }
        let image = files.image.as_ref().filter(|image| image.lists_functions());
        let is_listed = image.map(|image| u32::try_from(rva).is_ok_and(|rva| image.function(rva).is_some()));
        match (is_listed, &files.debug) {
            (Some(true), _) | (None, None) => Err(FillSymbolError {}),
            (Some(false), _) | (None, Some(_)) => Ok(()),
        }
    }

    /// Asked once a frame, so this is where a walk is counted and stopped.
    async fn walk_frame(
        &self,
        module: &(dyn Module + Sync),
        walker: &mut (dyn FrameWalker + Send),
    ) -> Option<()> {
        let left = self.frames_left.load(Ordering::Relaxed);
        if left <= 1 {
            std::future::pending::<()>().await;
        }
        self.frames_left.store(left.saturating_sub(1), Ordering::Relaxed);
        let files = self.files.at(module.base_address())?;
        let by_image = files
            .image
            .as_ref()
            .and_then(|image| by_image(image, module.base_address(), walker));
        by_image.or_else(|| files.debug.as_ref()?.walk_frame(module, walker))
    }

    async fn get_file_path(&self, _: &(dyn Module + Sync), _: FileKind) -> Result<PathBuf, FileError> {
        Err(FileError::NotFound)
    }
}

/// Finds the caller by the image's own tables.
fn by_image(image: &Pe, base: u64, walker: &mut (dyn FrameWalker + Send)) -> Option<()> {
    let position = if walker.has_grand_callee() {
        Position::Return
    } else {
        Position::Exact
    };
    walk::by_image(image, base, position, walker).ok().map(|_| ())
}
