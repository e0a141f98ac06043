//! The program `stopcode-fleet`.
fn main() {}
