//! Walking a stack with the symbol files of the images it leads through.
//!
//! minidump-unwind drives the walk; [`Provider`] answers its questions from [`Files`], which holds what was to be had
//! of each image, by where the image lies in memory.

mod provider;
mod step;

pub(crate) use provider::{Code, End, Provider};
pub(crate) use step::by_image;

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::symbols::DebugFile;
use crate::unwind::Pe;

/// How often a future is asked before it is given up. None of ours waits for anything.
const MAX_POLLS: usize = 64;

/// What was to be had of one image.
#[derive(Default)]
pub(crate) struct ModuleFiles {
    /// The image as it is on disk: how its functions are unwound.
    pub(crate) image: Option<Arc<Pe>>,
    /// Its compiled debug file: names and lines.
    pub(crate) debug: Option<DebugFile>,
}

/// The files of all images of a dump, by the images' first addresses.
#[derive(Default)]
pub(crate) struct Files {
    by_base: HashMap<u64, ModuleFiles>,
}

impl Files {
    /// Those of the image at `base`, to be added to.
    pub(crate) fn of_mut(&mut self, base: u64) -> &mut ModuleFiles {
        self.by_base.entry(base).or_default()
    }

    /// Those of the image at `base`.
    pub(crate) fn of(&self, base: u64) -> Option<&ModuleFiles> {
        self.by_base.get(&base)
    }

    /// The image at `base`.
    pub(crate) fn image(&self, base: u64) -> Option<&Pe> {
        self.of(base)?.image.as_deref()
    }

    /// All images with where they are, in no order.
    pub(crate) fn images(&self) -> impl Iterator<Item = (u64, &Pe)> {
        let files = self.by_base.iter();
        files.filter_map(|(base, files)| Some((*base, files.image.as_deref()?)))
    }
}

/// The result of a future that does not wait for anything, or `None` if it would.
pub(crate) fn poll_to_end<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    (0..MAX_POLLS).find_map(|_| match future.as_mut().poll(&mut context) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    })
}
