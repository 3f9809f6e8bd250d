//! Which values a filter names, so that records can be looked up instead of searched.

use super::check::spelling;
use super::tree::{AttributePath, Comparer, Expression, Literal, ScimFilter, Test, TextPlace};

impl ScimFilter {
    /// Returns the values that one of some attributes must have, if the filter can only match
    /// resources that have one of them; `None` if it may match others. Letter case may differ.
    pub fn pinned(&self, names: &[&str]) -> Option<Vec<(String, String)>> {
        pinned(&self.0, names)
    }
}

fn pinned(expression: &Expression, names: &[&str]) -> Option<Vec<(String, String)>> {
    match expression {
        Expression::And(all) => all.iter().find_map(|it| pinned(it, names)),
        Expression::Or(all) => {
            let all: Option<Vec<_>> = all.iter().map(|it| pinned(it, names)).collect();
            Some(all?.concat())
        }
        Expression::Not(_) => None,
        Expression::Test { path, test } => {
            let AttributePath {
                schema: _,
                name,
                sub,
                at: TextPlace(_),
            } = path;
            let name = match sub {
                Some(sub) => format!("{name}.{sub}"),
                None => name.clone(),
            };
            let known = names.iter().find(|it| it.eq_ignore_ascii_case(&name))?;
            match test {
                Test::Compare(Comparer::Equal, literal) if *literal != Literal::Null => {
                    Some(vec![((*known).to_owned(), spelling(literal))])
                }
                Test::Compare(..) | Test::Present => None,
            }
        }
        Expression::Within { path, filter } => {
            let inner = pinned(filter, &["value"])?;
            let name = format!("{}.value", path.name);
            let known = names.iter().find(|it| it.eq_ignore_ascii_case(&name))?;
            let values = inner.into_iter();
            Some(
                values
                    .map(|(_, value)| ((*known).to_owned(), value))
                    .collect(),
            )
        }
    }
}

/// How a filter compares the values of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compared {
    /// Each of its conditions is about one of these values, named by `eq`.
    With(Vec<String>),
    /// In other ways as well.
    Otherwise,
}

impl ScimFilter {
    /// Returns how the filter compares the values of a list.
    pub fn compared(&self, name: &str) -> Compared {
        let mut values = Vec::new();
        match compared(&self.0, name, &mut values) {
            Some(()) => Compared::With(values),
            None => Compared::Otherwise,
        }
    }
}

/// Collects the values; `None` if there is another comparison.
fn compared(expression: &Expression, name: &str, values: &mut Vec<String>) -> Option<()> {
    match expression {
        Expression::And(all) | Expression::Or(all) => {
            all.iter().try_for_each(|it| compared(it, name, values))
        }
        Expression::Not(inner) => compared(inner, name, values),
        Expression::Test { path, .. } | Expression::Within { path, .. } => {
            if !path.name.eq_ignore_ascii_case(name) {
                return Some(());
            }
            let (whole, value) = (name.to_owned(), format!("{name}.value"));
            let named = pinned(expression, &[&whole, &value])?;
            values.extend(named.into_iter().map(|(_, value)| value));
            Some(())
        }
    }
}
