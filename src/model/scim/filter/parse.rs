//! Reads a filter from its text.

use std::str::FromStr;

use serde_json::Number;

use super::tree::{
    AttributePath, Comparer, Expression, Literal, MAX_CONDITIONS, MAX_DEPTH, MAX_FILTER,
    ScimFilter, ScimFilterError, Test, TextPlace,
};

type Parsed<T> = Result<T, ScimFilterError>;

impl FromStr for ScimFilter {
    type Err = ScimFilterError;

    fn from_str(text: &str) -> Result<Self, ScimFilterError> {
        filter(text).map(Self)
    }
}

impl TryFrom<String> for ScimFilter {
    type Error = ScimFilterError;

    fn try_from(text: String) -> Result<Self, ScimFilterError> {
        text.parse()
    }
}

impl AttributePath {
    /// Reads the name of an attribute, as in `attributes` or `sortBy`; `None` if it is not one.
    pub fn read(text: &str) -> Option<Self> {
        path(text, 1)
    }
}

impl TryFrom<String> for AttributePath {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        Self::read(&text).ok_or("not the name of an attribute")
    }
}

/// Reads a whole filter.
fn filter(text: &str) -> Parsed<Expression> {
    if text.len() > MAX_FILTER {
        return Err(ScimFilterError {
            at: None,
            what: format!("the filter has more than {MAX_FILTER} bytes"),
        });
    }
    let mut parser = Parser {
        text,
        at: 0,
        depth: 0,
        n_conditions: 0,
        inside: Inside::Resource,
    };
    let expression = parser.any_of()?;
    parser.skip_blanks();
    match parser.peek() {
        None => Ok(expression),
        Some(other) => Err(parser.wrong(format!(
            "`and`, `or` or the end is expected, not `{}`",
            shown(other)
        ))),
    }
}

/// Reads the name of an attribute that begins at a character.
fn path(text: &str, at: usize) -> Option<AttributePath> {
    let (schema, rest) = match text.rsplit_once(':') {
        Some(("", _)) => return None,
        Some((schema, rest)) => (Some(schema.to_owned()), rest),
        None => (None, text),
    };
    let (name, sub) = match rest.split_once('.') {
        Some((name, sub)) => (name, Some(sub)),
        None => (rest, None),
    };
    let all_fit = is_name(name) && sub.is_none_or(is_name);
    let schema_fits = schema
        .as_deref()
        .is_none_or(|it| it.chars().all(is_of_word));
    (all_fit && schema_fits).then(|| AttributePath {
        schema,
        name: name.to_owned(),
        sub: sub.map(str::to_owned),
        at: TextPlace(at),
    })
}

fn is_name(text: &str) -> bool {
    let rest = text.strip_prefix('$').unwrap_or(text);
    rest.starts_with(|c: char| c.is_ascii_alphabetic())
        && rest
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

/// Returns whether a character may be in a word: in the name of an attribute, a URN, an operator,
/// or a value without quotes.
fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | ':' | '.' | '$' | '/' | '%' | '~' | '+' | '@')
}

fn shown(c: char) -> String {
    c.escape_debug().to_string()
}

/// What paths name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// Attributes of a resource.
    Resource,
    /// Sub-attributes of one value, in brackets.
    Value,
}

struct Parser<'a> {
    text: &'a str,
    /// Where it stands, in bytes.
    at: usize,
    depth: usize,
    n_conditions: usize,
    inside: Inside,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Returns where a byte of the text is, in characters from 1.
    fn character(&self, byte: usize) -> usize {
        let mut ends = (0..=byte).rev();
        let before = ends.find_map(|end| self.text.get(..end));
        before.unwrap_or_default().chars().count() + 1
    }

    fn wrong(&self, what: impl Into<String>) -> ScimFilterError {
        self.wrong_at(self.at, what)
    }

    fn wrong_at(&self, byte: usize, what: impl Into<String>) -> ScimFilterError {
        ScimFilterError::at(self.character(byte), what)
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        self.at += blanks;
    }

    fn skip(&mut self, c: char) -> bool {
        let is_next = self.peek() == Some(c);
        if is_next {
            self.at += c.len_utf8();
        }
        is_next
    }

    /// Returns the word that comes next, which may be empty.
    fn next_word(&self) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default()
    }

    /// Skips a word if it comes next, whatever its letter case.
    fn skip_word(&mut self, word: &str) -> bool {
        let is_next = self.next_word().eq_ignore_ascii_case(word);
        if is_next {
            self.at += word.len();
        }
        is_next
    }

    fn any_of(&mut self) -> Parsed<Expression> {
        let first = self.all_of()?;
        let mut all = vec![first];
        loop {
            self.skip_blanks();
            if !self.skip_word("or") {
                break;
            }
            all.push(self.all_of()?);
        }
        Ok(one_or(all, Expression::Or))
    }

    fn all_of(&mut self) -> Parsed<Expression> {
        let first = self.term()?;
        let mut all = vec![first];
        loop {
            self.skip_blanks();
            if !self.skip_word("and") {
                break;
            }
            all.push(self.term()?);
        }
        Ok(one_or(all, Expression::And))
    }

    fn term(&mut self) -> Parsed<Expression> {
        self.skip_blanks();
        let begin = self.at;
        if self.peek() == Some('(') {
            return self.group();
        }
        if self.skip_word("not") {
            self.skip_blanks();
            if self.peek() == Some('(') {
                return Ok(Expression::Not(Box::new(self.group()?)));
            }
            // An attribute may be called `not`.
            self.at = begin;
        }
        let path = self.path()?;
        if self.peek() == Some('[') {
            return self.within(path);
        }
        self.condition(path)
    }

    fn group(&mut self) -> Parsed<Expression> {
        let open = self.at;
        self.skip('(');
        self.nest(open)?;
        let inner = self.any_of()?;
        self.skip_blanks();
        if !self.skip(')') {
            let open = self.character(open);
            return Err(self.wrong(format!("the parenthesis of character {open} is not closed")));
        }
        self.depth -= 1;
        Ok(inner)
    }

    fn nest(&mut self, open: usize) -> Parsed<()> {
        self.depth += 1;
        match self.depth > MAX_DEPTH {
            true => Err(self.wrong_at(
                open,
                format!("parentheses and brackets are nested more than {MAX_DEPTH} deep"),
            )),
            false => Ok(()),
        }
    }

    fn path(&mut self) -> Parsed<AttributePath> {
        let word = self.next_word();
        if word.is_empty() {
            return Err(match self.peek() {
                None => self.wrong("a condition is expected, such as `userName eq \"maria\"`"),
                Some(c) => self.wrong(format!(
                    "the name of an attribute is expected, not `{}`",
                    shown(c)
                )),
            });
        }
        let found = path(word, self.character(self.at));
        let found = found.ok_or_else(|| {
            let word = word.escape_debug();
            self.wrong(format!("`{word}` is not the name of an attribute"))
        })?;
        self.at += word.len();
        Ok(found)
    }

    fn within(&mut self, path: AttributePath) -> Parsed<Expression> {
        let open = self.at;
        self.skip('[');
        if self.inside == Inside::Value {
            return Err(self.wrong_at(open, "brackets cannot be nested"));
        }
        self.nest(open)?;
        self.inside = Inside::Value;
        let filter = self.any_of()?;
        self.skip_blanks();
        if !self.skip(']') {
            let open = self.character(open);
            return Err(self.wrong(format!("the bracket of character {open} is not closed")));
        }
        self.depth -= 1;
        let filter = if self.skip('.') {
            // Entra sends this, and means one more condition about the same value.
            let sub = self.path()?;
            Expression::And(vec![filter, self.condition(sub)?])
        } else {
            filter
        };
        self.inside = Inside::Resource;
        Ok(Expression::Within {
            path,
            filter: Box::new(filter),
        })
    }

    /// Reads what follows the name of an attribute.
    fn condition(&mut self, path: AttributePath) -> Parsed<Expression> {
        self.n_conditions += 1;
        if self.n_conditions > MAX_CONDITIONS {
            return Err(self.wrong(format!("there are more than {MAX_CONDITIONS} conditions")));
        }
        self.skip_blanks();
        let word = self.next_word();
        if word.eq_ignore_ascii_case("pr") {
            self.at += word.len();
            self.boundary()?;
            let test = Test::Present;
            return Ok(Expression::Test { path, test });
        }
        let mut comparers = Comparer::ALL.into_iter();
        let comparer = comparers.find(|it| word.eq_ignore_ascii_case(it.word()));
        let comparer = comparer.ok_or_else(|| {
            let found = match (word, self.peek()) {
                ("", None) => "the end".to_owned(),
                ("", Some(c)) => format!("`{}`", shown(c)),
                (word, _) => format!("`{}`", word.escape_debug()),
            };
            self.wrong(format!(
                "`eq`, `ne`, `co`, `sw`, `ew`, `gt`, `ge`, `lt`, `le` or `pr` is expected, not \
                 {found}"
            ))
        })?;
        self.at += word.len();
        self.skip_blanks();
        let value = self.literal()?;
        self.boundary()?;
        let test = Test::Compare(comparer, value);
        Ok(Expression::Test { path, test })
    }

    fn literal(&mut self) -> Parsed<Literal> {
        if self.peek() == Some('"') {
            return self.text();
        }
        let word = self.next_word();
        let value = if word.eq_ignore_ascii_case("true") {
            Literal::Boolean(true)
        } else if word.eq_ignore_ascii_case("false") {
            Literal::Boolean(false)
        } else if word.eq_ignore_ascii_case("null") {
            Literal::Null
        } else if let Ok(number) = serde_json::from_str::<Number>(word) {
            Literal::Number(number)
        } else {
            return Err(self.wrong(
                "a value is expected: a text in double quotes, `true`, `false`, `null` or a number",
            ));
        };
        self.at += word.len();
        Ok(value)
    }

    /// Reads a text in quotes, which is written as in JSON.
    fn text(&mut self) -> Parsed<Literal> {
        let begin = self.at;
        let mut escaped = false;
        let mut inner = self.rest().char_indices().skip(1);
        let end = inner.find_map(|(at, c)| match (escaped, c) {
            (false, '"') => Some(at),
            (false, '\\') => {
                escaped = true;
                None
            }
            (true | false, _) => {
                escaped = false;
                None
            }
        });
        let Some(end) = end else {
            return Err(self.wrong_at(
                begin,
                "the text that begins here has no closing quote; a backslash in a text is written \
                 as `\\\\`",
            ));
        };
        let quoted = self.rest().get(..=end).unwrap_or_default();
        let text = serde_json::from_str(quoted).map_err(|error| {
            // serde counts bytes in the line from 1; a text has only one line.
            let inner = error.column().saturating_sub(1).min(quoted.len());
            self.wrong_at(
                begin + inner,
                "this is not a text as JSON writes it: a backslash is written as `\\\\`, a quote as \
                 `\\\"`, and control characters are escaped",
            )
        })?;
        self.at += end + 1;
        Ok(Literal::Text(text))
    }

    /// Fails if a value or `pr` runs into what follows.
    fn boundary(&self) -> Parsed<()> {
        match self.peek() {
            None | Some(' ' | '\t' | '\r' | '\n' | ')' | ']') => Ok(()),
            Some(c) => Err(self.wrong(format!("a blank is missing before `{}`", shown(c)))),
        }
    }
}

/// Returns the only expression, or all of them joined.
fn one_or(mut all: Vec<Expression>, join: fn(Vec<Expression>) -> Expression) -> Expression {
    match (all.len(), all.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            all.extend(last);
            join(all)
        }
    }
}
