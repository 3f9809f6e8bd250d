//! Whether sessions are read, and for how long users may be without one.

use std::time::Duration;

use super::*;
use crate::access::IdleLimits;
use crate::sync::SessionReadings;

const DAY: Duration = Duration::from_secs(24 * 3600);

#[test]
fn sessions_are_read_where_a_setting_says_so() {
    use SessionReadings::{Off, On};
    for (usual, own, expected) in [
        ("", "", Off),
        ("sessions = true", "", On),
        ("sessions = true", "sessions = false", Off),
        ("", "sessions = true", On),
    ] {
        let good = GOOD.replace(
            "connection = \"eu\"",
            &format!("connection = \"eu\"\n{own}"),
        );
        let config = Folder::with(&format!("[access]\n{usual}\n{good}"));
        let config = config.load(&[]).unwrap();

        assert_eq!(config.tenants[0].sessions, expected, "{usual}, {own}");
        assert_eq!(config.idle_limits, IdleLimits::default());
    }
}

#[test]
fn a_time_without_a_session_has_bounds_and_may_be_off() {
    for (text, expected) in [
        ("1d", Ok(Some(DAY))),
        ("1098d", Ok(Some(DAY * 1098))),
        ("off", Ok(None)),
        ("23h", Err("config.out-of-range access.idle_admin")),
        ("1099d", Err("config.out-of-range access.idle_admin")),
        ("soon", Err("config.out-of-range access.idle_admin")),
    ] {
        let folder = Folder::with(&format!("[access]\nidle_admin = \"{text}\"\n{GOOD}"));

        match expected {
            Ok(limit) => {
                let config = folder.load(&[]).unwrap();
                assert_eq!(config.idle_limits.admin, limit, "{text}");
            }
            Err(problem) => assert_eq!(problems_of(&folder, &[]), [problem], "{text}"),
        }
    }
}
