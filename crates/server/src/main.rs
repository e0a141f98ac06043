//! The program `stopcode`.
fn main() {}
