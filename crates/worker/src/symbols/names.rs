//! Under which names a symbol file may lie in a folder `NAME/ID` of a tree or server.

use analysis::symbols::Wanted;
use wire::symbols::SymbolKind;

/// The names to try: as it is, compressed, and for debug files in Breakpad's form.
pub(super) fn candidates(wanted: &Wanted) -> Vec<String> {
    let name = wanted.key.name();
    let mut names = vec![name.to_owned()];
    names.extend(compressed(name));
    if wanted.kind == SymbolKind::Debug {
        let stem = match name.len().checked_sub(4).and_then(|at| name.split_at_checked(at)) {
            Some((stem, extension)) if extension.eq_ignore_ascii_case(".pdb") => stem,
            _ => name,
        };
        names.push(format!("{stem}.sym"));
    }
    names
}

/// The name of a CAB: its last letter is an underscore.
fn compressed(name: &str) -> Option<String> {
    let mut letters = name.chars();
    letters.next_back().filter(|last| *last != '_')?;
    Some(format!("{}_", letters.as_str()))
}

#[cfg(test)]
mod tests {
    use wire::symbols::SymbolKey;

    use super::*;

    #[test]
    fn a_debug_file_may_be_compressed_or_breakpads() {
        let wanted = |kind, name| Wanted {
            kind,
            key: SymbolKey::new(name, "1").unwrap(),
        };
        assert_eq!(
            candidates(&wanted(SymbolKind::Debug, "Crash.PDB")),
            ["Crash.PDB", "Crash.PD_", "Crash.sym"]
        );
        assert_eq!(
            candidates(&wanted(SymbolKind::Debug, "libc.so.6"))[2],
            "libc.so.6.sym"
        );
        assert_eq!(
            candidates(&wanted(SymbolKind::Image, "a.sys")),
            ["a.sys", "a.sy_"]
        );
    }
}
