//! Which symbol files would make a stack better, by the keys that symbol servers use.
//!
//! The key of an image is its name, `TimeDateStamp` as eight upper-case hex digits and `SizeOfImage` as lower-case hex
//! without padding: `ntoskrnl.exe/0D8333E61046000/ntoskrnl.exe`.

use wire::report::MissingSymbol;

/// The symbol file of an image; `None` if the stamp is 0, because then no server can find it.
pub(crate) fn missing(base_name: &str, time_date_stamp: u32, size_of_image: u32) -> Option<MissingSymbol> {
    (time_date_stamp != 0).then(|| MissingSymbol {
        name: base_name.to_owned(),
        key: format!("{base_name}/{time_date_stamp:08X}{size_of_image:x}/{base_name}"),
    })
}

#[cfg(test)]
mod tests {
    use super::missing;

    #[test]
    fn a_key_has_an_upper_case_stamp_and_a_lower_case_size() {
        let symbol = missing("ntoskrnl.exe", 0x0d83_33e6, 0x104_6000).unwrap();
        assert_eq!(symbol.key, "ntoskrnl.exe/0D8333E61046000/ntoskrnl.exe");
        assert_eq!(missing("cdd.dll", 0, 0x1000), None);
    }
}
