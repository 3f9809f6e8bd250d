//! What schedules mean, by tables and by laws.

use proptest::prelude::*;

use super::*;

const NO_JITTER: Duration = Duration::ZERO;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// Follows a schedule from a point in time and returns what comes, in UTC.
fn follow(text: &str, zone: Tz, start: &str, count: usize) -> Vec<String> {
    let schedule = Schedule::parse(text, zone).unwrap();
    let mut last = at(start);
    (0..count)
        .map(|_| {
            last = schedule.next_after(last, last, NO_JITTER);
            last.to_string().replace(":00.000Z", "Z")
        })
        .collect()
}

#[test]
fn after_a_failure_the_next_run_comes_soon_and_backs_off_whatever_the_schedule() {
    let (began, ended) = (at("2026-03-01T10:00:00Z"), at("2026-03-01T10:05:00Z"));
    let minute = Duration::from_secs(60);
    for (text, n_failures, minutes) in [
        ("7d", 0, 7 * 24 * 60),
        ("7d", 1, 5 + 1),
        ("7d", 2, 5 + 2),
        ("7d", 3, 5 + 4),
        ("7d", 6, 5 + 32),
        ("7d", 7, 5 + 60),
        ("7d", u32::MAX, 5 + 60),
        ("@weekly", 1, 5 + 1),
        ("10m", 1, 5 + 1),
        ("10m", 7, 10),
        ("90s", 1, 5),
    ] {
        let schedule = Schedule::parse(text, Tz::UTC).unwrap();
        let last = Last {
            began,
            ended,
            n_failures,
        };

        let due = schedule.next(last, ended, NO_JITTER);

        assert_eq!(due, began.plus(minute * minutes), "{text}, {n_failures}");
        // A clock that was set back does not put it off, and what was missed is due at once.
        assert!(schedule.next(last, began, NO_JITTER) <= due);
        let late = due.plus(minute);
        assert_eq!(schedule.next(last, late, NO_JITTER), late);
    }
}

#[test]
fn expressions_mean_what_crontab_says() {
    // 2026-03-01 is a Sunday.
    for (text, expected) in [
        ("0 */4 * * *", ["2026-03-01T04:00Z", "2026-03-01T08:00Z"]),
        ("*/15 * * * *", ["2026-03-01T00:15Z", "2026-03-01T00:30Z"]),
        ("30 2 * * *", ["2026-03-01T02:30Z", "2026-03-02T02:30Z"]),
        ("0 6 * * 0", ["2026-03-01T06:00Z", "2026-03-08T06:00Z"]),
        ("0 6 * * 7", ["2026-03-01T06:00Z", "2026-03-08T06:00Z"]),
        ("0 6 * * sun", ["2026-03-01T06:00Z", "2026-03-08T06:00Z"]),
        ("0 6 * * 1-5", ["2026-03-02T06:00Z", "2026-03-03T06:00Z"]),
        (
            "0 6 * * mon-fri",
            ["2026-03-02T06:00Z", "2026-03-03T06:00Z"],
        ),
        ("0 6 * * 5-7", ["2026-03-01T06:00Z", "2026-03-06T06:00Z"]),
        (
            "0 6 * * sat-sun",
            ["2026-03-01T06:00Z", "2026-03-07T06:00Z"],
        ),
        ("0 6 * * 1-5/2", ["2026-03-02T06:00Z", "2026-03-04T06:00Z"]),
        ("0 6 * * */3", ["2026-03-01T06:00Z", "2026-03-04T06:00Z"]),
        ("0 6 * * Tue,4", ["2026-03-03T06:00Z", "2026-03-05T06:00Z"]),
        // Day of month or day of week.
        ("0 6 4 * 1", ["2026-03-02T06:00Z", "2026-03-04T06:00Z"]),
        ("0 6 1 jan *", ["2027-01-01T06:00Z", "2028-01-01T06:00Z"]),
        ("@daily", ["2026-03-02T00:00Z", "2026-03-03T00:00Z"]),
        // Six and seven fields, where 1 is Sunday.
        ("0 0 6 * * 2", ["2026-03-02T06:00Z", "2026-03-09T06:00Z"]),
        (
            "0 0 6 1 1 * 2030-2031",
            ["2030-01-01T06:00Z", "2031-01-01T06:00Z"],
        ),
    ] {
        assert_eq!(
            follow(text, Tz::UTC, "2026-03-01T00:00:00Z", 2),
            expected,
            "{text}"
        );
    }
}

#[test]
fn what_is_no_schedule_says_why() {
    use InvalidSchedule as Why;
    let not = |text: &str| Why::NotASchedule {
        text: text.to_owned(),
    };
    for (text, why) in [
        ("", not("")),
        (
            "15",
            Why::NoUnit {
                text: "15".to_owned(),
            },
        ),
        ("+15m", not("+15m")),
        ("15 m", Why::Fields { n_fields: 2 }),
        ("m", not("m")),
        ("9s", Why::OutOfBounds),
        ("8d", Why::OutOfBounds),
        ("99999999999999999999d", not("99999999999999999999d")),
        ("0 0 30 2 *", Why::Never),
        ("* * * * * *", Why::TooOften),
        ("*/10 * * * * *", Why::TooOften),
        ("1 2 3 4 5 6 7 8", Why::Fields { n_fields: 8 }),
        (
            "0 6 * * 5-1",
            Why::Field {
                field: "5-1".to_owned(),
                reason: "the range runs backwards".to_owned(),
            },
        ),
        (
            "0 6 * * 8",
            Why::Field {
                field: "8".to_owned(),
                reason: "days of the week are 0 to 7 or sun to sat".to_owned(),
            },
        ),
    ] {
        assert_eq!(Schedule::parse(text, Tz::UTC), Err(why), "{text:?}");
    }
    for text in ["61 * * * *", "a * * * *", "@reboot", "*/0 * * * *"] {
        let refused = Schedule::parse(text, Tz::UTC).is_err();
        assert!(refused, "{text:?}");
    }
}

#[test]
fn clocks_that_are_set_neither_lose_nor_double_a_run() {
    // Berlin goes from 02:00 to 03:00 on 2026-03-29 at 01:00 UTC, and from 03:00 back to
    // 02:00 on 2026-10-25 at 01:00 UTC.
    for (text, start, expected) in [
        // Skipped by the clock: an hour later that day, and as ever the next.
        (
            "30 2 * * *",
            "2026-03-28T12:00:00Z",
            vec![
                "2026-03-29T01:30Z",
                "2026-03-30T00:30Z",
                "2026-03-31T00:30Z",
            ],
        ),
        // Struck twice: the first counts.
        (
            "30 2 * * *",
            "2026-10-24T12:00:00Z",
            vec!["2026-10-25T00:30Z", "2026-10-26T01:30Z"],
        ),
        // In every hour: every half hour of real time, through both.
        (
            "*/30 * * * *",
            "2026-03-29T00:15:00Z",
            vec![
                "2026-03-29T00:30Z",
                "2026-03-29T01:00Z",
                "2026-03-29T01:30Z",
            ],
        ),
        (
            "*/30 * * * *",
            "2026-10-25T00:15:00Z",
            vec![
                "2026-10-25T00:30Z",
                "2026-10-25T01:00Z",
                "2026-10-25T01:30Z",
                "2026-10-25T02:00Z",
            ],
        ),
        (
            "0 0 * * *",
            "2026-03-28T12:00:00Z",
            vec!["2026-03-28T23:00Z", "2026-03-29T22:00Z"],
        ),
    ] {
        let found = follow(text, Tz::Europe__Berlin, start, expected.len());
        assert_eq!(found, expected, "{text} from {start}");
    }
}

#[test]
fn an_interval_knows_no_zone() {
    let found = follow("1h", Tz::Europe__Berlin, "2026-03-29T00:30:00Z", 2);

    assert_eq!(found, ["2026-03-29T01:30Z", "2026-03-29T02:30Z"]);
}

#[test]
fn what_was_missed_is_due_at_once_and_once() {
    for text in ["15m", "0 * * * *"] {
        let schedule = Schedule::parse(text, Tz::UTC).unwrap();
        let (last, now) = (at("2026-03-01T00:00:00Z"), at("2026-03-01T09:59:00Z"));

        let due = schedule.next_after(last, now, Duration::from_secs(60));

        assert_eq!(due, now, "{text}");
        assert!(schedule.next_after(due, now, NO_JITTER) > now, "{text}");
    }
}

#[test]
fn an_expression_that_has_run_out_is_never_due() {
    let schedule = Schedule::parse("0 0 6 1 1 * 2020", Tz::UTC).unwrap();
    let now = at("2026-03-01T00:00:00Z");

    let due = schedule.next_after(now, now, Duration::from_secs(60));

    assert_eq!(due, Timestamp::from_millis(i64::MAX));
}

fn schedules() -> impl Strategy<Value = Schedule> {
    let text = prop_oneof![
        (10_u64..600_000).prop_map(|seconds| format!("{seconds}s")),
        (0_u32..60, 0_u32..24, 0_u32..8).prop_map(|(m, h, d)| format!("{m} {h} * * {d}")),
        (1_u32..60).prop_map(|step| format!("*/{step} * * * *")),
        (0_u32..60, 1_u32..24).prop_map(|(m, step)| format!("{m} */{step} * * *")),
    ];
    let zone = prop::sample::select(vec![
        Tz::UTC,
        Tz::Europe__Berlin,
        Tz::America__St_Johns,
        Tz::Australia__Lord_Howe,
        Tz::Pacific__Apia,
    ]);
    (text, zone).prop_map(|(text, zone)| Schedule::parse(&text, zone).unwrap())
}

proptest! {
    #[test]
    fn a_run_is_never_due_in_the_past_and_the_next_is_always_to_come(
        schedule in schedules(),
        last in 1_200_000_000_000_i64..2_000_000_000_000,
        passed in -1_000_000_000_i64..1_000_000_000,
        jitter in 0_u64..7200,
    ) {
        let (last, now) = (Timestamp::from_millis(last), Timestamp::from_millis(last + passed));
        let jitter = Duration::from_secs(jitter);

        let due = schedule.next_after(last, now, jitter);

        prop_assert!(due >= now);
        prop_assert!(schedule.next_after(now, now, jitter) > now);
        prop_assert!(schedule.next_after(last.min(now), last.min(now), jitter) > last.min(now));
    }

    #[test]
    fn nothing_waits_longer_than_one_interval_and_its_jitter(
        seconds in 10_u64..=604_800,
        last in 0_i64..2_000_000_000_000,
        now in 0_i64..2_000_000_000_000,
        jitter in 0_u64..7200,
    ) {
        let schedule = Schedule::parse(&format!("{seconds}s"), Tz::UTC).unwrap();
        let (last, now) = (Timestamp::from_millis(last), Timestamp::from_millis(now));

        let due = schedule.next_after(last, now, Duration::from_secs(jitter));

        let interval = Duration::from_secs(seconds);
        prop_assert!(due.since(now) <= interval + interval / 2);
    }

    #[test]
    fn a_schedule_survives_its_text(schedule in schedules()) {
        let Rule::Every(_) = schedule.rule else { return Ok(()) };

        prop_assert_eq!(&Schedule::parse(&schedule.to_string(), Tz::UTC).unwrap(), &schedule);
    }
}

#[test]
fn a_field_that_cannot_be_is_named_with_what_can() {
    let said = |text: &str| Schedule::parse(text, Tz::UTC).unwrap_err().to_string();
    let behind = "; `1,2`, `1-5`, `*` and `*/5` also stand for several";

    for (text, expected) in [
        (
            "61 * * * *",
            "`61` in the cron expression: minutes are 0 to 59",
        ),
        (
            "mon * * * *",
            "`mon` in the cron expression: minutes are 0 to 59",
        ),
        (
            "0 25 * * *",
            "`25` in the cron expression: hours are 0 to 23",
        ),
        (
            "0 0 32 * *",
            "`32` in the cron expression: days of the month are 1 to 31",
        ),
        (
            "0 0 1 13 *",
            "`13` in the cron expression: months are 1 to 12 or jan to dec",
        ),
        (
            "60 0 0 1 1 *",
            "`60` in the cron expression: seconds are 0 to 59",
        ),
        (
            "0 0 0 * * 8",
            "`8` in the cron expression: days of the week are 1 (Sunday) to 7 or sun to sat",
        ),
        (
            "0 0 0 1 1 * 2",
            "`2` in the cron expression: years are 1970 to 2100",
        ),
    ] {
        assert_eq!(said(text), format!("{expected}{behind}"));
    }
    assert_eq!(said("15"), "`15` has no unit: `s`, `m`, `h` or `d`");
}
