//! Runs a process of a benchmark, and measures what it takes.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Ticks of processor time in a second, as Linux counts them.
const TICKS: f64 = 100.0;

/// What a process took.
#[derive(Debug, Clone, Copy)]
#[allow(dead_code, reason = "each benchmark shows some of it")]
pub struct Cost {
    /// Time by the clock, in seconds.
    pub seconds: f64,
    /// Processor time, in seconds.
    pub processor: f64,
    /// The most memory that it had, in MiB.
    pub peak_mib: f64,
    /// What it wrote to disk, in MiB.
    pub written_mib: f64,
}

/// Runs a process to its end. Its peak memory is the last value that was seen of `VmHWM`, which
/// only grows; its processor time is measured in the same way.
pub fn watch(mut command: Command) -> Result<(Cost, String)> {
    let began = Instant::now();
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let [status, stat, io] =
        ["status", "stat", "io"].map(|file| format!("/proc/{}/{file}", child.id()));
    let output = child.stdout.take().context("its output")?;
    let reader = std::thread::spawn(move || std::io::read_to_string(output));
    let mut peak_kib = 0_f64;
    let mut ticks = 0_f64;
    let mut written = 0_f64;
    loop {
        if let Ok(stat) = std::fs::read_to_string(&stat)
            && let Some((_, fields)) = stat.rsplit_once(") ")
        {
            // User and system time, the twelfth and thirteenth fields after the name.
            let times = fields.split(' ').skip(11).take(2);
            let sum: f64 = times.filter_map(|time| time.parse::<f64>().ok()).sum();
            ticks = ticks.max(sum);
        }
        if let Ok(status) = std::fs::read_to_string(&status)
            && let Some(line) = status.lines().find(|line| line.starts_with("VmHWM"))
        {
            let digits: String = line.chars().filter(char::is_ascii_digit).collect();
            peak_kib = peak_kib.max(digits.parse().unwrap_or(0.0));
        }
        if let Ok(io) = std::fs::read_to_string(&io)
            && let Some(line) = io.lines().find(|line| line.starts_with("write_bytes"))
        {
            let digits: String = line.chars().filter(char::is_ascii_digit).collect();
            written = written.max(digits.parse().unwrap_or(0.0));
        }
        if child.try_wait()?.is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let seconds = began.elapsed().as_secs_f64();
    let output = reader
        .join()
        .map_err(|_panic| anyhow::anyhow!("reading its output"))??;
    Ok((
        Cost {
            seconds,
            processor: ticks / TICKS,
            peak_mib: peak_kib / 1024.0,
            written_mib: written / 1024.0 / 1024.0,
        },
        output,
    ))
}
