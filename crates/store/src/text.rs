//! Strangers' text made fit for Postgres, which takes no NUL in `text` and none in `jsonb`.

use serde_json::Value;

/// `text` with each NUL replaced by U+FFFD.
pub(crate) fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// `value` with each NUL in its strings and keys replaced by U+FFFD.
pub(crate) fn json_without_nul(value: Value) -> Value {
    match value {
        Value::String(text) if text.contains('\0') => Value::String(without_nul(&text)),
        Value::Array(items) => items.into_iter().map(json_without_nul).collect(),
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(key, value)| (without_nul(&key), json_without_nul(value)))
                .collect(),
        ),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn a_nul_anywhere_in_json_becomes_a_replacement_character() {
        assert_eq!(
            super::json_without_nul(json!({"a\0": ["x\0y", {"b": "\0"}], "n": 1})),
            json!({"a\u{fffd}": ["x\u{fffd}y", {"b": "\u{fffd}"}], "n": 1})
        );
    }
}
