//! Rules of separation of duties.

use super::*;

fn with(rules: &str) -> Folder {
    Folder::with(&format!("{rules}\n{GOOD}"))
}

const PAYMENTS: &str = "[[access.sod]]
    name = \"payments\"
    tenants = [\"acme\"]
    left = [\"Clerk\"]
    right = [\"Approver\", \"TenantAdmin\"]";

#[test]
fn a_rule_has_a_name_and_two_sides() {
    let config = with(PAYMENTS).load(&[]).unwrap();

    let [rule] = config.separations.as_slice() else {
        panic!("{:?}", config.separations)
    };
    assert_eq!(rule.name, "payments");
    assert!(rule.is_for(&["acme"]) && !rule.is_for(&["beta", "Beta", "id"]));
    let roles: Vec<String> = rule.roles().into_iter().collect();
    assert_eq!(roles, ["Approver", "Clerk", "TenantAdmin"]);
}

#[test]
fn what_is_wrong_with_a_rule_is_said_by_its_key() {
    let roles = |n: usize| {
        let roles: Vec<String> = (0..n).map(|n| format!("\"role {n}\"")).collect();
        format!("[{}]", roles.join(", "))
    };
    let many = |n| PAYMENTS.replace("[\"Clerk\"]", &roles(n));
    let too_many_rules: String = (0..101)
        .map(|n| PAYMENTS.replace("payments", &format!("rule-{n}")) + "\n")
        .collect();
    for (rules, expected) in [
        (many(50), None),
        (many(51), Some("config.out-of-range access.sod[0].left")),
        (too_many_rules, Some("config.out-of-range access.sod")),
        (
            PAYMENTS.replace("left", "lfet"),
            Some("config.unknown-key access.sod[0].lfet"),
        ),
        (
            PAYMENTS.replace("[\"Clerk\"]", "[]"),
            Some("config.missing-value access.sod[0].left"),
        ),
        (
            PAYMENTS.replace("[\"Clerk\"]", "\"Clerk\""),
            Some("config.wrong-type access.sod[0].left"),
        ),
        (
            PAYMENTS.replace("Clerk", "tenantadmin"),
            Some("config.conflict access.sod[0].right"),
        ),
        (
            PAYMENTS.replace("[\"acme\"]", "[]"),
            Some("config.conflict access.sod[0].tenants"),
        ),
        (
            format!("{PAYMENTS}\n{PAYMENTS}"),
            Some("config.duplicate-name access.sod[1].name"),
        ),
        (
            PAYMENTS.replace("payments", "pay ments"),
            Some("config.bad-name access.sod[0].name"),
        ),
    ] {
        assert_eq!(
            problems_of(&with(&rules), &[]),
            Vec::from_iter(expected),
            "{rules}"
        );
    }
}
