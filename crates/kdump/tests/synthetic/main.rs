//! The parser against dumps that `synth` writes from the format description, sound and damaged.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod damage;
mod fields;
mod lies;
mod other_kinds;
mod walk;

use synth::dump::{Cpu, DataBlockWidth, DumpDescription, Writer};
use synth::scenarios::{self, Scene};

/// A 0x76 with few drivers and blocks, so that thousands of damaged copies can be read.
fn small(cpu: Cpu, writer: Writer) -> DumpDescription {
    let mut scene = Scene::sample(5).written_by(writer).with_cpu(cpu);
    scene.images.truncate(6);
    let mut description = scenarios::locked_pages_at_exit(&scene);
    description.filler_blocks = 12;
    description
}

/// Every form of small dump: three processors, two writers, and both entry sizes where the format leaves them open.
fn all_small() -> Vec<DumpDescription> {
    let mut all = Vec::new();
    for writer in [Writer::KernelWritten, Writer::Converted] {
        for cpu in [Cpu::X64, Cpu::Arm64, Cpu::X86] {
            all.push(small(cpu, writer));
        }
        let mut narrow = small(Cpu::X86, writer);
        narrow.data_block_width = DataBlockWidth::Twelve;
        all.push(narrow);
    }
    all
}
