//! The program `stopcode`; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::main()
}
