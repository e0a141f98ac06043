//! Strangers' text made fit for Postgres, which takes no NUL in `text` and none in `jsonb`.

use std::borrow::Cow;

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

/// JSON text with each NUL in its strings and keys replaced by U+FFFD. What is no JSON is left to the database to refuse.
pub(crate) fn json_text_without_nul(text: &str) -> Cow<'_, str> {
    // In JSON a NUL can only stand as this escape.
    if !text.contains("\\u0000") {
        return Cow::Borrowed(text);
    }
    match serde_json::from_str(text) {
        Ok(value) => Cow::Owned(json_without_nul(value).to_string()),
        Err(_) => Cow::Borrowed(text),
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

    #[test]
    fn json_text_is_only_rewritten_where_it_has_a_nul() {
        let told = json!({"a": "x\0y", "b": "\\u0000"}).to_string();
        let clean: serde_json::Value = serde_json::from_str(&super::json_text_without_nul(&told)).unwrap();
        assert_eq!(clean, json!({"a": "x\u{fffd}y", "b": "\\u0000"}));
        let text = r#"{ "a" : 1 }"#;
        assert_eq!(super::json_text_without_nul(text), text);
    }
}
