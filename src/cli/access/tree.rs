//! Draws users, each with roles and the paths to them.

use std::io::Write;

use crate::control::AccessRow;
use crate::model::{TenantName, UserId};
use crate::printable;
use crate::view;

use super::super::output;
use super::super::screen::Screen;
use super::super::style::Tone;

/// A drawing, row by row. Rows of one user must follow each other.
pub(super) struct Tree {
    out: Box<dyn Write>,
    screen: Screen,
    last: Option<(TenantName, UserId)>,
}

impl Tree {
    /// Begins on standard output.
    pub(super) fn begin() -> Self {
        Self {
            out: output::stdout(),
            screen: Screen::of_stdout(),
            last: None,
        }
    }

    /// Draws a role of a user.
    pub(super) fn row(&mut self, tenant: &TenantName, row: &AccessRow) -> anyhow::Result<()> {
        let user = (tenant.clone(), row.user.id.clone());
        if self.last.as_ref() != Some(&user) {
            self.user(tenant, row)?;
            self.last = Some(user);
        }
        let role = view::role_name(&row.role);
        writeln!(self.out, "  {}", printable::line(&role))?;
        for path in &row.paths {
            writeln!(
                self.out,
                "    {}",
                printable::line(&view::path_in_words(path))
            )?;
        }
        Ok(())
    }

    fn user(&mut self, tenant: &TenantName, row: &AccessRow) -> anyhow::Result<()> {
        if self.last.is_some() {
            writeln!(self.out)?;
        }
        let name = printable::line(&row.user.label);
        let name = self.screen.colour.paint(Tone::Bold, name);
        let mut rest = vec![format!("of {tenant}")];
        rest.extend(row.user.email.clone());
        if row.user.is_bot {
            rest.push("bot".to_owned());
        }
        if let Some(barrier) = row.user.barrier {
            rest.push(format!("cannot use it: {}", barrier.word()));
        }
        writeln!(self.out, "{name}  {}", printable::line(&rest.join(", ")))?;
        Ok(())
    }

    /// Ends the drawing. `nothing` is printed if it is empty.
    pub(super) fn end(mut self, nothing: &str) -> anyhow::Result<()> {
        if self.last.is_none() {
            writeln!(self.out, "{nothing}")?;
        }
        Ok(self.out.flush()?)
    }
}
