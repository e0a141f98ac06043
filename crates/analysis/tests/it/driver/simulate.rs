//! What the driver's functions do to the stack, by reading their instructions.
//!
//! Only what moves the stack pointer, saves or restores is done; everything else is passed over. This knows nothing of
//! unwind information, which is the point.

use std::collections::BTreeMap;

use super::build::{Driver, Function, PREFERRED_BASE};
use synth::dump::{Cpu, Registers};

/// The end of the stack.
pub(crate) fn top(cpu: Cpu) -> u64 {
    match cpu {
        Cpu::X86 => 0x8f10_0000,
        Cpu::X64 | Cpu::Arm64 => 0xffff_8504_0010_0000,
    }
}

/// What a frame of a size that the code computes is given.
const DYNAMIC_BYTES: u64 = 0x50;

/// A processor that knows how to enter and leave functions.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    cpu: Cpu,
    base: u64,
    registers: BTreeMap<String, u64>,
    memory: BTreeMap<u64, u64>,
    pub(crate) pc: u64,
    /// The return addresses of the calls that were made, the innermost last.
    pub(crate) returns: Vec<u64>,
}

impl Machine {
    /// A machine with the driver at `base` that was called from `caller`.
    pub(crate) fn new(cpu: Cpu, base: u64, caller: u64) -> Machine {
        let mut machine = Machine {
            cpu,
            base,
            registers: BTreeMap::new(),
            memory: BTreeMap::new(),
            pc: 0,
            returns: Vec::new(),
        };
        machine.set("sp", top(cpu) - 0x40);
        machine.set("fp", 0);
        machine.enter(caller);
        machine
    }

    fn enter(&mut self, return_address: u64) {
        self.returns.push(return_address);
        match self.cpu {
            Cpu::Arm64 => self.set("x30", return_address),
            _ => self.push(return_address),
        }
        self.registers.remove("rax");
        self.registers.remove("x15");
    }

    /// Runs a function up to its call of `callee`, and into it.
    pub(crate) fn call(&mut self, function: &Function, callee: &Function) {
        let target = format!("0x{:x}", PREFERRED_BASE + callee.begin());
        for (index, instruction) in function.instructions.iter().enumerate() {
            let is_call = instruction.text.starts_with("call ") || instruction.text.starts_with("bl ");
            if is_call && instruction.text.split(' ').nth(1) == Some(&target) {
                let next = &function.instructions[index + 1];
                self.enter(self.base + next.rva);
                return;
            }
            self.step(&instruction.text, 0);
        }
        panic!("{} does not call {}", function.name, callee.name);
    }

    /// The machine before each instruction of a function, which calls nothing that does not return.
    pub(crate) fn states(mut self, function: &Function) -> Vec<Machine> {
        let mut states = Vec::new();
        for (index, instruction) in function.instructions.iter().enumerate() {
            self.pc = self.base + instruction.rva;
            states.push(self.clone());
            let next = function.instructions.get(index + 1);
            self.step(&instruction.text, next.map_or(0, |next| self.base + next.rva));
        }
        states
    }

    /// The stack from the stack pointer up.
    pub(crate) fn stack(&self) -> (u64, Vec<u64>) {
        let sp = self.get("sp");
        let words = (sp..top(self.cpu)).step_by(self.cpu.pointer_bytes());
        let words = words.map(|at| self.memory.get(&at).copied().unwrap_or(0));
        (sp, words.collect())
    }

    /// The registers as a dump has them.
    pub(crate) fn context(&self) -> Registers {
        Registers {
            pc: self.pc,
            sp: self.get("sp"),
            frame: self.get("fp"),
            link: self.get("x30"),
            general: [0x10; 29],
        }
    }

    fn get(&self, name: &str) -> u64 {
        self.registers.get(name_of(name)).copied().unwrap_or(0x10)
    }

    fn set(&mut self, name: &str, value: u64) {
        self.registers.insert(name_of(name).to_owned(), value);
    }

    fn push(&mut self, value: u64) {
        let sp = self.get("sp") - self.cpu.pointer_bytes() as u64;
        self.set("sp", sp);
        self.memory.insert(sp, value);
    }

    fn load(&self, address: u64) -> u64 {
        self.memory.get(&address).copied().unwrap_or(0)
    }

    fn step(&mut self, text: &str, next: u64) {
        match self.cpu {
            Cpu::Arm64 => self.step_arm64(text, next),
            Cpu::X64 => self.step_x64(text),
            // The probe of this processor moves the stack pointer itself.
            Cpu::X86 if text.starts_with("call 0x10001000 ") => self.step_x64("sub rsp, rax"),
            Cpu::X86 => self.step_x64(&text.replace("esp", "rsp").replace("ebp", "rbp")),
        }
    }

    fn step_x64(&mut self, text: &str) {
        let (name, operands) = text.split_once(' ').unwrap_or((text, ""));
        let (first, second) = operands.split_once(", ").unwrap_or((operands, ""));
        match (name, first, second) {
            ("push", register, "") => self.push(self.get(register)),
            ("pop", register, "") => {
                let sp = self.get("sp");
                self.set(register, self.load(sp));
                self.set("sp", sp + self.cpu.pointer_bytes() as u64);
            }
            ("mov", "eax", bytes) if bytes.parse::<u64>().is_ok() => self.set("rax", number(bytes)),
            ("sub", "rsp", "rax") => {
                let bytes = self.registers.get("rax").copied().unwrap_or(DYNAMIC_BYTES);
                self.set("sp", self.get("sp") - bytes);
            }
            ("sub", "rsp", bytes) => self.set("sp", self.get("sp") - number(bytes)),
            ("add", "rsp", bytes) => self.set("sp", self.get("sp") + number(bytes)),
            ("and", "rsp", mask) => self.set("sp", self.get("sp") & number(mask)),
            ("mov", "rbp" | "rsp", from @ ("rbp" | "rsp")) => self.set(first, self.get(from)),
            ("lea", "rbp" | "rsp", from) => {
                let from = from.trim_matches(['[', ']']).replace(" - ", " + -");
                let (register, distance) = from.split_once(" + ").expect("a sum");
                self.set(first, self.get(register).wrapping_add(number(distance)));
            }
            _ => {}
        }
    }

    fn step_arm64(&mut self, text: &str, next: u64) {
        let (name, operands) = text.split_once(' ').unwrap_or((text, ""));
        let parts: Vec<&str> = operands.split(", ").collect();
        match (name, parts.as_slice()) {
            ("stp" | "str" | "ldp" | "ldr", _) if operands.contains("[sp") => self.transfer(name, operands),
            ("bl", _) => self.set("x30", next),
            ("mov", ["x15", bytes]) => self.set("x15", number(bytes)),
            ("sub", ["sp" | "x20", from, "x15", "lsl #4"]) => {
                let units = self.registers.get("x15").copied().unwrap_or(DYNAMIC_BYTES / 16);
                self.set(parts[0], self.get(from) - units * 16);
            }
            ("mov", ["sp" | "x29" | "x8", from]) if !from.starts_with('#') => {
                self.set(parts[0], self.get(from));
            }
            ("sub", ["sp" | "x9", from, bytes]) => self.set(parts[0], self.get(from) - number(bytes)),
            ("add", ["sp" | "x29", from, pages, "lsl #12"]) => {
                self.set(parts[0], self.get(from) + (number(pages) << 12));
            }
            ("add", ["sp" | "x29", from, bytes]) => self.set(parts[0], self.get(from) + number(bytes)),
            ("and", ["sp", from, mask]) => self.set("sp", self.get(from) & number(mask)),
            _ => {}
        }
    }

    /// `stp x19, x20, [sp, #-80]!`, `ldr x30, [sp], #32` and the like.
    fn transfer(&mut self, name: &str, operands: &str) {
        let (registers, place) = operands.split_once(", [").expect("a place");
        let (inside, behind) = place.split_once(']').expect("a place");
        let distance = inside
            .split_once(", ")
            .map_or(0, |(_, distance)| number(distance));
        let sp = self.get("sp");
        let at = sp.wrapping_add(distance);
        if behind == "!" {
            self.set("sp", at);
        }
        for (index, register) in registers.split(", ").enumerate() {
            let address = at + 8 * index as u64;
            if name.starts_with("st") {
                self.memory.insert(address, self.get(register));
            } else {
                self.set(register, self.load(address));
            }
        }
        if let Some(distance) = behind.strip_prefix(", ") {
            self.set("sp", sp.wrapping_add(number(distance)));
        }
    }
}

/// One name for a register that has several.
fn name_of(name: &str) -> &str {
    match name {
        "rsp" => "sp",
        "rbp" | "x29" => "fp",
        other => other,
    }
}

/// `32`, `-64`, `#-80`, `#0xffc0`
fn number(text: &str) -> u64 {
    let text = text.trim_start_matches('#');
    if let Some(digits) = text.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16).expect("a number");
    }
    text.parse::<i64>().expect("a number").cast_unsigned()
}

/// The functions that call one another, the outermost first.
pub(crate) const CHAIN: [&str; 8] = [
    "DriverEntry",
    "uses_vectors",
    "aligned_frame",
    "dynamic_frame",
    "huge_frame",
    "large_frame",
    "keeps_many",
    "write_register",
];

/// The machine just inside the function of the chain that `depth` calls lead to.
pub(crate) fn inside(driver: &Driver, depth: usize, mut machine: Machine) -> Machine {
    for pair in CHAIN[..=depth].windows(2) {
        machine.call(driver.function(pair[0]), driver.function(pair[1]));
    }
    machine
}
