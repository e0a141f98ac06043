//! Function names without what differs between builds of one source.
//!
//! ```text
//! acme::Ring<unsigned int, 16>::Push(unsigned int)          acme::Ring<T>::Push
//! acme::Run::__l2::<lambda_5f3c9…>::operator()              acme::Run::<lambda>::operator()
//! core::ops::function::FnOnce::call_once::h0a1b2c3d4e5f6789 core::ops::function::FnOnce::call_once
//! AcmeClose$fin$0, AcmeClose.cold.1                         AcmeClose
//! ```

/// The longest name in a signature, in characters.
const MAX_NAME: usize = 160;
/// What a parameter list may follow without beginning one.
const OPERATOR: &str = "operator";

/// The name without parameters, template arguments, numbers of lambdas and marks of the compiler.
pub(super) fn trimmed(name: &str) -> String {
    let name = without_marks(name.trim());
    let name = without_arguments(name);
    let parts = name.split("::").filter(|part| !is_block(part) && !is_hash(part));
    let name = parts.collect::<Vec<_>>().join("::");
    crate::names::cut(&name, MAX_NAME)
}

/// The name up to a mark such as `$fin$0`, `$catch$1`, `.cold` or `.part.0`.
fn without_marks(name: &str) -> &str {
    const MARKS: [&str; 8] = [
        "$fin$", "$filt$", "$catch$", "$dtor$", ".cold", ".part.", ".isra.", ".llvm.",
    ];
    let ends = MARKS.iter().filter_map(|mark| name.find(mark));
    let end = ends.filter(|end| *end > 0).min();
    end.and_then(|end| name.get(..end)).unwrap_or(name)
}

/// The name with `<T>` for template arguments, `<lambda>` for lambdas and nothing for the parameter list.
fn without_arguments(name: &str) -> String {
    let mut kept = String::with_capacity(name.len());
    let mut angles = 0_usize;
    let mut argument = String::new();
    let mut rest = name;
    while let Some(character) = rest.chars().next() {
        let after = rest.get(character.len_utf8()..).unwrap_or_default();
        let is_operator = angles == 0 && kept.ends_with(OPERATOR);
        match character {
            '<' | '>' | '-' | '=' if is_operator => {
                let symbols = rest
                    .len()
                    .saturating_sub(rest.trim_start_matches(['<', '>', '-', '=']).len());
                // `operator<<int>` is the operator `<` of a template; nobody has to tell them apart.
                kept.push_str(rest.get(..symbols).unwrap_or_default());
                rest = rest.get(symbols..).unwrap_or_default();
                continue;
            }
            '(' if is_operator && after.starts_with(')') => {
                kept.push_str("()");
                rest = after.get(1..).unwrap_or_default();
                continue;
            }
            '<' => {
                angles = angles.saturating_add(1);
                if angles == 1 {
                    argument.clear();
                }
            }
            '>' if angles > 0 => {
                angles = angles.saturating_sub(1);
                if angles == 0 {
                    let is_first = kept.is_empty() || kept.ends_with("::");
                    kept.push_str(shortened(&argument, is_first));
                }
            }
            '(' if angles == 0 && !is_anonymous(rest) => break,
            _ if angles == 0 => kept.push(character),
            _ => argument.push(character),
        }
        rest = after;
    }
    if angles > 0 && kept.is_empty() {
        return name.to_owned();
    }
    kept.trim_end().to_owned()
}

/// What stands for something in angle brackets: at the beginning of a part of a name it is that part's own name.
fn shortened(argument: &str, is_first: bool) -> &str {
    if argument.contains("lambda") {
        "<lambda>"
    } else if is_first {
        "<>"
    } else {
        "<T>"
    }
}

fn is_anonymous(rest: &str) -> bool {
    rest.starts_with("(anonymous namespace)")
}

/// Whether a part of a name numbers a block of a function, as in `Run::__l2::Helper`.
fn is_block(part: &str) -> bool {
    let number = part.strip_prefix("__l");
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether a part of a name is the hash that ends names of Rust.
fn is_hash(part: &str) -> bool {
    let digits = part.strip_prefix('h').filter(|digits| digits.len() == 16);
    digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_between_builds_is_taken_off() {
        for (name, expected) in [
            ("WriteIoMemRawEx", "WriteIoMemRawEx"),
            (
                "acme::Ring<unsigned int,16>::Push(unsigned int)",
                "acme::Ring<T>::Push",
            ),
            (
                "std::_Func_impl_no_alloc<<lambda_1a2b>,void>::_Do_call",
                "std::_Func_impl_no_alloc<lambda>::_Do_call",
            ),
            (
                "acme::Run::__l2::<lambda_5f3c9e>::operator()(int)",
                "acme::Run::<lambda>::operator()",
            ),
            ("acme::operator<<(std::ostream &)", "acme::operator<<"),
            ("acme::Handle::operator->", "acme::Handle::operator->"),
            ("acme::Handle::operator<", "acme::Handle::operator<"),
            (
                "core::ops::FnOnce::call_once::h0a1b2c3d4e5f6789",
                "core::ops::FnOnce::call_once",
            ),
            ("AcmeClose$fin$0", "AcmeClose"),
            ("AcmeClose.cold.1", "AcmeClose"),
            (
                "`anonymous namespace'::CrashFunction",
                "`anonymous namespace'::CrashFunction",
            ),
            (
                "(anonymous namespace)::Crash(int)",
                "(anonymous namespace)::Crash",
            ),
            ("Broken<<<", "Broken"),
            ("<", "<"),
            ("", ""),
        ] {
            assert_eq!(trimmed(name), expected);
        }
    }

    #[test]
    fn two_instances_of_a_template_have_one_name() {
        assert_eq!(trimmed("f<std::vector<int>>"), trimmed("f<acme::Key<2>>"));
    }

    #[test]
    fn a_name_of_absurd_length_is_cut() {
        assert_eq!(trimmed(&"a".repeat(100_000)).len(), MAX_NAME);
        assert!(trimmed(&"<".repeat(100_000)).len() <= MAX_NAME);
    }
}
