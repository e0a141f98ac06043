//! A small reader of `PromQL`: of what the dashboards use, and strict. It tells which series an expression selects.
//!
//! Written here because the crate for it brings 25 others and has every procedural macro of the workspace built again.
//! Whatever is not in the grammar below is refused, so an expression that needs more must first be taught here.
//!
//! ```text
//! expression = unary (('+' | '-' | '*' | '/' | '>' | '<') unary)*
//! unary      = number | '(' expression ')' | function '(' [expression (',' expression)*] ')'
//!            | aggregation ['by' '(' name (',' name)* ')'] '(' [expression ','] expression ')' | selector
//! selector   = name ['{' matcher (',' matcher)* '}'] ['[' duration ']']
//! matcher    = name ('=' | '!=') '"' text '"'
//! ```

const AGGREGATIONS: [&str; 5] = ["sum", "max", "min", "avg", "topk"];

/// Functions, how many arguments they take, and whether those are ranges of time.
const FUNCTIONS: [(&str, usize, bool); 5] = [
    ("rate", 1, true),
    ("increase", 1, true),
    ("time", 0, false),
    ("histogram_quantile", 2, false),
    ("absent", 1, false),
];

/// Series that an expression asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Selector {
    pub(crate) name: String,
    /// Labels and the values they must have or must not have.
    pub(crate) matchers: Vec<(String, String)>,
    /// Labels that the aggregation around it keeps.
    pub(crate) kept: Vec<String>,
    is_range: bool,
}

/// The series that an expression selects.
///
/// # Errors
///
/// What is wrong and the rest of the expression from there.
pub(crate) fn selectors(expression: &str) -> Result<Vec<Selector>, String> {
    let mut reader = Reader {
        rest: expression.trim(),
        kept: Vec::new(),
        selectors: Vec::new(),
    };
    reader.expression()?;
    if reader.rest.is_empty() {
        Ok(reader.selectors)
    } else {
        Err(reader.wrong("the end"))
    }
}

struct Reader<'a> {
    rest: &'a str,
    kept: Vec<String>,
    selectors: Vec<Selector>,
}

impl<'a> Reader<'a> {
    fn wrong(&self, wanted: &str) -> String {
        format!("{wanted} wanted at: {}", self.rest)
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.rest.strip_prefix(token).map(str::trim_start);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.take(token) {
            Ok(())
        } else {
            Err(self.wrong(token))
        }
    }

    fn word(&mut self, allowed: impl Fn(char) -> bool) -> Result<&'a str, String> {
        let end = self
            .rest
            .find(|letter| !allowed(letter))
            .unwrap_or(self.rest.len());
        if end == 0 {
            return Err(self.wrong("a name or number"));
        }
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        Ok(word)
    }

    fn name(&mut self) -> Result<&'a str, String> {
        self.word(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    }

    fn expression(&mut self) -> Result<(), String> {
        self.unary()?;
        while ["+", "-", "*", "/", ">", "<"]
            .iter()
            .any(|operator| self.take(operator))
        {
            self.unary()?;
        }
        Ok(())
    }

    fn unary(&mut self) -> Result<(), String> {
        if self.take("(") {
            self.expression()?;
            return self.expect(")");
        }
        if self.rest.starts_with(|letter: char| letter.is_ascii_digit()) {
            let number = self.word(|letter| letter.is_ascii_digit() || letter == '.')?;
            return number
                .parse::<f64>()
                .map(drop)
                .map_err(|error| format!("{number}: {error}"));
        }
        let name = self.name()?;
        if AGGREGATIONS.contains(&name) {
            self.aggregation(name)
        } else if let Some((_, arguments, is_range)) = FUNCTIONS.iter().find(|function| function.0 == name) {
            self.function(*arguments, *is_range)
        } else {
            self.selector(name)
        }
    }

    fn aggregation(&mut self, name: &str) -> Result<(), String> {
        let kept_outside = self.kept.len();
        if self.take("by") {
            self.expect("(")?;
            loop {
                let label = self.name()?.to_owned();
                self.kept.push(label);
                if !self.take(",") {
                    break;
                }
            }
            self.expect(")")?;
        }
        self.function(if name == "topk" { 2 } else { 1 }, false)?;
        self.kept.truncate(kept_outside);
        Ok(())
    }

    fn function(&mut self, arguments: usize, is_range: bool) -> Result<(), String> {
        self.expect("(")?;
        let first = self.selectors.len();
        for argument in 0..arguments {
            if argument > 0 {
                self.expect(",")?;
            }
            self.expression()?;
        }
        if is_range && !self.selectors[first..].iter().all(|selector| selector.is_range) {
            return Err(self.wrong("a range of time before this"));
        }
        self.expect(")")
    }

    fn selector(&mut self, name: &str) -> Result<(), String> {
        let mut selector = Selector {
            name: name.to_owned(),
            matchers: Vec::new(),
            kept: self.kept.clone(),
            is_range: false,
        };
        if self.take("{") {
            loop {
                let label = self.name()?.to_owned();
                if !self.take("!=") {
                    self.expect("=")?;
                }
                self.expect("\"")?;
                let value = self.word(|letter| letter != '"')?.to_owned();
                self.expect("\"")?;
                selector.matchers.push((label, value));
                if !self.take(",") {
                    break;
                }
            }
            self.expect("}")?;
        }
        if self.take("[") {
            self.word(|letter| letter.is_ascii_digit())?;
            if !["s", "m", "h", "d"].iter().any(|unit| self.take(unit)) {
                return Err(self.wrong("a unit of time"));
            }
            self.expect("]")?;
            selector.is_range = true;
        }
        self.selectors.push(selector);
        Ok(())
    }
}

#[test]
fn an_expression_tells_its_series_with_what_is_kept_of_them() {
    let quantile =
        "histogram_quantile(0.95, sum by (le, kind) (rate(a_bucket[1m]))) / max(b{c=\"d\",e!=\"f\"})";
    let found = selectors(quantile).unwrap();
    assert_eq!(found[0].name, "a_bucket");
    assert_eq!(found[0].kept, ["le", "kind"]);
    assert_eq!(
        found[1].matchers,
        [("c".to_owned(), "d".to_owned()), ("e".to_owned(), "f".to_owned())]
    );
    assert!(found[1].kept.is_empty());
    assert_eq!(selectors("time() - topk(10, a)").unwrap().len(), 1);
}

/// Each of these is refused by Prometheus too.
#[test]
fn a_misspelt_expression_is_refused() {
    for expression in [
        "sum by (kind (a)",
        "rate(a)",
        "sum(a",
        "a{b=c}",
        "a[5]",
        "a)",
        "histogram_quantile(a)",
        "",
        "sum by () a +",
    ] {
        assert!(selectors(expression).is_err(), "{expression}");
    }
}
