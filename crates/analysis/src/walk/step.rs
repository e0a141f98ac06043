//! One step of minidump-unwind's walk by an image's own tables.

use minidump_unwind::FrameWalker;

use crate::unwind::{Pe, PeMachine, Position, Stop, arm64, x64};

/// The registers of Arm64 that a function keeps, and the link, by their numbers.
const ARM64_NAMES: [(u8, &str); 12] = [
    (19, "x19"),
    (20, "x20"),
    (21, "x21"),
    (22, "x22"),
    (23, "x23"),
    (24, "x24"),
    (25, "x25"),
    (26, "x26"),
    (27, "x27"),
    (28, "x28"),
    (29, "fp"),
    (30, "lr"),
];

/// A caller as the walk goes on from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The instruction.
    pub(crate) address: u64,
    /// The stack pointer.
    pub(crate) stack_pointer: u64,
    /// Whether a call returns there.
    pub(crate) position: Position,
}

/// Makes the caller of the walker's frame its next one. `image` lies at `base`, and `position` is how the frame's
/// address was come by.
///
/// # Errors
///
/// [`Stop`] when there is no caller or it cannot be told, also when the image is for another processor.
pub(crate) fn by_image(
    image: &Pe,
    base: u64,
    position: Position,
    walker: &mut (dyn FrameWalker + Send),
) -> Result<Caller, Stop> {
    match image.machine() {
        PeMachine::Amd64 => by_x64(image, base, position, walker),
        PeMachine::Arm64 => by_arm64(image, base, position, walker),
        PeMachine::Other => Err(Stop::NoFunction),
    }
}

/// The address of the walker's frame and its stack pointer. The address is what the registers say, which for all but
/// the first frame is one more than the walk's instruction. `None` if the walk is on another processor.
pub(crate) fn place(image: &Pe, walker: &(dyn FrameWalker + Send)) -> Option<(u64, u64)> {
    let (address, stack_pointer) = match image.machine() {
        PeMachine::Amd64 => ("rip", "rsp"),
        PeMachine::Arm64 => ("pc", "sp"),
        PeMachine::Other => return None,
    };
    Some((
        walker.get_callee_register(address)?,
        walker.get_callee_register(stack_pointer)?,
    ))
}

fn by_x64(
    image: &Pe,
    base: u64,
    position: Position,
    walker: &mut (dyn FrameWalker + Send),
) -> Result<Caller, Stop> {
    let (rip, rsp) = place(image, walker).ok_or(Stop::Unknown)?;
    let registers = x64::NAMES
        .into_iter()
        .fold(x64::Registers::new(rip, rsp), |all, name| {
            all.with(name, walker.get_callee_register(name))
        });
    let stack = |address| walker.get_register_at_address(address);
    let x64::Caller { registers, position } = x64::caller(image, base, &registers, position, &stack)?;
    for name in x64::NAMES {
        walker.clear_caller_register(name);
    }
    for (name, value) in registers.known() {
        walker.set_caller_register(name, value).ok_or(Stop::Unknown)?;
    }
    let caller = Caller {
        address: registers.rip,
        stack_pointer: registers.rsp().ok_or(Stop::Unknown)?,
        position,
    };
    go_on(caller, walker)
}

fn by_arm64(
    image: &Pe,
    base: u64,
    position: Position,
    walker: &mut (dyn FrameWalker + Send),
) -> Result<Caller, Stop> {
    let (pc, sp) = place(image, walker).ok_or(Stop::Unknown)?;
    let known = arm64::Registers::new(pc, sp);
    let registers = ARM64_NAMES.into_iter().fold(known, |all, (number, name)| {
        all.with(number, walker.get_callee_register(name))
    });
    let stack = |address| walker.get_register_at_address(address);
    let arm64::Caller { registers, position } = arm64::caller(image, base, &registers, position, &stack)?;
    for (number, name) in ARM64_NAMES {
        walker.clear_caller_register(name);
        if let Some(value) = registers.get(number) {
            walker.set_caller_register(name, value).ok_or(Stop::Unknown)?;
        }
    }
    let caller = Caller {
        address: registers.pc,
        stack_pointer: registers.sp,
        position,
    };
    go_on(caller, walker)
}

fn go_on(caller: Caller, walker: &mut (dyn FrameWalker + Send)) -> Result<Caller, Stop> {
    walker.set_cfa(caller.stack_pointer).ok_or(Stop::Unknown)?;
    walker.set_ra(caller.address).ok_or(Stop::Unknown)?;
    Ok(caller)
}
