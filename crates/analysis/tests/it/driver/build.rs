//! A real driver for the tests: compiled by clang, linked by lld, disassembled by llvm-objdump.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use analysis::symbols::{Contents, SymbolBytes, SymbolSource, Wanted, compile};
use std::sync::{Arc, LazyLock};
use synth::dump::Cpu;
use wire::symbols::SymbolKey;

/// Where lld is told that the image would lie; the disassembly counts from there.
pub(crate) const PREFERRED_BASE: u64 = 0x1000_0000;

/// The driver as it was built.
#[derive(Debug, Clone)]
pub(crate) struct Driver {
    /// The file.
    pub(crate) bytes: Vec<u8>,
    /// Its PDB.
    pub(crate) pdb: Vec<u8>,
    /// `TimeDateStamp` and `SizeOfImage`, as llvm-readobj tells them.
    pub(crate) time_date_stamp: u32,
    pub(crate) size_of_image: u32,
    /// Its functions with their instructions, as llvm-objdump tells them.
    pub(crate) functions: Vec<Function>,
}

/// One function.
#[derive(Debug, Clone)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) instructions: Vec<Instruction>,
}

/// One instruction.
#[derive(Debug, Clone)]
pub(crate) struct Instruction {
    pub(crate) rva: u64,
    /// `sub rsp, 32`
    pub(crate) text: String,
}

impl Function {
    pub(crate) fn begin(&self) -> u64 {
        self.instructions[0].rva
    }
}

impl Driver {
    /// Builds the driver, or says that it cannot be built here.
    ///
    /// With `STOPCODE_REQUIRE_CLANG=1` the absence of the tools is a failure.
    pub(crate) fn build(cpu: Cpu) -> Option<Driver> {
        static FOR_X64: LazyLock<Option<Driver>> = LazyLock::new(|| Driver::build_once(Cpu::X64));
        static FOR_X86: LazyLock<Option<Driver>> = LazyLock::new(|| Driver::build_once(Cpu::X86));
        static FOR_ARM64: LazyLock<Option<Driver>> = LazyLock::new(|| Driver::build_once(Cpu::Arm64));
        match cpu {
            Cpu::X64 => FOR_X64.clone(),
            Cpu::X86 => FOR_X86.clone(),
            Cpu::Arm64 => FOR_ARM64.clone(),
        }
    }

    fn build_once(cpu: Cpu) -> Option<Driver> {
        let tools = ["clang", "lld-link", "llvm-objdump", "llvm-readobj"];
        let is_there = |tool: &str| Command::new(tool).arg("--version").output().is_ok();
        if let Some(tool) = tools.into_iter().find(|tool| !is_there(tool)) {
            assert!(
                std::env::var("STOPCODE_REQUIRE_CLANG").is_err(),
                "there is no {tool}, and STOPCODE_REQUIRE_CLANG is set"
            );
            let _ = writeln!(
                std::io::stdout(),
                "skipped: there is no {tool} to build a driver with"
            );
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        Some(Driver::build_in(folder.path(), cpu))
    }

    fn build_in(folder: &Path, cpu: Cpu) -> Driver {
        let architecture = match cpu {
            Cpu::X64 => "x86_64",
            Cpu::X86 => "i686",
            Cpu::Arm64 => "aarch64",
        };
        let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/driver/driver.c");
        let run = |tool: &str, arguments: &[&str]| run(folder, tool, arguments);
        let target = format!("--target={architecture}-pc-windows-msvc");
        let source = source.display().to_string();
        let flags =
            "-O1 -g -gcodeview -ffreestanding -fno-builtin -fasynchronous-unwind-tables -c -o driver.obj";
        let arguments: Vec<_> = [target.as_str(), &source]
            .into_iter()
            .chain(flags.split(' '))
            .collect();
        run("clang", &arguments);
        let flags = "/driver /subsystem:native /nodefaultlib /entry:DriverEntry /debug /timestamp:1700000000 \
                     /base:0x10000000 /safeseh:no \
                     /pdb:acmecap.pdb /pdbaltpath:%_PDB% /map:driver.map /out:acmecap.sys driver.obj";
        run("lld-link", &flags.split_whitespace().collect::<Vec<_>>());
        let headers = run("llvm-readobj", &["--file-headers", "acmecap.sys"]);
        let listing = "-d --no-show-raw-insn --x86-asm-syntax=intel acmecap.sys";
        let listing = match cpu {
            Cpu::Arm64 => listing.replace("--x86-asm-syntax=intel ", ""),
            _ => listing.to_owned(),
        };
        let listing = run("llvm-objdump", &listing.split(' ').collect::<Vec<_>>());
        let map = fs::read_to_string(folder.join("driver.map")).expect("a map");
        Driver {
            bytes: fs::read(folder.join("acmecap.sys")).expect("a driver"),
            pdb: fs::read(folder.join("acmecap.pdb")).expect("a PDB"),
            time_date_stamp: 1_700_000_000,
            size_of_image: number_after(&headers, "SizeOfImage: "),
            functions: functions(&map, &listing),
        }
    }

    pub(crate) fn function(&self, name: &str) -> &Function {
        let mut functions = self.functions.iter();
        functions
            .find(|function| function.name == name || function.name.strip_prefix('_') == Some(name))
            .unwrap_or_else(|| panic!("no function {name}"))
    }
}

/// The driver is to be had, its PDB is not.
impl SymbolSource for &Driver {
    fn find(&mut self, wanted: &[Wanted]) -> Vec<Option<SymbolBytes>> {
        let key = SymbolKey::image("acmecap.sys", self.time_date_stamp, self.size_of_image);
        let bytes: SymbolBytes = Arc::new(self.bytes.clone());
        let is_it = |wanted: &Wanted| key.as_ref() == Some(&wanted.key);
        wanted
            .iter()
            .map(|wanted| is_it(wanted).then(|| bytes.clone()))
            .collect()
    }
}

/// The driver is to be had, and its PDB as it is kept.
pub(crate) struct WithPdb<'a>(pub(crate) &'a Driver);

impl SymbolSource for WithPdb<'_> {
    fn find(&mut self, wanted: &[Wanted]) -> Vec<Option<SymbolBytes>> {
        let compiled = compile(&self.0.pdb, "acmecap.pdb").expect("a PDB");
        let Contents::Bytes(bytes) = compiled.contents else {
            panic!("a PDB is not kept as it is");
        };
        let bytes: SymbolBytes = Arc::new(bytes);
        let image = (&mut &*self.0).find(wanted).into_iter();
        let is_it = |wanted: &Wanted| wanted.key == compiled.key;
        wanted
            .iter()
            .zip(image)
            .map(|(wanted, image)| image.or_else(|| is_it(wanted).then(|| bytes.clone())))
            .collect()
    }
}

fn run(folder: &Path, tool: &str, arguments: &[&str]) -> String {
    let output = Command::new(tool)
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the tool");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{tool} {arguments:?}: {text}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn number_after(text: &str, name: &str) -> u32 {
    let (_, rest) = text.split_once(name).expect("the field");
    let end = rest
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..end].parse().expect("a number")
}

/// The functions of lld's map with the instructions of llvm-objdump's listing, up to the return.
fn functions(map: &str, listing: &str) -> Vec<Function> {
    let instructions: Vec<_> = listing.lines().filter_map(instruction).collect();
    let publics = map.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let is_code = words.next()?.starts_with("0001:");
        let (name, address) = (words.next()?, words.next()?);
        let address = u64::from_str_radix(address, 16).ok()?;
        let begin = address.checked_sub(PREFERRED_BASE)?;
        is_code.then(|| (name.to_owned(), begin))
    });
    publics
        .filter(|(name, _)| !name.starts_with('.'))
        .map(|(name, begin)| {
            let own = instructions
                .iter()
                .skip_while(|instruction| instruction.rva < begin);
            let mut is_done = false;
            let own = own.take_while(|instruction| {
                let is_in = !is_done;
                is_done |= instruction.text == "ret";
                is_in
            });
            Function {
                name,
                instructions: own.cloned().collect(),
            }
        })
        .collect()
}

/// A line of the listing: address, colon, name, operands.
fn instruction(line: &str) -> Option<Instruction> {
    let (address, text) = line.trim_start().split_once(':')?;
    let address = u64::from_str_radix(address, 16).ok()?;
    let text = text.split(" # ").next()?.split("//").next()?;
    Some(Instruction {
        rva: address.checked_sub(PREFERRED_BASE)?,
        text: text.split_whitespace().collect::<Vec<_>>().join(" "),
    })
}
