//! `store`: shows the store's disk usage, checks it, and frees what it does not need.

use std::path::Path;

use crate::config::Config;
use crate::control::{command, query};
use crate::daemon::Hooks;
use crate::model::{Lack, StoreCheck, StoreUsage};
use crate::store::{Compacted, Store};
use crate::view;

use super::args::{Format, StoreAction};
use super::output::{Printer, Row, print_one};
use super::store_client::{Socket, StoreClient};
use super::style::Tone;
use super::table::{Cell, Column};
use super::{Exit, actor, losses};

const FAULT_COLUMNS: &[Column] = &[Column::new("WHERE", 0), Column::new("WHAT IS WRONG", 0)];

pub(super) async fn run(config: Option<&Path>, action: StoreAction) -> anyhow::Result<Exit> {
    let config = super::begin::load(config)?;
    match action {
        StoreAction::Show(args) => show(&config, args.output).await,
        StoreAction::Check(args) => check(&config, args.output).await,
        StoreAction::Compact(args) => compact(&config, args.output).await,
        StoreAction::Accept(args) => losses::accept(&config, &args).await,
    }
}

async fn show(config: &Config, format: Format) -> anyhow::Result<Exit> {
    let client = StoreClient::open(config, Hooks::none()).await?;
    let status = client.ask(query::Status::default()).await;
    client.close().await?;
    let space = status?.space;
    let mut lines = vec![
        ("FOLDER", config.store.display().to_string().into()),
        ("ON DISK", bytes(space.disk).into()),
    ];
    if space.aside > 0 {
        lines.push((
            "MOVED ASIDE",
            format!(
                "{}; delete it when you no longer need it",
                bytes(space.aside)
            )
            .into(),
        ));
    }
    let live = space.live.map_or_else(
        || "not counted: the store is small, or has little to free".to_owned(),
        bytes,
    );
    lines.push(("LIVE DATA", live.into()));
    lines.push(("JOURNAL", journal(&space).into()));
    lines.push((
        "KEPT FOR",
        kept_for(&space)
            .unwrap_or_else(|| "nothing".to_owned())
            .into(),
    ));
    lines.extend(ahead(&space).map(|ahead| ("CLOCK", ahead.into())));
    lines.extend(lacks(&space).map(|lacks| ("LACKS", lacks.into())));
    print_one(format, &lines, &view::space(&space))?;
    Ok(Exit::Success)
}

/// Asks the daemon, which has the store open, or checks the files itself.
async fn check(config: &Config, format: Format) -> anyhow::Result<Exit> {
    super::begin::start_logging(config)?;
    let checked = if let Some(daemon) = Socket::connect(&config.store).await? {
        let begun = daemon.order(actor::own(), command::CheckStore).await?;
        daemon.outcome_watched(begun).await?
    } else {
        let path = config.store.clone();
        tokio::task::spawn_blocking(move || Store::check_at(&path)).await??
    };
    match format {
        Format::Table => {
            print_one(format, &summary(config, &checked), &view::checked(&checked))?;
            if !checked.is_sound() {
                print_faults(format, &checked)?;
            }
        }
        Format::Csv => print_faults(format, &checked)?,
        Format::Json | Format::Jsonl => print_one(format, &[], &view::checked(&checked))?,
    }
    match checked.is_sound() {
        true => Ok(Exit::Success),
        false => Ok(Exit::Store),
    }
}

fn summary(config: &Config, checked: &StoreCheck) -> [(&'static str, Cell); 4] {
    let StoreCheck {
        format,
        newest_format,
        rows,
        records,
        entries,
        ..
    } = checked;
    let format = match format < newest_format {
        true => format!("{format}, migrated to {newest_format} when it is opened next"),
        false => format.to_string(),
    };
    let tone = match checked.is_sound() {
        true => Tone::Good,
        false => Tone::Bad,
    };
    let tone = Some(tone);
    let faults = match checked.faults.len() as u64 + checked.more_faults {
        0 => "none".to_owned(),
        n if checked.more_faults > 0 => format!("{n}, of which these are the first"),
        n => n.to_string(),
    };
    [
        ("FOLDER", config.store.display().to_string().into()),
        ("FORMAT", format.into()),
        (
            "CHECKED",
            format!("{rows} rows, among them {records} records and {entries} events").into(),
        ),
        ("FAULTS", Cell::from(faults).toned(tone)),
    ]
}

fn print_faults(format: Format, checked: &StoreCheck) -> anyhow::Result<()> {
    let mut printer = Printer::new(&format.into(), FAULT_COLUMNS)?;
    for fault in &checked.faults {
        printer.row(Row {
            cells: vec![fault.place.clone().into(), fault.what.clone().into()],
            json: view::fault(fault),
        })?;
    }
    printer.finish("", "")
}

/// Asks the daemon, which does it while serving, or does it itself.
async fn compact(config: &Config, format: Format) -> anyhow::Result<Exit> {
    super::begin::start_logging(config)?;
    let compacted = if let Some(daemon) = Socket::connect(&config.store).await? {
        let begun = daemon.order(actor::own(), command::CompactStore).await?;
        daemon.outcome_watched(begun).await?
    } else {
        let path = config.store.clone();
        tokio::task::spawn_blocking(move || Store::compact(&path)).await??
    };
    let json = view::compacted(&compacted);
    let Compacted {
        rows,
        live,
        before,
        after,
    } = compacted;
    let lines = [
        ("BEFORE", bytes(before).into()),
        ("AFTER", bytes(after).into()),
        (
            "LIVE DATA",
            format!("{} in {rows} rows", bytes(live)).into(),
        ),
    ];
    print_one(format, &lines, &json)?;
    Ok(Exit::Success)
}

/// The row of `status` for the store.
pub(super) fn row(space: &StoreUsage) -> Row {
    let kept_for = kept_for(space);
    let ahead = ahead(space);
    let lacks = lacks(space);
    let state = match (&kept_for, &ahead, &lacks) {
        (Some(_), _, _) => "kept",
        (None, Some(_), _) => "ahead",
        (None, None, Some(_)) => "no space",
        (None, None, None) => "ok",
    };
    let tone = match state {
        "ok" => Tone::Good,
        _ => Tone::Warn,
    };
    let mut parts = vec![format!("{} on disk", bytes(space.disk)), journal(space)];
    parts.extend(kept_for.map(|kept_for| format!("kept for {kept_for}")));
    parts.extend(ahead);
    parts.extend(lacks);
    Row {
        cells: vec![
            "store".into(),
            Cell::from(state).toned(Some(tone)),
            "".into(),
            parts.join("; ").into(),
        ],
        json: view::space(space),
    }
}

fn journal(space: &StoreUsage) -> String {
    match (space.entries(), space.oldest) {
        (0, _) | (_, None) => "no events in the journal".to_owned(),
        (1, Some(oldest)) => format!("1 event, of {oldest}"),
        (entries, Some(oldest)) => format!("{entries} events since {oldest}"),
    }
}

fn kept_for(space: &StoreUsage) -> Option<String> {
    let kept_for = space.kept_for.as_ref()?;
    Some(format!(
        "endpoint {}, which has not received all events since {}",
        kept_for.endpoint, kept_for.since
    ))
}

fn ahead(space: &StoreUsage) -> Option<String> {
    let ahead = space.ahead?;
    Some(format!(
        "the last event has the time {ahead}, which is in the future: check this machine's clock; \
         what is found until then is kept that much longer"
    ))
}

fn lacks(space: &StoreUsage) -> Option<String> {
    let Lack { needed, free } = space.lacks?;
    Some(format!(
        "compacting would free most of its disk space, but may need {} beside it, and {} are free: \
         free some, and it is done within the hour",
        bytes(needed),
        bytes(free)
    ))
}

/// Writes a number of bytes in units that people read.
fn bytes(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let fits = units.into_iter().find(|(unit, _)| bytes >= *unit);
    match fits {
        Some((unit, name)) => format!("{:.1} {name}", bytes as f64 / unit as f64),
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use crate::model::{Seq, Timestamp};

    use super::*;

    #[test]
    fn a_clock_that_was_ahead_shows() {
        let mut space = StoreUsage {
            disk: 2_048,
            aside: 0,
            live: None,
            lacks: None,
            first: Seq(1),
            last: Seq(1),
            oldest: Some(Timestamp::from_millis(0)),
            kept_for: None,
            ahead: None,
        };
        assert_eq!(row(&space).cells[1].text(), "ok");
        space.ahead = Some(Timestamp::from_millis(4_000_000_000_000));

        let row = row(&space);

        assert_eq!(row.cells[1].text(), "ahead");
        insta::assert_snapshot!(row.cells[3].text(), @"2.0 KiB on disk; 1 event, of 1970-01-01T00:00:00.000Z; the last event has the time 2096-10-02T07:06:40.000Z, which is in the future: check this machine's clock; what is found until then is kept that much longer");
        assert_eq!(row.json["store"]["ahead"], "2096-10-02T07:06:40.000Z");
    }

    #[test]
    fn space_that_is_missing_for_a_compaction_shows() {
        let space = StoreUsage {
            disk: 88 << 20,
            aside: 0,
            live: Some(5 << 20),
            lacks: Some(Lack {
                needed: 31 << 20,
                free: 10 << 20,
            }),
            first: Seq(1),
            last: Seq(0),
            oldest: None,
            kept_for: None,
            ahead: None,
        };

        let row = row(&space);

        assert_eq!(row.cells[1].text(), "no space");
        insta::assert_snapshot!(row.cells[3].text(), @"88.0 MiB on disk; no events in the journal; compacting would free most of its disk space, but may need 31.0 MiB beside it, and 10.0 MiB are free: free some, and it is done within the hour");
        assert_eq!(row.json["store"]["lacks"], 21 << 20);
    }

    #[test]
    fn bytes_read_well() {
        let cases = [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_536, "1.5 KiB"),
            (700 * 1024 * 1024, "700.0 MiB"),
            (3 << 30, "3.0 GiB"),
        ];
        for (number, text) in cases {
            assert_eq!(bytes(number), text);
        }
    }
}
