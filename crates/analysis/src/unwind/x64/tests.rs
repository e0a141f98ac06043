use super::*;
use crate::corpus::corpus;
use crate::unwind::sample::{CODE, Image};
use proptest::prelude::*;
use std::sync::Arc;

const BASE: u64 = 0xffff_f804_1000_0000;
const RSP: u64 = 0xffff_8504_0000_1000;
const RETURN: u64 = 0xffff_f804_2222_2222;

/// A stack of words from [`RSP`] up.
fn stack(words: &[u64]) -> impl Fn(u64) -> Option<u64> {
    let words = words.to_vec();
    move |address| {
        let distance = address.checked_sub(RSP)?;
        let index = usize::try_from(distance / 8).ok()?;
        words.get(index).copied().filter(|_| distance % 8 == 0)
    }
}

fn at(offset: u32) -> Registers {
    Registers::new(BASE + u64::from(CODE + offset), RSP)
}

fn walk(image: &Pe, registers: &Registers, position: Position, words: &[u64]) -> Result<Caller, Stop> {
    caller(image, BASE, registers, position, &stack(words))
}

/// Where the caller is and what its stack pointer is, counted in words from [`RSP`].
fn place(caller: &Result<Caller, Stop>) -> (u64, u64) {
    let caller = caller.as_ref().expect("a caller");
    (caller.registers.rip, (caller.registers.rsp().unwrap() - RSP) / 8)
}

fn register(caller: &Caller, name: &str) -> Option<u64> {
    let mut known = caller.registers.known();
    known.find_map(|(known, value)| (known == name).then_some(value))
}

/// push rbx; sub rsp, 0x20
const PUSH_AND_ALLOCATE: &[u8] = &[1, 5, 2, 0, 5, 0x32, 1, 0x30];
/// pop rbx; ret behind add rsp, 0x20
const EPILOGUE: &[u8] = &[0x48, 0x83, 0xc4, 0x20, 0x5b, 0xc3];

#[test]
fn a_prologue_is_undone_as_far_as_it_was_done() {
    let image = Image::x64().function(0, 0x40, PUSH_AND_ALLOCATE).open();
    let words = [0xa0, 0xa1, 0xa2, 0xa3, 0xb, RETURN];
    let whole = walk(&image, &at(0x10), Position::Exact, &words).unwrap();
    assert_eq!(place(&Ok(whole)), (RETURN, 6));
    assert_eq!(register(&whole, "rbx"), Some(0xb));
    assert_eq!(whole.position, Position::Return);
    // Before the allocation only the push is undone; before the push nothing.
    assert_eq!(
        place(&walk(&image, &at(1), Position::Exact, &[0xb, RETURN])),
        (RETURN, 2)
    );
    assert_eq!(
        place(&walk(&image, &at(0), Position::Exact, &[RETURN])),
        (RETURN, 1)
    );
    // A call inside a prologue, as that of a stack probe, returns into it.
    assert_eq!(
        place(&walk(&image, &at(4), Position::Return, &[0xb, RETURN])),
        (RETURN, 2)
    );
}

#[test]
fn a_call_that_is_the_last_instruction_returns_into_the_next_function() {
    let image = Image::x64()
        .function(0, 0x40, PUSH_AND_ALLOCATE)
        .function(0x40, 0x50, &[1, 0, 0, 0])
        .open();
    let words = [0, 0, 0, 0, 0xb, RETURN];
    assert_eq!(
        place(&walk(&image, &at(0x40), Position::Return, &words)),
        (RETURN, 6)
    );
    assert_eq!(
        place(&walk(&image, &at(0x40), Position::Exact, &[RETURN])),
        (RETURN, 1)
    );
}

#[test]
fn an_epilogue_is_followed_from_wherever_it_is() {
    let image = Image::x64()
        .code(0x20, EPILOGUE)
        .function(0, 0x26, PUSH_AND_ALLOCATE)
        .open();
    let words = [1, 2, 3, 4, 0xb, RETURN];
    for (offset, gone) in [(0x20, 0), (0x24, 4), (0x25, 5)] {
        let left = &words[gone..];
        let caller = walk(&image, &at(offset), Position::Exact, left).unwrap();
        assert_eq!(place(&Ok(caller)), (RETURN, left.len() as u64), "{offset:#x}");
        assert_eq!(register(&caller, "rbx"), (gone < 5).then_some(0xb));
    }
}

#[test]
fn a_jump_ends_a_function_only_if_it_leaves_it() {
    // jmp +0x10 stays inside; jmp +0x7b leaves.
    let image = Image::x64()
        .code(0x10, &[0xeb, 0x0e])
        .code(0x18, &[0xe9, 0x7b, 0, 0, 0])
        .function(0, 0x40, PUSH_AND_ALLOCATE)
        .function(0x80, 0x90, &[1, 0, 0, 0])
        .open();
    let words = [1, 2, 3, 4, 0xb, RETURN];
    assert_eq!(
        place(&walk(&image, &at(0x10), Position::Exact, &words)),
        (RETURN, 6)
    );
    assert_eq!(
        place(&walk(&image, &at(0x18), Position::Exact, &[RETURN])),
        (RETURN, 1)
    );
}

#[test]
fn a_jump_to_another_part_of_the_function_does_not_end_it() {
    let image = Image::x64().function(0, 0x40, PUSH_AND_ALLOCATE);
    let whole = image.next_unwind() - 8;
    let mut part = vec![(4 << 3) | 1, 0, 0, 0];
    part.extend(
        [CODE, CODE + 0x40, whole]
            .iter()
            .flat_map(|number| number.to_le_bytes()),
    );
    let image = image
        .code(0x18, &[0xe9, 0x63, 0, 0, 0])
        .function(0x80, 0x90, &part)
        .open();
    let words = [1, 2, 3, 4, 0xb, RETURN];
    assert_eq!(
        place(&walk(&image, &at(0x18), Position::Exact, &words)),
        (RETURN, 6)
    );
    assert_eq!(
        place(&walk(&image, &at(0x84), Position::Exact, &words)),
        (RETURN, 6)
    );
}

#[test]
fn the_second_version_says_where_epilogues_are() {
    // Epilogues of 2 bytes: one at the end, one 0x20 before it; then the codes of the prologue.
    let codes = [2, 5, 4, 0, 2, 0x16, 0x20, 0x06, 5, 0x32, 1, 0x30];
    let image = Image::x64()
        // pop rbx; jmp rax, which is no end of the first version
        .code(0x20, &[0x5b, 0xff, 0xe0])
        .code(0x3e, &[0x5b, 0xc3])
        .code(0x10, &[0x5b, 0xc3])
        .function(0, 0x40, &codes)
        .open();
    let left = [0xb, RETURN];
    for offset in [0x20, 0x3e] {
        assert_eq!(
            place(&walk(&image, &at(offset), Position::Exact, &left)),
            (RETURN, 2)
        );
    }
    assert_eq!(
        place(&walk(&image, &at(0x21), Position::Exact, &[RETURN])),
        (RETURN, 1)
    );
    // What reads like an epilogue elsewhere is none.
    let words = [1, 2, 3, 4, 0xb, RETURN];
    assert_eq!(
        place(&walk(&image, &at(0x10), Position::Exact, &words)),
        (RETURN, 6)
    );
}

/// Two real drivers, whose files were written by Microsoft's linker.
fn real_drivers() -> Vec<Pe> {
    let files = [
        "symbols/amdppm.sys/c9c030003b000/amdppm.sys",
        "symbols/Wdf01000.sys/a9a9d36ed1000/Wdf01000.sys",
    ];
    let files = files.into_iter().filter_map(corpus);
    files
        .map(|bytes| Pe::open(Arc::new(bytes)).expect("an image"))
        .collect()
}

/// Every entry of an image's function list, found by going through its code.
fn all_functions(image: &Pe) -> Vec<Function> {
    let mut rva = CODE;
    let mut functions = Vec::new();
    while rva < 0x10_0000 {
        match image.function(rva) {
            Some(function) => {
                functions.push(function);
                rva = function.end;
            }
            None => rva += 1,
        }
    }
    functions
}

#[test]
fn the_epilogues_that_real_drivers_tell_of_pop_what_their_prologues_pushed() {
    let (mut parts, mut epilogues) = (0, 0);
    for image in real_drivers() {
        for function in all_functions(&image) {
            let (function, info) = direct(&image, function).expect("unwind information");
            let mut pushes = 0;
            let mut next = Some(info);
            while let Some(info) = next {
                let codes = info.codes().map(|code| code.expect("a known code").operation);
                pushes += codes
                    .filter(|operation| matches!(operation, Operation::Push(_)))
                    .count();
                let part_of = info.part_of().map(|whole| whole.expect("an entry"));
                parts += usize::from(part_of.is_some());
                next = part_of.map(|whole| direct(&image, whole).expect("unwind information").1);
            }
            for (length, distance) in info.epilogues() {
                let begin = function.end - distance;
                let effects = epilogue::at(&image, function, &info, begin).expect("an epilogue");
                assert_eq!(effects.len(), pushes, "{begin:#x}");
                let is_pop = |effect: &epilogue::Effect| matches!(effect, epilogue::Effect::Pop(_));
                assert!(effects.iter().all(is_pop), "{begin:#x}");
                // The last byte of it is the return, where nothing is left to be done.
                let last = begin + length - 1;
                assert_eq!(epilogue::at(&image, function, &info, last), Some(Vec::new()));
                epilogues += 1;
            }
        }
    }
    assert!(
        epilogues == 0 || (epilogues > 3000 && parts > 600),
        "{epilogues} {parts}"
    );
}

#[test]
fn a_part_with_an_odd_number_of_codes_is_padded_before_the_function_it_belongs_to() {
    let image = Image::x64().function(0, 0x40, PUSH_AND_ALLOCATE);
    let whole = image.next_unwind() - 8;
    // One code: push rdi.
    let mut part = vec![(4 << 3) | 1, 1, 1, 0, 1, 0x70, 0xee, 0xee];
    part.extend(
        [CODE, CODE + 0x40, whole]
            .iter()
            .flat_map(|number| number.to_le_bytes()),
    );
    let image = image.function(0x80, 0x90, &part).open();
    let caller = walk(
        &image,
        &at(0x88),
        Position::Exact,
        &[0xd, 1, 2, 3, 4, 0xb, RETURN],
    )
    .unwrap();
    assert_eq!(place(&Ok(caller)), (RETURN, 7));
    assert_eq!(register(&caller, "rdi"), Some(0xd));
    assert_eq!(register(&caller, "rbx"), Some(0xb));
}

#[test]
fn a_chain_that_leads_to_itself_ends() {
    let image = Image::x64();
    let itself = image.next_unwind();
    let mut part = vec![(4 << 3) | 1, 0, 0, 0];
    part.extend(
        [CODE, CODE + 0x40, itself]
            .iter()
            .flat_map(|number| number.to_le_bytes()),
    );
    let image = image.function(0, 0x40, &part);
    // An entry that is only the address of an entry, namely of itself.
    let pointer = image.next_unwind();
    let image = image
        .unwind(
            &[CODE + 0x40, CODE + 0x50, pointer | 1]
                .iter()
                .flat_map(|number: &u32| number.to_le_bytes())
                .collect::<Vec<_>>(),
        )
        .entry(&[CODE + 0x40, CODE + 0x50, pointer | 1])
        .open();
    for offset in [4, 0x44] {
        assert_eq!(
            walk(&image, &at(offset), Position::Exact, &[RETURN]),
            Err(Stop::Damaged(Damage::EndlessChain))
        );
    }
}

#[test]
fn an_entry_may_be_the_address_of_another() {
    let image = Image::x64().unwind(PUSH_AND_ALLOCATE);
    let (unwind, entry) = (image.next_unwind() - 8, image.next_unwind());
    let numbers = [CODE, CODE + 0x40, unwind];
    let bytes: Vec<_> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    let image = image.unwind(&bytes).entry(&[CODE, CODE + 0x40, entry | 1]).open();
    let words = [1, 2, 3, 4, 0xb, RETURN];
    assert_eq!(
        place(&walk(&image, &at(0x10), Position::Exact, &words)),
        (RETURN, 6)
    );
}

#[test]
fn behind_a_machine_frame_the_address_is_exact() {
    // sub rsp, 8 below an error code and the five words of the processor.
    let image = Image::x64()
        .function(0, 0x40, &[1, 4, 2, 0, 4, 0x02, 0, 0x1a])
        .open();
    let elsewhere = RSP + 0x100;
    let words = [0, 0xe, RETURN, 0x10, 0x246, elsewhere, 0x18];
    let caller = walk(&image, &at(0x20), Position::Exact, &words).unwrap();
    assert_eq!(caller.position, Position::Exact);
    assert_eq!(
        (caller.registers.rip, caller.registers.rsp()),
        (RETURN, Some(elsewhere))
    );
    // At the first instruction the processor has pushed already.
    let caller = walk(&image, &at(0), Position::Exact, &words[1..]).unwrap();
    assert_eq!(caller.registers.rsp(), Some(elsewhere));
}

#[test]
fn where_a_process_entered_the_kernel_its_stack_ends() {
    let image = Image::x64()
        .function(0, 0x40, &[1, 4, 2, 0, 4, 0x02, 0, 0x0a])
        .open();
    let words = [0, 0x7ffe_7350_d0c4, 0x33, 0x246, 0x00e0_1234_5678, 0x2b];
    assert_eq!(
        walk(&image, &at(0x20), Position::Return, &words),
        Err(Stop::UserMode)
    );
}

#[test]
fn a_frame_register_tells_where_the_frame_is_whatever_the_stack_pointer() {
    // push rbp; sub rsp, 0x20; lea rbp, [rsp + 0x10]; rsi at rsp + 0x18
    let codes = [1, 12, 5, 0x15, 12, 0x64, 3, 0, 10, 0x03, 5, 0x32, 1, 0x50];
    let image = Image::x64().function(0, 0x40, &codes).open();
    let frame = RSP + 0x40;
    let mut words = [0; 16];
    (words[11], words[12], words[13]) = (0x51, 0xbb, RETURN);
    let registers = at(0x20).with("rbp", Some(frame + 0x10));
    let caller = walk(&image, &registers, Position::Exact, &words).unwrap();
    assert_eq!(place(&Ok(caller)), (RETURN, 14));
    assert_eq!(register(&caller, "rbp"), Some(0xbb));
    assert_eq!(register(&caller, "rsi"), Some(0x51));
    // Before the frame register is set the stack pointer still tells it.
    let words = [0, 0, 0, 0, 0xbb, RETURN];
    let caller = walk(&image, &at(6), Position::Exact, &words).unwrap();
    assert_eq!(place(&Ok(caller)), (RETURN, 6));
    // Without its value there is no caller to tell.
    assert_eq!(
        walk(&image, &at(0x20), Position::Exact, &[0; 16]),
        Err(Stop::Unknown)
    );
}

#[test]
fn far_saves_and_large_allocations_have_longer_operands() {
    // rdi at 0x80008; rsi at 0x10; xmm6 near; allocation of 0x80000 by 32 bits and of 0x100 by 16.
    let codes = [
        1, 40, 12, 0, //
        40, 0x75, 0x08, 0x00, 0x08, 0x00, //
        30, 0x64, 2, 0, //
        25, 0x68, 1, 0, //
        20, 0x11, 0x00, 0x00, 0x08, 0x00, //
        7, 0x01, 0x20, 0, //
    ];
    let image = Image::x64().function(0, 0x40, &codes).open();
    let memory = |address: u64| match address - RSP {
        0x8_0008 => Some(0xd1),
        0x10 => Some(0x51),
        0x8_0100 => Some(RETURN),
        _ => None,
    };
    let caller = caller(&image, BASE, &at(0x30), Position::Exact, &memory).unwrap();
    assert_eq!(caller.registers.rip, RETURN);
    assert_eq!(caller.registers.rsp(), Some(RSP + 0x8_0108));
    assert_eq!(register(&caller, "rdi"), Some(0xd1));
    assert_eq!(register(&caller, "rsi"), Some(0x51));
}

#[test]
fn a_leaf_is_code_that_is_not_listed_and_was_not_returned_to() {
    let image = Image::x64().function(0x40, 0x50, &[1, 0, 0, 0]).open();
    let registers = at(0).with("rbx", Some(7)).with("rax", Some(9));
    let caller = walk(&image, &registers, Position::Exact, &[RETURN]).unwrap();
    assert_eq!(place(&Ok(caller)), (RETURN, 1));
    assert_eq!(register(&caller, "rbx"), Some(7), "a leaf keeps it");
    assert_eq!(register(&caller, "rax"), None, "anyone may use it");
    let stop = |registers: &Registers, position| walk(&image, registers, position, &[RETURN]);
    assert_eq!(stop(&registers, Position::Return), Err(Stop::NoFunction));
    let data = Registers::new(BASE + 0x3000, RSP);
    assert_eq!(stop(&data, Position::Exact), Err(Stop::NoFunction));
    assert_eq!(
        stop(&Registers::new(BASE - 1, RSP), Position::Exact),
        Err(Stop::NoFunction)
    );
}

#[test]
fn damage_is_told_apart_from_the_end() {
    let damage = |codes: &[u8]| {
        let image = Image::x64().function(0, 0x40, codes).open();
        walk(&image, &at(0x20), Position::Exact, &[RETURN; 64])
    };
    assert_eq!(damage(&[3, 0, 0, 0]), Err(Stop::Damaged(Damage::Version(3))));
    assert_eq!(
        damage(&[1, 4, 1, 0, 4, 0x0c]),
        Err(Stop::Damaged(Damage::Code(12)))
    );
    assert_eq!(
        damage(&[1, 4, 1, 0, 4, 0x01]),
        Err(Stop::Damaged(Damage::Code(1)))
    );
    assert_eq!(
        damage(&[1, 4, 1, 0, 4, 0x03]),
        Err(Stop::Damaged(Damage::Code(3)))
    );
    let image = Image::x64().entry(&[CODE, CODE + 0x40, 0x7_0000]).open();
    assert_eq!(
        walk(&image, &at(0x20), Position::Exact, &[RETURN]),
        Err(Stop::Damaged(Damage::OutsideFile))
    );
}

/// An image that has one of everything.
fn rich() -> Vec<u8> {
    let image = Image::x64()
        .pdb(r"C:\acme.pdb")
        .code(0x20, EPILOGUE)
        .function(0, 0x26, PUSH_AND_ALLOCATE)
        .function(
            0x30,
            0x40,
            &[1, 12, 5, 0x15, 12, 0x64, 3, 0, 10, 0x03, 5, 0x32, 1, 0x50],
        )
        .function(0x40, 0x80, &[2, 5, 4, 0, 2, 0x16, 0x20, 0x06, 5, 0x32, 1, 0x30])
        .function(0x80, 0xc0, &[1, 4, 2, 0, 4, 0x02, 0, 0x1a]);
    let whole = crate::unwind::sample::UNWIND;
    let mut part = vec![(4 << 3) | 1, 1, 1, 0, 1, 0x70, 0, 0];
    part.extend(
        [CODE, CODE + 0x26, whole]
            .iter()
            .flat_map(|number| number.to_le_bytes()),
    );
    image.function(0xc0, 0x100, &part).build()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_damaged_byte_of_an_image_does_harm(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        list in prop::collection::vec((0_usize..0x100, any::<u8>()), 0..4),
        offset in 0_u32..0x140,
        returns in any::<bool>(),
    ) {
        let mut file = rich();
        for (index, byte) in damage {
            let at = index.index(file.len());
            file[at] = byte;
        }
        // The function list and the unwind information, where damage matters most.
        for (at, byte) in list {
            let section = if at % 2 == 0 { 0x1000 } else { 0x1800 };
            file[section + at] = byte;
        }
        if let Ok(image) = Pe::open(Arc::new(file)) {
            let position = if returns { Position::Return } else { Position::Exact };
            let registers = at(offset).with("rbp", Some(RSP + 0x40));
            let _ = walk(&image, &registers, position, &[RETURN; 64]);
            let _ = image.debug();
        }
    }

    #[test]
    fn no_unwind_information_does_harm(bytes in prop::collection::vec(any::<u8>(), 0..600), offset in 0_u32..0x40) {
        let image = Image::x64().function(0, 0x40, &bytes).open();
        for position in [Position::Exact, Position::Return] {
            let registers = at(offset).with("rbp", Some(RSP + 0x40));
            if let Ok(caller) = walk(&image, &registers, position, &[RETURN; 64]) {
                prop_assert!(caller.registers.rsp().unwrap() > RSP);
            }
        }
    }
}
