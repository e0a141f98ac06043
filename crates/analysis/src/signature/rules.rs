//! What a signature passes over: data that is built in, and what an administrator adds to it.
//!
//! Patterns are regular expressions for a whole name in any case. Those of images are held against base names
//! (`acmefilt\.sys`), those of functions against `module!function` with the function as signatures show it
//! (`acme\.sys!Acme(Log|Trace).*`).

use std::sync::LazyLock;

use regex::{RegexSet, RegexSetBuilder};
use serde::{Deserialize, Serialize};

use crate::images::{self, Role};

/// Most patterns that can be added in all.
const MAX_PATTERNS: usize = 1_000;
/// Longest pattern, in bytes.
const MAX_PATTERN_BYTES: usize = 300;
/// Most memory that one list of patterns may take when it is compiled, in bytes.
const MAX_COMPILED_BYTES: usize = 4 << 20;

/// Functions that only carry out what another one asked for, or that report a fault: never where it is.
const SKIPPED: &[&str] = &[
    r"(ntoskrnl|ntkrnl\w*)\.exe!(KeBugCheck|KiBugCheck|KeStackAttach|KiDispatch|KiExceptionDispatch|KiRaise|KiFastFail).*",
    r"(ntoskrnl|ntkrnl\w*)\.exe!Ki(PageFault|GeneralProtectionFault|DivideErrorFault|InvalidOpcodeFault|DoubleFaultAbort|BreakpointTrap|NmiInterrupt|SystemServiceHandler|SystemServiceCopyEnd|SystemServiceExit).*",
    r"(ntoskrnl|ntkrnl\w*)\.exe!(RtlpExecuteHandlerFor|RtlDispatchException|RtlRaise|ExRaise|ExpRaise|RtlpBreak|DbgBreakPoint|DbgUserBreakPoint|VerifierBugCheck|ViErrorReport).*",
    r"ntdll\.dll!(Ki|Nt|Zw|RtlRaise|RtlReport|RtlpReport|RtlDispatchException|RtlpExecuteHandlerFor|RtlUserThreadStart|_RtlUserThreadStart|__RtlUserThreadStart|DbgBreakPoint).*",
    r"(kernel32|kernelbase)\.dll!(RaiseException|RaiseFailFastException|BaseThreadInitThunk|UnhandledExceptionFilter|DebugBreak|TerminateProcess).*",
    r".*!_{0,3}(GSHandlerCheck|C_specific_handler|CxxThrowException|CxxFrameHandler|guard_dispatch_icall|guard_check_icall|security_check_cookie|report_gsfailure|report_securityfailure|chkstk|alloca_probe|invoke_watson|invalid_parameter|invalid_parameter_noinfo|purecall).*",
    r".*!(abort|raise|terminate|std::terminate|_wassert|_assert)",
];

/// Functions that say how something failed but not whose they were called for: their callers belong to the place.
const PREFIXES: &[&str] = &[
    r".*!_{0,2}(mem(cpy|move|set|cmp|chr)|str(len|cpy|ncpy|cat|ncat|cmp|ncmp|chr|str)|wcs(len|cpy|ncpy|cat|ncat|cmp|ncmp|chr|str)|malloc|calloc|realloc|free)(_s|_repmovs|Fast|SpecialPoolFast)?",
    r".*!Rtl(Copy|Move|Fill|Zero|Secure|Compare)Memory.*",
    r".*!operator (new|delete)(\[\])?",
    r".*!std::.*",
];

/// Patterns that an administrator adds. All of them may be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Patterns {
    /// Images that are the operating system's own, or as little to blame: never the place while there is another.
    pub os_images: Vec<String>,
    /// Images that others act through: the place only while there is no other driver.
    pub layers: Vec<String>,
    /// Images that can be the place whatever the built-in lists say.
    pub own_images: Vec<String>,
    /// Functions to pass over.
    pub skipped_functions: Vec<String>,
    /// Functions that are part of the place together with their caller.
    pub prefix_functions: Vec<String>,
}

/// Why patterns are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadRules {
    /// There are too many.
    #[error("there are {count} patterns, more than the {MAX_PATTERNS} allowed")]
    TooMany {
        /// How many.
        count: usize,
    },
    /// One is too long.
    #[error("the pattern that begins {beginning:?} is longer than the {MAX_PATTERN_BYTES} bytes allowed")]
    TooLong {
        /// Its first characters.
        beginning: String,
    },
    /// One is no regular expression.
    #[error("the pattern {pattern:?} is no regular expression")]
    NotAPattern {
        /// The pattern.
        pattern: String,
    },
    /// A list takes too much memory.
    #[error("the list {list} is too complicated")]
    TooComplicated {
        /// Which list.
        list: &'static str,
    },
}

/// The rules of signatures: what is built in, and additions. They are stored as the additions.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Patterns", into = "Patterns")]
pub struct Rules {
    added: Patterns,
    os_images: RegexSet,
    layers: RegexSet,
    own_images: RegexSet,
    skipped: RegexSet,
    prefixes: RegexSet,
}

impl Rules {
    /// The built-in rules with additions.
    ///
    /// # Errors
    ///
    /// [`BadRules`] when there are too many patterns, or one is too long, too complicated or no regular expression.
    ///
    /// ```
    /// use analysis::signature::{Patterns, Rules};
    ///
    /// let added = Patterns {
    ///     skipped_functions: vec![r"acme\.sys!AcmeTrace.*".to_owned()],
    ///     ..Patterns::default()
    /// };
    /// assert!(Rules::new(added).is_ok());
    /// ```
    pub fn new(added: Patterns) -> Result<Rules, BadRules> {
        let lists = [
            &added.os_images,
            &added.layers,
            &added.own_images,
            &added.skipped_functions,
            &added.prefix_functions,
        ];
        let count = lists.iter().map(|list| list.len()).sum();
        if count > MAX_PATTERNS {
            return Err(BadRules::TooMany { count });
        }
        Ok(Rules {
            os_images: set("os_images", &added.os_images)?,
            layers: set("layers", &added.layers)?,
            own_images: set("own_images", &added.own_images)?,
            skipped: set("skipped_functions", &added.skipped_functions)?,
            prefixes: set("prefix_functions", &added.prefix_functions)?,
            added,
        })
    }

    /// What an image of the kernel is.
    pub(super) fn kernel_role(&self, module: &str) -> Role {
        self.added_role(module).unwrap_or_else(|| images::role(module))
    }

    /// What a module of a process is; `is_system` is what is known of it otherwise.
    pub(super) fn process_role(&self, module: &str, is_system: bool) -> Role {
        let built_in = if is_system { Role::Os } else { Role::Driver };
        self.added_role(module).unwrap_or(built_in)
    }

    fn added_role(&self, module: &str) -> Option<Role> {
        if self.own_images.is_match(module) {
            Some(Role::Driver)
        } else if self.os_images.is_match(module) {
            Some(Role::Os)
        } else {
            self.layers.is_match(module).then_some(Role::Layer)
        }
    }

    /// Whether a function, as `module!function`, is passed over.
    pub(super) fn skips(&self, function: &str) -> bool {
        static BUILT_IN: LazyLock<RegexSet> = LazyLock::new(|| built_in(SKIPPED));
        self.skipped.is_match(function) || BUILT_IN.is_match(function)
    }

    /// Whether a function, as `module!function`, is part of the place together with its caller.
    pub(super) fn is_prefix(&self, function: &str) -> bool {
        static BUILT_IN: LazyLock<RegexSet> = LazyLock::new(|| built_in(PREFIXES));
        self.prefixes.is_match(function) || BUILT_IN.is_match(function)
    }
}

impl Default for Rules {
    fn default() -> Self {
        Rules {
            added: Patterns::default(),
            os_images: RegexSet::empty(),
            layers: RegexSet::empty(),
            own_images: RegexSet::empty(),
            skipped: RegexSet::empty(),
            prefixes: RegexSet::empty(),
        }
    }
}

impl PartialEq for Rules {
    fn eq(&self, other: &Rules) -> bool {
        self.added == other.added
    }
}

impl Eq for Rules {}

impl TryFrom<Patterns> for Rules {
    type Error = BadRules;

    fn try_from(added: Patterns) -> Result<Rules, BadRules> {
        Rules::new(added)
    }
}

impl From<Rules> for Patterns {
    fn from(rules: Rules) -> Patterns {
        rules.added
    }
}

fn set(list: &'static str, patterns: &[String]) -> Result<RegexSet, BadRules> {
    if let Some(long) = patterns.iter().find(|pattern| pattern.len() > MAX_PATTERN_BYTES) {
        return Err(BadRules::TooLong {
            beginning: crate::names::cut(long, 40),
        });
    }
    let bad = |pattern: &&String| regex_syntax(pattern).is_err();
    if let Some(pattern) = patterns.iter().find(bad) {
        return Err(BadRules::NotAPattern {
            pattern: pattern.clone(),
        });
    }
    compiled(patterns.iter().map(String::as_str)).map_err(|_| BadRules::TooComplicated { list })
}

/// One pattern alone, to tell which one is wrong. One that is only too large is told with its list.
fn regex_syntax(pattern: &str) -> Result<(), regex::Error> {
    match compiled(std::iter::once(pattern)) {
        Err(error @ regex::Error::Syntax(_)) => Err(error),
        _ => Ok(()),
    }
}

fn compiled<'a>(patterns: impl Iterator<Item = &'a str>) -> Result<RegexSet, regex::Error> {
    RegexSetBuilder::new(patterns.map(|pattern| format!("^(?:{pattern})$")))
        .case_insensitive(true)
        .size_limit(MAX_COMPILED_BYTES)
        .dfa_size_limit(MAX_COMPILED_BYTES)
        .build()
}

fn built_in(patterns: &[&str]) -> RegexSet {
    compiled(patterns.iter().copied())
        .expect("the built-in patterns are regular expressions, as a test proves")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_in_passes_over_reporters_and_keeps_helpers_with_their_callers() {
        let rules = Rules::default();
        assert!(rules.skips("ntoskrnl.exe!KeBugCheckEx"));
        assert!(rules.skips("ntoskrnl.exe!KiPageFault"));
        assert!(rules.skips("acme.sys!__chkstk"));
        assert!(!rules.skips("acme.sys!KeBugCheckEx"));
        assert!(!rules.skips("ntoskrnl.exe!MmUnlockPages"));
        assert!(rules.is_prefix("acme.sys!memmove"));
        assert!(rules.is_prefix("ntoskrnl.exe!RtlCopyMemory"));
        assert!(rules.is_prefix("acme.exe!std::vector<T>::push_back"));
        assert!(!rules.is_prefix("acme.sys!memoryManager"));
    }

    #[test]
    fn rules_are_stored_as_what_was_added() {
        let json = r#"{"os_images":["acmefilt\\.sys"]}"#;
        let rules: Rules = serde_json::from_str(json).unwrap();
        assert_eq!(rules.kernel_role("ACMEFILT.SYS"), Role::Os);
        assert_eq!(rules.kernel_role("acmefilt.sys.bak"), Role::Driver);
        let stored = serde_json::to_string(&rules).unwrap();
        assert_eq!(serde_json::from_str::<Rules>(&stored).unwrap(), rules);
    }

    #[test]
    fn bad_rules_are_refused_in_words() {
        let with = |patterns: Vec<String>| {
            let added = Patterns {
                skipped_functions: patterns,
                ..Patterns::default()
            };
            Rules::new(added).unwrap_err().to_string()
        };
        assert_eq!(
            with(vec!["a(".to_owned()]),
            r#"the pattern "a(" is no regular expression"#
        );
        assert!(with(vec!["a".repeat(301)]).contains("longer than the 300 bytes"));
        assert!(with(vec!["a".to_owned(); 1001]).contains("1001 patterns"));
        assert!(with(vec![r"(\w{500}){500}".to_owned()]).contains("too complicated"));
        assert!(serde_json::from_str::<Rules>(r#"{"no_such_list":[]}"#).is_err());
    }
}
