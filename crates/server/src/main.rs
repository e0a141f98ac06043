//! The program `stopcode`; everything is in the library.

fn main() {}
