//! Which tenants of an organization are selected: the filter for the console, and our rules.

use std::collections::BTreeSet;

use glob::{MatchOptions, Pattern};

/// Which tenants of an organization are selected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only tenants of this subscription.
    pub subscription: Option<String>,
    /// Only tenants in these regions, by the console's codes; empty for all.
    pub regions: BTreeSet<String>,
    /// Only tenants with these statuses; empty for all but `deleted`.
    pub statuses: BTreeSet<String>,
    /// Only tenants that match one of these rules; empty for all.
    pub include: Vec<Rule>,
    /// No tenants that match one of these rules.
    pub exclude: Vec<Rule>,
}

/// A pattern for names and host names: `*` is any text, `?` one character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule(Pattern);

/// The text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a pattern")]
pub struct InvalidRule {
    text: String,
}

impl Rule {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Self, InvalidRule> {
        let invalid = || InvalidRule {
            text: text.to_owned(),
        };
        if text.trim().is_empty() {
            return Err(invalid());
        }
        Pattern::new(text).map(Self).map_err(|_why| invalid())
    }

    fn fits(&self, text: &str) -> bool {
        // A tenant's name may contain anything; host names ignore case.
        let options = MatchOptions {
            case_sensitive: false,
            require_literal_separator: false,
            require_literal_leading_dot: false,
        };
        self.0.matches_with(text, options)
    }
}

impl Selection {
    /// Returns the filter to send to the console.
    pub(super) fn filter(&self) -> String {
        let mut parts = Vec::new();
        if let Some(subscription) = &self.subscription {
            parts.push(format!("subscriptionId eq {}", quoted(subscription)));
        }
        parts.extend(any_of("regionCode", &self.regions));
        parts.push(
            any_of("status", &self.statuses).unwrap_or_else(|| "status ne \"deleted\"".to_owned()),
        );
        parts.join(" and ")
    }

    /// Returns whether a region and status are selected, in case the console sent others too.
    pub(super) fn holds(&self, region: Option<&str>, status: &str) -> bool {
        let within = |set: &BTreeSet<String>, text: &str| {
            set.iter().any(|one| one.eq_ignore_ascii_case(text))
        };
        // A tenant without a region cannot be judged by region: it stays.
        let region_fits =
            self.regions.is_empty() || region.is_none_or(|region| within(&self.regions, region));
        let status_fits = match self.statuses.is_empty() {
            true => !status.eq_ignore_ascii_case("deleted"),
            false => within(&self.statuses, status),
        };
        region_fits && status_fits
    }

    /// Returns whether the rules include a tenant, by its name and host names.
    pub fn admits(&self, names: &[&str]) -> bool {
        let fits = |rules: &[Rule]| {
            let mut names = names.iter();
            names.any(|name| rules.iter().any(|rule| rule.fits(name)))
        };
        (self.include.is_empty() || fits(&self.include)) && !fits(&self.exclude)
    }
}

fn any_of(attribute: &str, values: &BTreeSet<String>) -> Option<String> {
    let clauses: Vec<String> = values
        .iter()
        .map(|value| format!("{attribute} eq {}", quoted(value)))
        .collect();
    match clauses.as_slice() {
        [] => None,
        [only] => Some(only.clone()),
        several => Some(format!("({})", several.join(" or "))),
    }
}

/// Quotes a text for a filter. RFC 7644 writes strings as JSON does.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(include: &[&str], exclude: &[&str]) -> Selection {
        let rules = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| Rule::parse(text).unwrap())
                .collect()
        };
        Selection {
            include: rules(include),
            exclude: rules(exclude),
            ..Selection::default()
        }
    }

    #[test]
    fn the_console_is_asked_for_what_is_meant() {
        let set = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        for (subscription, regions, statuses, expected) in [
            (None, set(&[]), set(&[]), r#"status ne "deleted""#),
            (
                Some("s\"1"),
                set(&["eu-west-1"]),
                set(&["active"]),
                r#"subscriptionId eq "s\"1" and regionCode eq "eu-west-1" and status eq "active""#,
            ),
            (
                None,
                set(&["us-east-1", "eu-west-1"]),
                set(&["disabled", "active"]),
                r#"(regionCode eq "eu-west-1" or regionCode eq "us-east-1") and (status eq "active" or status eq "disabled")"#,
            ),
        ] {
            let selection = Selection {
                subscription: subscription.map(str::to_owned),
                regions,
                statuses,
                ..Selection::default()
            };

            assert_eq!(selection.filter(), expected);
        }
    }

    #[test]
    fn what_the_console_sends_besides_is_left_out() {
        let of = |regions: &[&str], statuses: &[&str]| Selection {
            regions: regions.iter().map(ToString::to_string).collect(),
            statuses: statuses.iter().map(ToString::to_string).collect(),
            ..Selection::default()
        };
        for (selection, region, status, holds) in [
            (of(&[], &[]), Some("eu-west-1"), "active", true),
            (of(&[], &[]), None, "deleted", false),
            (of(&["eu-west-1"], &[]), Some("EU-WEST-1"), "active", true),
            (of(&["eu-west-1"], &[]), Some("us-east-1"), "active", false),
            (of(&["eu-west-1"], &[]), None, "active", true),
            (of(&[], &["active"]), None, "disabled", false),
            (of(&[], &["active"]), None, "Active", true),
        ] {
            assert_eq!(
                selection.holds(region, status),
                holds,
                "{region:?} {status}"
            );
        }
    }

    #[test]
    fn rules_look_at_names_and_host_names() {
        let names = [
            "Acme Sales (EU)",
            "x1y2.eu.qlikcloud.com",
            "acme-sales.eu.qlikcloud.com",
        ];
        for (include, exclude, admitted) in [
            (&[][..], &[][..], true),
            (&["acme-*"], &[], true),
            (&["ACME-*.EU.*"], &[], true),
            (&["*sales*"], &[], true),
            (&["other-*", "acme sales*"], &[], true),
            (&["sales"], &[], false),
            (&["*.us.qlikcloud.com"], &[], false),
            (&[], &["*sales*"], false),
            (&["acme-*"], &["x1y2.*"], false),
            (&["acme-sale?.*"], &["acme-test*"], true),
        ] {
            let selection = selection(include, exclude);

            assert_eq!(
                selection.admits(&names),
                admitted,
                "{include:?} {exclude:?}"
            );
        }
        for text in ["", " ", "[a", "***"] {
            assert!(Rule::parse(text).is_err(), "{text:?}");
        }
    }
}
