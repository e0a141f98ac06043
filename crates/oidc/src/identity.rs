//! Who the provider says somebody is.

use serde_json::{Map, Value};

/// The most roles that are read.
const MOST_ROLES: usize = 2_000;

/// The most characters of a name that are kept.
const LONGEST_NAME: usize = 100;

/// Claims that people know each other by, the most telling first.
const NAMES: [&str; 4] = ["preferred_username", "email", "upn", "name"];

/// Somebody whom the provider knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider's own id of them, which never changes and is never given to another.
    pub subject: String,
    /// What people call them.
    pub name: Option<String>,
    /// Their roles or groups, as the provider writes them.
    pub roles: Vec<String>,
}

impl Identity {
    /// Who, in words, for the record: the name may be changed or taken over, so the id stands beside it.
    pub fn actor(&self) -> String {
        let subject = plain(&self.subject);
        match self.name.as_deref() {
            Some(name) => format!("{name} ({subject})"),
            None => subject,
        }
    }
}

/// What people call somebody with these claims.
pub(crate) fn name(claims: &Map<String, Value>) -> Option<String> {
    let texts = NAMES.iter().filter_map(|&claim| claims.get(claim)?.as_str());
    texts.map(plain).find(|name| !name.is_empty())
}

/// The roles that `claim` lists; `None` if there is no such claim.
///
/// A claim whose own name has dots in it (`https://example.com/roles`) is found before one inside objects.
pub(crate) fn roles(claims: &Map<String, Value>, claim: &str) -> Option<Vec<String>> {
    let found = match claims.get(claim) {
        Some(value) => value,
        None => inside(claims, claim)?,
    };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match found {
        Value::Array(values) => Some(values.iter().filter_map(text).take(MOST_ROLES).collect()),
        Value::String(role) => Some(vec![role.clone()]),
        _ => None,
    }
}

fn inside<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let (first, rest) = path.split_once('.')?;
    rest.split('.')
        .try_fold(claims.get(first)?, |value, step| value.get(step))
}

/// A text without what could change how the line around it reads, and not longer than a line.
fn plain(text: &str) -> String {
    let is_plain = |character: &char| {
        // Marks of direction would turn around what stands beside the name.
        !character.is_control()
            && !matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().filter(is_plain).take(LONGEST_NAME).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::{Identity, name, roles};

    fn claims(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(claims) => claims,
            _ => panic!("claims are an object"),
        }
    }

    #[test]
    fn roles_are_found_where_providers_write_them() {
        let keycloak = claims(json!({"realm_access": {"roles": ["a", "b"]}}));
        assert_eq!(roles(&keycloak, "realm_access.roles").unwrap(), ["a", "b"]);
        let auth0 =
            claims(json!({"https://example.com/roles": ["a"], "https://example": {"com/roles": ["x"]}}));
        assert_eq!(roles(&auth0, "https://example.com/roles").unwrap(), ["a"]);
        let one = claims(json!({"role": "CN=it, OU=groups"}));
        assert_eq!(roles(&one, "role").unwrap(), ["CN=it, OU=groups"]);
    }

    #[test]
    fn what_is_no_list_of_names_gives_no_role() {
        let odd = claims(json!({"groups": [1, null, {"a": 1}, "b"], "n": 5, "o": {"a": "x"}}));
        assert_eq!(roles(&odd, "groups").unwrap(), ["b"]);
        for none in ["n", "o", "o.a.b", "missing", "missing.too", ""] {
            assert_eq!(roles(&odd, none), None, "{none:?}");
        }
    }

    #[test]
    fn the_record_names_the_id_beside_the_name() {
        let known = claims(json!({"name": "Ada L.", "email": "ada@example.com", "preferred_username": ""}));
        let identity = Identity {
            subject: "248289761001".to_owned(),
            name: name(&known),
            roles: Vec::new(),
        };
        assert_eq!(identity.actor(), "ada@example.com (248289761001)");
    }

    #[test]
    fn a_name_cannot_rewrite_the_line_it_stands_in() {
        let known = claims(json!({"name": format!("\u{202e}a\nb\u{0}{}", "x".repeat(500))}));
        let name = name(&known).unwrap();
        assert!(name.starts_with("abx"));
        assert_eq!(name.len(), 100);
    }
}
