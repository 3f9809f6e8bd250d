//! What the demo prints.

use std::fmt::Display;
use std::io::{self, Write};

use anyhow::bail;

use crate::cli::Exit;
use crate::cli::style::{Colour, Tone};
use crate::clock::Clock;
use crate::daemon::Ending;
use crate::model::{Kind, Outcome, Run};

use super::stage::Stage;

/// What the demo has shown in the end.
pub(super) struct Told {
    pub(super) happenings: u64,
    pub(super) missed: u64,
    pub(super) unexpected: u64,
    pub(super) events: usize,
    pub(super) delivered: usize,
    pub(super) unverified: u64,
    pub(super) runs: u64,
    pub(super) requests: u64,
}

/// What the demo prints.
pub(super) struct Page {
    pub(super) colour: Colour,
    pub(super) clock: Clock,
}

impl Page {
    pub(super) fn introduce(&self, stage: &Stage) -> anyhow::Result<()> {
        let (tenant, directory) = (&stage.tenant, stage.tenant.directory());
        let mut out = io::stdout().lock();
        let title = self.colour.paint(Tone::Bold, "qlik-roster demo");
        writeln!(out, "\n{title}   (Ctrl-C ends it)\n")?;
        let mut about = |what: &str, text: String| {
            writeln!(
                out,
                "  {}  {text}",
                self.colour.paint(Tone::Dim, format!("{what:<9}"))
            )
        };
        about(
            "tenant",
            format!(
                "{} in {}: {} users, {} groups, {} roles, emulated at {}",
                tenant.name(),
                tenant.region(),
                directory.n_users(),
                directory.groups().len() + directory.system_groups().len(),
                directory.roles().len(),
                tenant.url(),
            ),
        )?;
        about(
            "daemon",
            "the real one, with its store in a temporary folder; asked to sync after \
             each change"
                .to_owned(),
        )?;
        about(
            "receiver",
            "takes signed webhooks and verifies each with the crate \
             standardwebhooks"
                .to_owned(),
        )?;
        if !stage.limited {
            about(
                "limits",
                "off on both sides: a tenant of this size takes minutes under \
                 Qlik's"
                    .to_owned(),
            )?;
        }
        Ok(writeln!(out)?)
    }

    pub(super) fn first_sync(&self, run: &Run) -> anyhow::Result<()> {
        if run.outcome != Outcome::Succeeded {
            bail!("the first sync ended otherwise: {:?}", run.outcome);
        }
        let seen = |kind| run.counts.get(&kind).map_or(0, |counts| counts.seen);
        let took = run.ended_at.unwrap_or(run.started_at).since(run.started_at);
        let about = format!("{:.1} s", took.as_secs_f64());
        let text = format!(
            "{} users, {} groups and {} roles; nobody is told who was there before",
            seen(Kind::User),
            seen(Kind::Group),
            seen(Kind::Role),
        );
        self.line("first sync", Tone::Good, &about, text)
    }

    /// Prints a line: when, what, what about it, and a sentence.
    pub(super) fn line(
        &self,
        what: &str,
        tone: Tone,
        about: &str,
        text: impl Display,
    ) -> anyhow::Result<()> {
        let now = self.clock.now().to_string();
        let time = self
            .colour
            .paint(Tone::Dim, now.get(11..19).unwrap_or_default());
        let what = self.colour.paint(tone, format!("{what:<10}"));
        let about = self.colour.paint(Tone::Dim, format!("{about:<32}"));
        Ok(writeln!(
            io::stdout().lock(),
            "  {time}  {what}  {about}  {text}"
        )?)
    }

    pub(super) fn conclude(&self, told: &Told, ending: Ending) -> anyhow::Result<Exit> {
        let Told {
            happenings,
            missed,
            unexpected,
            events,
            delivered,
            unverified,
            runs,
            requests,
        } = told;
        let all_well =
            *missed == 0 && events == delivered && *unverified == 0 && ending == Ending::Clean;
        let (tone, verdict) = match all_well {
            true => (
                Tone::Good,
                "Every change was delivered, every signature verified.",
            ),
            false => (Tone::Bad, "Something is missing: see above."),
        };
        let mut out = io::stdout().lock();
        writeln!(out, "\n  {}", self.colour.paint(tone, verdict))?;
        writeln!(
            out,
            "  {happenings} things happened, {events} events in the journal, {delivered} delivered, \
             {unverified} with a bad signature,\n  {missed} missed, {unexpected} false;\n  {runs} syncs took {requests} requests.\n"
        )?;
        Ok(if all_well {
            Exit::Success
        } else {
            Exit::Failure
        })
    }
}
