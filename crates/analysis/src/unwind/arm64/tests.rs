use super::*;
use crate::unwind::sample::{CODE, Image, UNWIND};
use proptest::prelude::*;

const BASE: u64 = 0xffff_f803_f320_0000;
const SP: u64 = 0xffff_8504_0000_1000;
const RETURN: u64 = 0xffff_f803_f32d_e014;

fn stack(words: &[u64]) -> impl Fn(u64) -> Option<u64> {
    let words = words.to_vec();
    move |address| {
        let distance = address.checked_sub(SP)?;
        let index = usize::try_from(distance / 8).ok()?;
        words.get(index).copied().filter(|_| distance % 8 == 0)
    }
}

fn at(offset: u32) -> Registers {
    Registers::new(BASE + u64::from(CODE + offset), SP)
}

fn walk(image: &Pe, registers: &Registers, position: Position, words: &[u64]) -> Result<Caller, Stop> {
    caller(image, BASE, registers, position, &stack(words))
}

/// Where the caller is and how many words the stack pointer rose.
fn place(caller: &Caller) -> (u64, u64) {
    (caller.registers.pc, (caller.registers.sp - SP) / 8)
}

/// A function of 0x40 bytes with a full description of these codes and one epilogue at its end.
fn described(codes: &[u8], epilogue_at: u32) -> Pe {
    let words = u32::try_from(codes.len().div_ceil(4)).unwrap();
    let head = 0x10 | (1 << 21) | (epilogue_at << 22) | (words << 27);
    let mut unwind = head.to_le_bytes().to_vec();
    unwind.extend(codes);
    Image::arm64().unwind(&unwind).entry(&[CODE, UNWIND]).open()
}

/// A function of 0x40 bytes with a packed description.
fn packed(x: u32, d: u32, homes: u32, frame: u32, stack: u32) -> Pe {
    let bits = 1 | (0x10 << 2) | (d << 13) | (x << 16) | (homes << 20) | (frame << 21) | ((stack / 16) << 23);
    Image::arm64().entry(&[CODE, bits]).open()
}

/// stp x29, lr, [sp, -0x30]!; stp x19, x20, [sp, 0x10]; stp x21, x22, [sp, 0x20]; mov x29, sp
const FRAME_AND_PAIRS: &[u8] = &[0xe1, 0xe6, 0xc8, 0x02, 0x85, 0xe4];

#[test]
fn a_full_description_is_undone_by_its_codes() {
    let image = described(FRAME_AND_PAIRS, 1);
    let words = [0xfe, RETURN, 0x13, 0x14, 0x15, 0x16];
    let registers = at(0x20).with(29, Some(SP));
    let caller = walk(&image, &registers, Position::Return, &words).unwrap();
    assert_eq!(place(&caller), (RETURN, 6));
    assert_eq!(caller.position, Position::Return);
    assert_eq!(caller.registers.frame_pointer(), Some(0xfe));
    assert_eq!(caller.registers.link(), None);
    let saved = [19, 20, 21, 22].map(|number| caller.registers.get(number));
    assert_eq!(saved, [0x13, 0x14, 0x15, 0x16].map(Some));
}

#[test]
fn prologues_and_epilogues_are_undone_as_far_as_they_were_done() {
    let image = described(FRAME_AND_PAIRS, 1);
    let words = [0xfe, RETURN, 0x13, 0x14, 0x15, 0x16];
    // The first instruction: nothing is done, the link leads back.
    let entry = at(0).with(30, Some(RETURN)).with(19, Some(7));
    let caller = walk(&image, &entry, Position::Exact, &words).unwrap();
    assert_eq!(place(&caller), (RETURN, 0));
    assert_eq!(caller.registers.get(19), Some(7));
    // Behind the first: the frame is stored but not set, and x19 is still the caller's.
    let second = at(4).with(29, Some(1)).with(19, Some(7));
    let caller = walk(&image, &second, Position::Exact, &words).unwrap();
    assert_eq!(place(&caller), (RETURN, 6));
    assert_eq!(caller.registers.get(19), Some(7));
    // Its epilogue is ldp, ldp, ldp, ret: at the last two.
    let last = at(0x38).with(19, Some(7)).with(29, Some(1));
    let caller = walk(&image, &last, Position::Exact, &words).unwrap();
    assert_eq!(place(&caller), (RETURN, 6));
    assert_eq!(caller.registers.get(19), Some(7));
    let done = at(0x3c).with(30, Some(RETURN));
    assert_eq!(
        place(&walk(&image, &done, Position::Exact, &words).unwrap()),
        (RETURN, 0)
    );
}

#[test]
fn packed_descriptions_have_the_usual_prologue() {
    // Two registers and a frame: savings of 0x10 above a frame of 0x20.
    let image = packed(2, 0, 0, 3, 0x30);
    let words = [0xfe, RETURN, 0, 0, 0x13, 0x14];
    let registers = at(0x20).with(29, Some(SP));
    let caller = walk(&image, &registers, Position::Return, &words).unwrap();
    assert_eq!(place(&caller), (RETURN, 6));
    assert_eq!(caller.registers.get(20), Some(0x14));
    assert_eq!(caller.registers.frame_pointer(), Some(0xfe));
    // Three registers with the link behind them, two d registers, homes; no frame.
    let image = packed(3, 1, 1, 1, 0x90);
    let mut words = [0; 18];
    words[4..8].copy_from_slice(&[0x13, 0x14, 0x15, RETURN]);
    let caller = walk(&image, &at(0x20), Position::Return, &words).unwrap();
    assert_eq!(place(&caller), (RETURN, 18));
    assert_eq!(caller.registers.get(21), Some(0x15));
    // A large frame takes a subtraction, and behind it the frame is at the bottom.
    let image = packed(0, 0, 0, 3, 0x1000);
    let mut words = vec![0; 0x200];
    (words[0], words[1]) = (0xfe, RETURN);
    let caller = walk(&image, &registers, Position::Return, &words).unwrap();
    assert_eq!(place(&caller), (RETURN, 0x200));
}

#[test]
fn a_packed_prologue_that_is_not_done_is_not_undone() {
    // stp x19, x20, [sp, -0x10]!; stp x29, lr, [sp, -0x20]!; mov x29, sp
    let image = packed(2, 0, 0, 3, 0x30);
    let first = at(4).with(30, Some(RETURN)).with(29, Some(1));
    let caller = walk(&image, &first, Position::Exact, &[0x13, 0x14]).unwrap();
    assert_eq!(place(&caller), (RETURN, 2));
    assert_eq!(caller.registers.get(19), Some(0x13));
    // ldp x29, lr; ldp x19, x20; ret are its last three.
    let caller = walk(
        &image,
        &at(0x38).with(30, Some(RETURN)),
        Position::Exact,
        &[0x13, 0x14],
    )
    .unwrap();
    assert_eq!(place(&caller), (RETURN, 2));
}

#[test]
fn a_signature_is_taken_off_the_link() {
    let image = packed(0, 0, 0, 2, 0x10);
    let signed = RETURN & !(0x007f << 48) | (0x0021 << 48);
    let registers = at(0x20).with(29, Some(SP));
    let caller = walk(&image, &registers, Position::Return, &[0xfe, signed]).unwrap();
    assert_eq!(place(&caller), (RETURN, 2));
}

#[test]
fn an_authentication_code_is_taken_off_a_kernel_address() {
    assert_eq!(unsigned(0xa1b2_f803_f32d_e014), 0xffff_f803_f32d_e014);
    assert_eq!(unsigned(0x0000_7ffe_7350_d0c4), 0x0000_7ffe_7350_d0c4);
}

#[test]
fn a_machine_frame_is_an_exact_address() {
    let image = described(&[0x01, 0xe9, 0xe4, 0xe4], 3);
    let elsewhere = SP + 0x100;
    let words = [0, 0, elsewhere, RETURN];
    let caller = walk(&image, &at(0x20), Position::Exact, &words).unwrap();
    assert_eq!(caller.position, Position::Exact);
    assert_eq!((caller.registers.pc, caller.registers.sp), (RETURN, elsewhere));
    // Before the first instruction the frame is there already.
    let caller = walk(&image, &at(0), Position::Exact, &words[2..]).unwrap();
    assert_eq!((caller.registers.pc, caller.registers.sp), (RETURN, elsewhere));
}

#[test]
fn any_register_can_be_stored_in_any_way() {
    // stp x27, x28, [sp, -0x40]!; str x19, [sp, 0x18]; str lr, [sp, 0x20]
    let codes = [0xe7, 0x1e, 0x04, 0xe7, 0x13, 0x03, 0xe7, 0x7b, 0x03, 0xe4];
    let image = described(&codes, 9);
    let words = [0x1b, 0x1c, 0, 0x13, RETURN, 0, 0, 0];
    let caller = walk(&image, &at(0x20), Position::Return, &words).unwrap();
    assert_eq!(place(&caller), (RETURN, 8));
    let saved = [19, 27, 28].map(|number| caller.registers.get(number));
    assert_eq!(saved, [0x13, 0x1b, 0x1c].map(Some));
}

#[test]
fn the_end_of_a_part_is_followed_by_the_whole() {
    // This part saved x21; the whole function before it a frame.
    let image = described(&[0xd5, 0x42, 0xe5, 0x81, 0xe4], 4);
    let words = [0x15, 0, 0, 0xfe, RETURN];
    let image_of_three = walk(&image, &at(0x20), Position::Return, &words);
    assert_eq!(
        image_of_three,
        Err(Stop::NoProgress),
        "24 bytes are no stack frame"
    );
    let image = described(&[0xd5, 0x43, 0xe5, 0x81, 0xe4], 4);
    let words = [0x1d, 0, 0, 0, 0xfe, RETURN];
    let caller = walk(&image, &at(0x20), Position::Return, &words).unwrap();
    assert_eq!(place(&caller), (RETURN, 6));
    // Before its only own instruction the whole function's are done.
    let caller = walk(&image, &at(0), Position::Exact, &[0xfe, RETURN]).unwrap();
    assert_eq!(place(&caller), (RETURN, 2));
}

#[test]
fn damage_is_told_apart_from_the_end() {
    let stop = |image: &Pe| {
        walk(
            image,
            &at(0x20).with(29, Some(SP)),
            Position::Return,
            &[RETURN; 64],
        )
    };
    assert_eq!(
        stop(&described(&[0xf8, 0xe4], 0)),
        Err(Stop::Damaged(Damage::Code(0xf8)))
    );
    assert_eq!(
        stop(&described(&[1, 2, 3, 4], 0)),
        Err(Stop::Damaged(Damage::OutsideFile))
    );
    let version = Image::arm64()
        .unwind(&(0x10_u32 | (1 << 18)).to_le_bytes())
        .entry(&[CODE, UNWIND])
        .open();
    assert_eq!(stop(&version), Err(Stop::Damaged(Damage::Version(1))));
    // A frame that is no higher would never end.
    assert_eq!(
        stop(&described(&[0xe4], 0)),
        Err(Stop::Unknown),
        "the link of a caller is not known"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_description_does_harm(bytes in prop::collection::vec(any::<u8>(), 0..400), bits in any::<u32>(), offset in 0_u32..0x40) {
        let mut full = bytes;
        if let Some(head) = full.first_chunk_mut::<4>() {
            // Version 0 and a length that reaches the address.
            *head = (u32::from_le_bytes(*head) & !(3 << 18) | 0x10).to_le_bytes();
        }
        let image = Image::arm64().unwind(&full).entry(&[CODE, UNWIND]).entry(&[CODE + 0x1000, bits | 1]).open();
        for begin in [0, 0x1000] {
            for position in [Position::Exact, Position::Return] {
                let registers = at(begin + offset).with(29, Some(SP + 0x40)).with(30, Some(RETURN));
                if let Ok(caller) = walk(&image, &registers, position, &[RETURN; 64]) {
                    prop_assert!(caller.registers.sp >= SP);
                    prop_assert!(caller.registers.sp > SP || position == Position::Exact);
                }
            }
        }
    }
}
