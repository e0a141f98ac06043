//! Names that clients give: files and machines.

use crate::error::ApiError;

/// Longest file name kept, in bytes.
const MAX_FILE_NAME_BYTES: usize = 200;

/// Longest machine id, in characters.
const MAX_MACHINE_CHARACTERS: usize = 200;

/// The last part of a path of either kind, without control characters, cut to a sensible length.
pub(crate) fn file_name(path: &str) -> Option<String> {
    let last = path.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut name: String = last.chars().filter(|character| !character.is_control()).collect();
    name.truncate(name.floor_char_boundary(MAX_FILE_NAME_BYTES));
    let name = name.trim();
    (!name.is_empty() && name != "." && name != "..").then(|| name.to_owned())
}

/// The machine id a client sent, if it can be one.
///
/// # Errors
///
/// [`ApiError::Invalid`] if it is empty, too long, or has control characters.
pub(crate) fn machine_name(text: &str) -> Result<&str, ApiError> {
    if text.trim().is_empty() {
        return Err(ApiError::invalid("the machine id is empty"));
    }
    if text.chars().nth(MAX_MACHINE_CHARACTERS).is_some() {
        return Err(ApiError::invalid("the machine id is longer than 200 characters"));
    }
    if text.chars().any(char::is_control) {
        return Err(ApiError::invalid("the machine id has control characters"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::{file_name, machine_name};

    #[test]
    fn a_path_is_reduced_to_its_last_part() {
        assert_eq!(
            file_name(r"C:\Windows\Minidump\112226-1.dmp").as_deref(),
            Some("112226-1.dmp")
        );
        assert_eq!(file_name("../../etc/passwd").as_deref(), Some("passwd"));
        assert_eq!(file_name("a/.."), None);
        assert_eq!(file_name("a\r\nb").as_deref(), Some("ab"));
    }

    #[test]
    fn odd_machine_ids_are_refused() {
        assert!(machine_name("PC-0042.corp.example").is_ok());
        for odd in ["", " ", "a\nb", &"x".repeat(201)] {
            assert!(machine_name(odd).is_err(), "{odd:?}");
        }
    }
}
