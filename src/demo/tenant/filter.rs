//! The part of RFC 7644's filter grammar that Qlik accepts.

use super::record::{Field, Status};

/// The deepest nesting: deeper than any real filter, bounded because the parser recurses.
const MAX_DEPTH: usize = 16;

/// A filter, read and checked against what the endpoint takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expr {
    Is(Clause),
    And(Vec<Expr>),
    Or(Vec<Expr>),
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    pub field: Field,
    pub contains: bool,
    pub value: String,
}

/// An attribute that an endpoint filters by, and whether it takes `co`.
pub type Attribute = (&'static str, Field, bool);

/// A filter on users: statuses for the whole query, and the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserFilter {
    /// Bits of [`Status::bit`].
    pub statuses: u8,
    /// The other conditions, which must all hold.
    pub rest: Vec<Expr>,
}

impl UserFilter {
    /// Returns the filter of a listing that names none.
    pub fn active_only() -> Self {
        Self {
            statuses: Status::Active.bit(),
            rest: Vec::new(),
        }
    }

    /// Reads a filter on users. Clauses on the status must stand apart from the others and
    /// hold for the whole query; without any, users that are not active stay hidden.
    pub fn parse(text: &str, attributes: &[Attribute]) -> Result<Self, String> {
        let conjuncts = match parse(text, attributes)? {
            Expr::And(parts) => parts,
            other => vec![other],
        };
        let mut filter = Self {
            statuses: u8::MAX,
            rest: Vec::new(),
        };
        let mut told = false;
        for part in conjuncts {
            match (part.any_on_status(), part.all_on_status()) {
                (false, _) => filter.rest.push(part),
                (true, true) => {
                    filter.statuses &= part.statuses();
                    told = true;
                }
                (true, false) => {
                    return Err(
                        "status clauses must be grouped and applied to the whole query".into(),
                    );
                }
            }
        }
        if !told {
            filter.statuses = Status::Active.bit();
        }
        Ok(filter)
    }
}

impl Expr {
    /// Returns whether the expression holds; `clause` decides each clause.
    pub fn holds(&self, clause: &impl Fn(&Clause) -> bool) -> bool {
        match self {
            Self::Is(one) => clause(one),
            Self::And(parts) => parts.iter().all(|part| part.holds(clause)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(clause)),
        }
    }

    fn any_on_status(&self) -> bool {
        match self {
            Self::Is(clause) => clause.field == Field::Status,
            Self::And(parts) | Self::Or(parts) => parts.iter().any(Self::any_on_status),
        }
    }

    fn all_on_status(&self) -> bool {
        match self {
            Self::Is(clause) => clause.field == Field::Status,
            Self::And(parts) | Self::Or(parts) => parts.iter().all(Self::all_on_status),
        }
    }

    fn statuses(&self) -> u8 {
        match self {
            Self::Is(clause) => Status::ALL
                .iter()
                .filter(|status| status.as_str().eq_ignore_ascii_case(&clause.value))
                .fold(0, |set, status| set | status.bit()),
            Self::And(parts) => parts
                .iter()
                .fold(u8::MAX, |set, part| set & part.statuses()),
            Self::Or(parts) => parts.iter().fold(0, |set, part| set | part.statuses()),
        }
    }
}

/// Reads a filter. Names and operators are case-insensitive; the error says what is wrong.
pub fn parse(text: &str, attributes: &[Attribute]) -> Result<Expr, String> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        attributes,
    };
    let expr = parser.either(0)?;
    match parser.next() {
        None => Ok(expr),
        Some(token) => Err(format!("unexpected `{}`", token.text)),
    }
}

/// A word, a string or a parenthesis of a filter.
#[derive(Debug, Clone)]
pub struct Token {
    pub text: String,
    pub quoted: bool,
}

struct Parser<'a> {
    tokens: Vec<Token>,
    at: usize,
    attributes: &'a [Attribute],
}

impl Parser<'_> {
    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn takes(&mut self, word: &str) -> bool {
        let found = self
            .tokens
            .get(self.at)
            .is_some_and(|token| !token.quoted && token.text.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn either(&mut self, depth: usize) -> Result<Expr, String> {
        let mut parts = vec![self.both(depth)?];
        while self.takes("or") {
            parts.push(self.both(depth)?);
        }
        Ok(single_or(parts, Expr::Or))
    }

    fn both(&mut self, depth: usize) -> Result<Expr, String> {
        let mut parts = vec![self.one(depth)?];
        while self.takes("and") {
            parts.push(self.one(depth)?);
        }
        Ok(single_or(parts, Expr::And))
    }

    fn one(&mut self, depth: usize) -> Result<Expr, String> {
        if self.takes("(") {
            if depth >= MAX_DEPTH {
                return Err("too many parentheses".into());
            }
            let inner = self.either(depth + 1)?;
            return if self.takes(")") {
                Ok(inner)
            } else {
                Err("a parenthesis is not closed".into())
            };
        }
        let name = self.next().ok_or("an attribute is missing")?;
        let (_, field, takes_co) = self
            .attributes
            .iter()
            .find(|(known, ..)| !name.quoted && known.eq_ignore_ascii_case(&name.text))
            .ok_or_else(|| format!("filtering by `{}` is not supported", name.text))?;
        let contains = match self.takes("eq") {
            true => false,
            false if *takes_co && self.takes("co") => true,
            false => return Err(format!("operator not supported for `{}`", name.text)),
        };
        match self.next() {
            Some(value) if value.quoted => Ok(Expr::Is(Clause {
                field: *field,
                contains,
                value: value.text,
            })),
            _ => Err(format!("`{}` is compared with no string", name.text)),
        }
    }
}

fn single_or(mut parts: Vec<Expr>, many: fn(Vec<Expr>) -> Expr) -> Expr {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            many(parts)
        }
        None => many(parts),
    }
}

/// Takes a filter apart.
pub fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '(' | ')' => 1,
            '"' => quoted_len(rest).ok_or("a string is not closed")?,
            _ => rest
                .find(|c: char| c.is_whitespace() || "()\"".contains(c))
                .unwrap_or(rest.len()),
        };
        let (token, after) = rest.split_at(length);
        let quoted = first == '"';
        let text = if quoted {
            serde_json::from_str(token).map_err(|_err| "a string is malformed")?
        } else {
            token.to_owned()
        };
        tokens.push(Token { text, quoted });
        rest = after.trim_start();
    }
    Ok(tokens)
}

fn quoted_len(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            b'"' if !escaped => return Some(at + 1),
            b'\\' if !escaped => escaped = true,
            _ => escaped = false,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const ATTRIBUTES: &[Attribute] = &[
        ("name", Field::Name, true),
        ("email", Field::Email, true),
        ("status", Field::Status, false),
        ("assignedGroups.id", Field::GroupId, false),
    ];

    #[track_caller]
    fn check(text: &str, expected: Result<(u8, usize), &str>) {
        let read = UserFilter::parse(text, ATTRIBUTES);
        let seen = read.as_ref().map(|f| (f.statuses, f.rest.len()));
        assert_eq!(seen.map_err(String::as_str), expected, "{text}");
    }

    #[test]
    fn status_clauses_stand_apart_and_hold_for_the_whole_query() {
        let (active, disabled) = (Status::Active.bit(), Status::Disabled.bit());
        let all = Status::ALL.iter().fold(0, |set, one| set | one.bit());
        let ungrouped = Err("status clauses must be grouped and applied to the whole query");
        for (text, expected) in [
            (
                r#"status eq "active" or status eq "disabled""#,
                Ok((active | disabled, 0)),
            ),
            (r#"STATUS EQ "ACTIVE""#, Ok((active, 0))),
            (r#"name eq "Bob""#, Ok((active, 1))),
            (
                r#"(name eq "Bob" or name eq "Alice") and (status eq "active" or status eq "disabled")"#,
                Ok((active | disabled, 1)),
            ),
            (
                r#"name eq "Bob" and status eq "disabled""#,
                Ok((disabled, 1)),
            ),
            (r#"status eq "active" and status eq "disabled""#, Ok((0, 0))),
            (r#"status eq "gone""#, Ok((0, 0))),
            (
                r#"name eq "Bob" or name eq "Alice" and status eq "active" or status eq "disabled""#,
                ungrouped,
            ),
            (r#"name eq "Bob" or (status eq "active")"#, ungrouped),
            (
                r#"name eq "a" and (email co "b" and status eq "active")"#,
                ungrouped,
            ),
        ] {
            check(text, expected.map(|(set, n)| (set & all, n)));
        }
    }

    #[test]
    fn what_qlik_does_not_document_is_refused() {
        for (text, expected) in [
            ("", "an attribute is missing"),
            (
                r#"lastUpdatedAt gt "2026""#,
                "filtering by `lastUpdatedAt` is not supported",
            ),
            (r#"name sw "B""#, "operator not supported for `name`"),
            (r#"status co "act""#, "operator not supported for `status`"),
            (
                r#"not (name eq "B")"#,
                "filtering by `not` is not supported",
            ),
            ("name eq Bob", "`name` is compared with no string"),
            (r#"name eq "Bob"#, "a string is not closed"),
            (r#"name eq "Bob" or"#, "an attribute is missing"),
            (r#"(name eq "Bob""#, "a parenthesis is not closed"),
            (r#"name eq "Bob" name"#, "unexpected `name`"),
        ] {
            check(text, Err(expected));
        }
        check(&"(".repeat(10_000), Err("too many parentheses"));
    }

    #[test]
    fn strings_are_json_strings() {
        let read = parse(r#"name eq "say \"hi\" \\ \u00e9""#, ATTRIBUTES).unwrap();

        let Expr::Is(clause) = read else { panic!() };
        assert_eq!(clause.value, r#"say "hi" \ é"#);
    }
}
