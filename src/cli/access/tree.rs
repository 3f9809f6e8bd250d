//! Draws users, each with roles and the paths to them.

use std::io::Write;

use crate::control::{AccessPerson, AccessRow, ShareGrant, SpaceGrant, SpaceRow, UserSpaces};
use crate::model::{TenantName, UserId};
use crate::printable;
use crate::view::{self, PathNames};

use super::super::output;
use super::super::screen::Screen;
use super::super::style::Tone;
use super::space_words;

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
        self.begin_user(tenant, &row.user)?;
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

    /// Draws the access of a user to a space.
    pub(super) fn space_row(
        &mut self,
        tenant: &TenantName,
        names: &PathNames,
        row: &SpaceRow,
    ) -> anyhow::Result<()> {
        self.begin_user(tenant, &row.user)?;
        self.grants(names, &row.grants, "")?;
        self.shares(names, &row.shares, "")?;
        if let (true, Some(role)) = (row.grants.is_empty(), &row.could_by) {
            let role = view::role_name(role);
            self.line("  none")?;
            self.line(&format!("    could take a role by {role}"))?;
        }
        Ok(())
    }

    /// Draws the spaces of a user.
    pub(super) fn spaces(
        &mut self,
        tenant: &TenantName,
        user: &AccessPerson,
        spaces: &UserSpaces,
    ) -> anyhow::Result<()> {
        for of_user in &spaces.spaces {
            self.begin_user(tenant, user)?;
            let there = format!(" in {}", of_user.space.name);
            self.grants(&spaces.names, &of_user.grants, &there)?;
            self.shares(&spaces.names, &of_user.shares, &there)?;
        }
        Ok(())
    }

    fn grants(
        &mut self,
        names: &PathNames,
        grants: &[SpaceGrant],
        there: &str,
    ) -> anyhow::Result<()> {
        for grant in grants {
            let grant = std::slice::from_ref(grant);
            self.line(&format!("  {}{there}", space_words::roles(grant)))?;
            self.line(&format!("    {}", space_words::paths(names, grant)))?;
        }
        Ok(())
    }

    fn shares(
        &mut self,
        names: &PathNames,
        shares: &[ShareGrant],
        there: &str,
    ) -> anyhow::Result<()> {
        for share in shares {
            let app = space_words::apps(std::slice::from_ref(share));
            self.line(&format!("  app {app}{there}"))?;
            self.line(&format!("    {}", space_words::path(names, &share.path)))?;
        }
        Ok(())
    }

    fn line(&mut self, line: &str) -> anyhow::Result<()> {
        Ok(writeln!(self.out, "{}", printable::line(line))?)
    }

    fn begin_user(&mut self, tenant: &TenantName, user: &AccessPerson) -> anyhow::Result<()> {
        let of_tenant = (tenant.clone(), user.id.clone());
        if self.last.as_ref() != Some(&of_tenant) {
            self.user(tenant, user)?;
            self.last = Some(of_tenant);
        }
        Ok(())
    }

    fn user(&mut self, tenant: &TenantName, user: &AccessPerson) -> anyhow::Result<()> {
        if self.last.is_some() {
            writeln!(self.out)?;
        }
        let name = printable::line(&user.label);
        let name = self.screen.colour.paint(Tone::Bold, name);
        let mut rest = vec![format!("of {tenant}")];
        rest.extend(user.email.clone());
        if user.is_bot {
            rest.push("bot".to_owned());
        }
        if let Some(barrier) = user.barrier {
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
