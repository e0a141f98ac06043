//! What somebody with a role may do here.

use std::str::FromStr;

use wire::token::Scope;

/// Stands for every role, and for having none.
const ANYBODY: &str = "*";

/// A role or group at the provider, and what it allows here. Written `ROLE=SCOPE,SCOPE`; `*` is everybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleRule {
    role: String,
    scopes: Vec<Scope>,
}

/// A text that is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRule {
    /// A part is missing.
    #[error("expected ROLE=SCOPES, such as helpdesk=read,download; * stands for everybody")]
    Form,
    /// There is no such scope, or a person cannot have it.
    #[error("{0:?} is no scope that a person can have; they are upload, read, download, symbols and admin")]
    Scope(String),
}

impl FromStr for RoleRule {
    type Err = BadRule;

    fn from_str(text: &str) -> Result<Self, BadRule> {
        // The last sign: names of groups in a directory have some of their own.
        let (role, scopes) = text.rsplit_once('=').ok_or(BadRule::Form)?;
        let scopes: Vec<Scope> = scopes.split(',').map(scope).collect::<Result<_, _>>()?;
        if role.trim().is_empty() {
            return Err(BadRule::Form);
        }
        Ok(RoleRule {
            role: role.trim().to_owned(),
            scopes,
        })
    }
}

fn scope(name: &str) -> Result<Scope, BadRule> {
    Scope::from_name(name.trim())
        .filter(|&scope| scope != Scope::Agent)
        .ok_or_else(|| BadRule::Scope(name.trim().to_owned()))
}

/// What somebody with these roles may do: what any of the rules that fit allows. Without a rule that fits, nothing.
pub fn scopes_of(rules: &[RoleRule], held: &[String]) -> Vec<Scope> {
    let fits = |rule: &&RoleRule| rule.role == ANYBODY || held.contains(&rule.role);
    let mut scopes: Vec<Scope> = rules
        .iter()
        .filter(fits)
        .flat_map(|rule| rule.scopes.iter().copied())
        .collect();
    scopes.sort_unstable();
    scopes.dedup();
    scopes
}

#[cfg(test)]
mod tests {
    use wire::token::Scope;

    use super::{BadRule, RoleRule, scopes_of};

    fn rules(texts: &[&str]) -> Vec<RoleRule> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn roles_add_up() {
        let rules = rules(&["it=read", "it-lead=admin", "symbols=symbols,read"]);
        let of = |roles: &[&str]| {
            scopes_of(
                &rules,
                &roles.iter().map(|&role| role.to_owned()).collect::<Vec<_>>(),
            )
        };
        assert_eq!(of(&["it"]), [Scope::Read]);
        assert_eq!(of(&["it", "it-lead"]), [Scope::Read, Scope::Admin]);
        assert_eq!(of(&["it", "symbols"]), [Scope::Read, Scope::Symbols]);
        assert_eq!(of(&["IT", "it ", "sales"]), []);
        assert_eq!(of(&[]), []);
    }

    #[test]
    fn everybody_is_only_whom_the_operator_says() {
        assert_eq!(scopes_of(&rules(&["*=read"]), &[]), [Scope::Read]);
        // The sign in somebody's own roles has no power.
        assert_eq!(scopes_of(&rules(&["it=admin"]), &["*".to_owned()]), []);
    }

    #[test]
    fn a_group_of_a_directory_is_a_role() {
        let rule: RoleRule = "CN=IT, OU=Groups=read, download".parse().unwrap();
        assert_eq!(
            scopes_of(&[rule], &["CN=IT, OU=Groups".to_owned()]),
            [Scope::Read, Scope::Download]
        );
    }

    #[test]
    fn a_wrong_rule_is_told_in_words() {
        for form in ["", "read", "=read", " =read"] {
            assert_eq!(form.parse::<RoleRule>(), Err(BadRule::Form), "{form:?}");
        }
        for scope in ["it=", "it=write", "it=agent", "it=read,,admin"] {
            assert!(
                matches!(scope.parse::<RoleRule>(), Err(BadRule::Scope(_))),
                "{scope:?}"
            );
        }
    }
}
