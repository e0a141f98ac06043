//! Packed descriptions: functions whose prologue has the one usual form.
//!
//! ```text
//! stp x19, x20, [sp, -saved]!    saved x registers, at least one; then the link if it is saved without a frame
//! stp d8, d9, [sp, …]            saved d registers
//! stp x0, x1, [sp, …]            homes of the eight arguments
//! stp x29, lr, [sp, -local]!     with a frame; without one, or when it is large: sub sp, sp, local
//! mov x29, sp                    with a frame
//! ```
//!
//! The epilogue at the end of the function is the same backwards, without the homes and the frame pointer.

use super::codes::{Code, Saved};
use super::{Description, Epilogue, FRAME, LINK};

/// The largest stack that one store lowers the pointer by.
const MAX_LOWERED: u32 = 512;
/// The largest one that one subtraction does.
const MAX_SUBTRACTED: u32 = 4080;

/// What the fields of the 32 bits say.
struct Fields {
    saved_d: u32,
    saved_x: u32,
    has_homes: bool,
    frame: Frame,
    stack: u32,
}

/// What happens to frame pointer and link.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Frame {
    /// Neither is saved.
    None,
    /// The link is saved with the other registers.
    Link,
    /// Both are saved, and the frame pointer is set.
    Chained,
    /// The same, and the link is signed.
    Signed,
}

/// The description that 32 bits stand for.
pub(super) fn description(packed: u32) -> Description {
    const PART: u32 = 2;
    let d_registers = (packed >> 13) & 7;
    let fields = Fields {
        // 0 is none; otherwise one more than is said.
        saved_d: if d_registers == 0 {
            0
        } else {
            d_registers.saturating_add(1)
        },
        saved_x: (packed >> 16) & 15,
        has_homes: packed & (1 << 20) != 0,
        frame: match (packed >> 21) & 3 {
            0 => Frame::None,
            1 => Frame::Link,
            2 => Frame::Signed,
            _ => Frame::Chained,
        },
        stack: (packed >> 23).saturating_mul(16),
    };
    let mut prologue = fields.codes(true);
    prologue.reverse();
    if packed & 3 == PART {
        // All of its prologue was done elsewhere, and it does not return.
        return Description {
            prologue,
            ..Description::default()
        };
    }
    let mut codes = fields.codes(false);
    codes.reverse();
    Description {
        own: prologue.len(),
        epilogues: vec![Epilogue {
            begin: None,
            own: codes.len(),
            codes,
        }],
        prologue,
    }
}

impl Fields {
    /// The instructions in the order of a prologue, with those or without those that an epilogue leaves out.
    fn codes(&self, is_prologue: bool) -> Vec<Code> {
        let link = u32::from(self.frame == Frame::Link);
        let x_bytes = self.saved_x.saturating_add(link).saturating_mul(8);
        let d_bytes = self.saved_d.saturating_mul(8);
        let homes_bytes = if self.has_homes { 64 } else { 0 };
        let saved = x_bytes
            .saturating_add(d_bytes)
            .saturating_add(homes_bytes)
            .next_multiple_of(16);
        let local = self.stack.saturating_sub(saved);

        let mut codes = Vec::new();
        if self.frame == Frame::Signed {
            codes.push(Code::Nothing);
        }
        let signed = codes.len();
        self.save_x(&mut codes);
        for first in (0..self.saved_d).step_by(2) {
            codes.push(store(
                Saved::Vector,
                x_bytes.saturating_add(first.saturating_mul(8)),
            ));
        }
        if self.has_homes && (is_prologue || codes.len() == signed) {
            let homes = if is_prologue { 4 } else { 1 };
            codes.extend((0..homes).map(|_| store(Saved::Vector, 0)));
        }
        // The first store is the one that makes room for all.
        if let Some(Code::Save { release, .. }) = codes.get_mut(signed) {
            *release = saved;
        }
        self.locals(&mut codes, local, is_prologue);
        codes
    }

    fn save_x(&self, codes: &mut Vec<Code>) {
        let mut index = 0;
        while index < self.saved_x {
            let first = u8::try_from(index.saturating_add(19)).unwrap_or(u8::MAX);
            let is_last = index.saturating_add(1) == self.saved_x;
            let saved = match (is_last, self.frame == Frame::Link) {
                (true, true) => Saved::WithLink(first),
                (true, false) => Saved::Registers { first, count: 1 },
                (false, _) => Saved::Registers { first, count: 2 },
            };
            codes.push(store(saved, index.saturating_mul(8)));
            index = index.saturating_add(2);
        }
        if self.frame == Frame::Link && self.saved_x.is_multiple_of(2) {
            let saved = Saved::Registers {
                first: LINK,
                count: 1,
            };
            codes.push(store(saved, self.saved_x.saturating_mul(8)));
        }
    }

    fn locals(&self, codes: &mut Vec<Code>, local: u32, is_prologue: bool) {
        let has_frame = matches!(self.frame, Frame::Chained | Frame::Signed);
        let frame = Saved::Registers {
            first: FRAME,
            count: 2,
        };
        if has_frame && local <= MAX_LOWERED {
            codes.push(Code::Save {
                saved: frame,
                distance: 0,
                release: local,
            });
        } else {
            let first = local.min(MAX_SUBTRACTED);
            for bytes in [first, local.saturating_sub(first)] {
                if bytes > 0 {
                    codes.push(Code::Allocate(bytes));
                }
            }
            if has_frame {
                codes.push(store(frame, 0));
            }
        }
        if has_frame && is_prologue {
            codes.push(Code::SetFrame(0));
        }
    }
}

fn store(saved: Saved, distance: u32) -> Code {
    Code::Save {
        saved,
        distance,
        release: 0,
    }
}
