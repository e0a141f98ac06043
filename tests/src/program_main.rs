//! The program `stopcode`, built by this package so that its tests have it at hand.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::main()
}
