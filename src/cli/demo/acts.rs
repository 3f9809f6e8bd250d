//! The three stories: a leaver who keeps rights, a held mass deletion, and a receiver that goes
//! down.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::control::query::{FindingStanding, PlanChoice};
use crate::control::{
    ConcernRow, ConcernSubject, EndpointState, PlanRow, Severity, command, query,
};
use crate::demo::tenant::{Edit, NewUser, Status, User};
use crate::model::{Loss, Outcome, PlanState, Role, UserId, losses_in_words};

use crate::sync::Limits;

use super::board::Ink;
use super::proof::{Held, Leaver, Outage, Proof};
use super::show::Show;
use super::wanted::{Wanted, expected};

/// The role that the leaver keeps.
const ADMIN: &str = Role::TENANT_ADMIN;

/// How many things happen while the receiver is down.
const MEANWHILE: usize = 4;

/// How many people a story shows.
const FACES: usize = 6;

/// How long the daemon may take to notice that the receiver is down.
const NOTICE: Duration = Duration::from_secs(30);

impl Show {
    /// Tells the stories in order; breaks when the demo should end.
    pub(super) async fn stories(&mut self, proof: &mut Proof) -> anyhow::Result<ControlFlow<()>> {
        if self.pause(1).await.is_break() || self.leaver(proof).await?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        if self.mass_deletion(proof).await?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        self.outage(proof).await
    }

    async fn leaver(&mut self, proof: &mut Proof) -> anyhow::Result<ControlFlow<()>> {
        self.page.story(1)?;
        let role = self.stage.tenant.directory().role_named(ADMIN);
        let role = role.context("the emulated tenant has no administrator's role")?;
        let user = match self.somebody() {
            Some(user) => user,
            None => self.hire(proof).await?,
        };
        let name = user.name.clone();
        let faces = [(user.id.clone(), name.clone())];
        self.page
            .caption(&format!("{name} is made an administrator of the tenant."))?;
        self.edit(
            &user,
            Edit::AssignRole(role.clone()),
            &format!("{name} gains {ADMIN}"),
            proof,
        )
        .await?;
        proof.payload = self.stage.deliveries().last().map(|last| last.body.clone());
        self.show_people(&faces).await?;
        if self.pause(2).await.is_break() {
            return Ok(ControlFlow::Break(()));
        }

        self.page.caption(&format!(
            "{name} leaves the company. The account is disabled, and nobody thinks of the role."
        ))?;
        self.edit(
            &user,
            Edit::Status(Status::Disabled),
            &format!("{name} is disabled"),
            proof,
        )
        .await?;
        self.show_people(&faces).await?;
        let Some(concern) = self.concern(&user.id).await? else {
            bail!("nothing was found of an administrator whose account is disabled");
        };
        let code = concern.concern.code.code();
        self.page.alert(
            Ink::Bad,
            "finding",
            &format!(
                "{code}: {name} left and still holds {ADMIN}. Once somebody enables the account \
                 again, it is an administrator."
            ),
        )?;
        if self.pause(4).await.is_break() {
            return Ok(ControlFlow::Break(()));
        }

        self.page
            .caption("Somebody looked, and takes the role away.")?;
        self.edit(
            &user,
            Edit::UnassignRole(role),
            &format!("{name} loses {ADMIN}"),
            proof,
        )
        .await?;
        self.show_people(&faces).await?;
        if self.concern(&user.id).await?.is_some() {
            bail!("a finding stays after what was found is mended");
        }
        self.page
            .alert(Ink::Good, "no finding", "Nothing is left to look at.")?;
        proof.leaver = Some(Leaver { name, code });
        Ok(self.pause(2).await)
    }

    async fn mass_deletion(&mut self, proof: &mut Proof) -> anyhow::Result<ControlFlow<()>> {
        self.page.story(2)?;
        let leavers = self.crowd();
        let n_people = leavers.len() as u64;
        let n_known = self.stage.tenant.directory().n_users();
        let faces: Vec<_> = leavers.iter().take(FACES).cloned().collect();
        self.show_people(&faces).await?;
        self.page.caption(&format!(
            "{n_people} of {n_known} people vanish from the tenant at once. Did they leave, or did \
             a sync go wrong? qlik-roster asks before it believes it."
        ))?;
        for (user, _) in &leavers {
            self.stage.tenant.directory().delete_user(user)?;
        }
        self.page
            .change(&format!("{n_people} people are deleted"))?;
        let newcomer = NewUser::named("Ada Lovelace");
        let joined = self.stage.tenant.directory().create_user(newcomer)?;
        self.page.change("Ada Lovelace joins")?;
        proof.n_happened += n_people + 1;
        let began = Instant::now();
        match self.sync().await? {
            Outcome::Held => {}
            other => bail!("removals of {n_people} people were not held: {other:?}"),
        }
        // Everything else in the same run is applied, and no deletion is sent.
        let wanted = vec![Wanted::new("user.created", joined), Wanted::held()];
        self.await_all(wanted, began, proof).await?;
        let plan = self.held_plan().await?.plan;
        self.show_people(&faces).await?;
        self.page.alert(
            Ink::Alert,
            "held",
            &format!(
                "{} is held: {}. Nobody was told; all else went on.",
                plan.id,
                losses_in_words(&plan.losses)
            ),
        )?;
        if self.pause(4).await.is_break() {
            return Ok(ControlFlow::Break(()));
        }

        self.page.caption(&format!(
            "An operator has looked: an office was sold, and they did leave. So: qlik-roster plan \
             approve {}",
            plan.id
        ))?;
        let began = Instant::now();
        let id = plan.id;
        let approved = self.order(command::Approve { id }).await?;
        self.outcome(approved.run).await?;
        let plan = self.ask(query::Plan { id }).await?;
        match plan.context("the plan is not there")?.plan.state {
            PlanState::Applied { .. } => {}
            state => bail!("{id} is {} after all", state.word()),
        }
        let wanted = leavers
            .iter()
            .map(|(user, _)| Wanted::new("user.deleted", user));
        self.await_all(wanted.collect(), began, proof).await?;
        self.show_people(&faces).await?;
        let text = format!("{id} is applied: {n_people} deletions were delivered.");
        self.page.alert(Ink::Good, "applied", &text)?;
        proof.held = Some(Held { plan: id, n_people });
        Ok(self.pause(3).await)
    }

    async fn outage(&mut self, proof: &mut Proof) -> anyhow::Result<ControlFlow<()>> {
        self.page.story(3)?;
        self.page
            .caption("The receiver dies. Life in the tenant goes on.")?;
        self.kill_receiver().await;
        let began = Instant::now();
        self.page.receiver(Ink::Bad, " DOWN ");
        let mut life = self.life();
        let (mut wanted, mut faces) = (Vec::new(), Vec::new());
        for _ in 0..MEANWHILE {
            let happening = life.step().context("making something happen")?.happening;
            proof.n_happened += 1;
            self.page.change(&happening.to_string())?;
            wanted.extend(expected(&happening));
            faces.extend(happening.user());
            match self.sync().await? {
                Outcome::Succeeded => {}
                other => bail!("a sync ended unexpectedly: {other:?}"),
            }
            self.show_people(&faces).await?;
            self.notice(wanted.len() as u64).await?;
            if self.pause(1).await.is_break() {
                break;
            }
        }
        self.page
            .caption("The receiver is back. Nobody has to do anything.")?;
        self.revive_receiver().await?;
        let lasted = began.elapsed();
        self.page
            .receiver(Ink::Good, "up, verifies every signature");
        let n_events = wanted.len() as u64;
        self.await_all(wanted, Instant::now(), proof).await?;
        let text = format!("All {n_events} events were delivered, once each.");
        self.page.alert(Ink::Good, "recovered", &text)?;
        proof.outage = Some(Outage { lasted, n_events });
        Ok(self.pause(2).await)
    }

    /// Waits until the daemon has noticed that the receiver accepts nothing, and shows how many
    /// events it keeps, which should be `n_wanted`. An entry that is not for the receiver counts
    /// until delivery has looked at it.
    async fn notice(&self, n_wanted: u64) -> anyhow::Result<()> {
        let began = Instant::now();
        while began.elapsed() < NOTICE {
            let status = self.ask(query::Status::default()).await?;
            let row = status.endpoints.into_iter().next();
            let row = row.context("the endpoint is not there")?;
            let n_kept = row.behind + row.waiting;
            let is_settled = n_kept == n_wanted || began.elapsed() > NOTICE / 2;
            if let EndpointState::InTrouble { .. } = row.state
                && is_settled
            {
                let kept = match n_kept {
                    1 => "One event is".to_owned(),
                    n_events => format!("{n_events} events are"),
                };
                let text = format!(
                    "The receiver accepts nothing. {kept} kept on disk, and delivery is tried \
                     again and again."
                );
                return Ok(self.page.alert(Ink::Bad, "trouble", &text)?);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("a receiver that is dead was not noticed");
    }

    /// Changes a user, and waits for the event.
    async fn edit(
        &mut self,
        user: &User,
        edit: Edit,
        text: &str,
        proof: &mut Proof,
    ) -> anyhow::Result<()> {
        self.stage.tenant.directory().update_user(&user.id, edit)?;
        self.page.change(text)?;
        proof.n_happened += 1;
        let wanted = vec![Wanted::new("user.updated", &user.id)];
        self.await_deliveries(wanted, proof).await
    }

    /// Picks an active user without any role, who is in no group that grants one either: the rights
    /// of the group would stay when the role is taken away.
    fn somebody(&mut self) -> Option<User> {
        let (tenant, spared) = (&self.stage.tenant, self.stage.tenant.credential_users());
        let groups = tenant.directory().groups().into_iter();
        let giving = groups.filter(|group| !group.roles.is_empty());
        let giving: BTreeSet<_> = giving.map(|group| group.id).collect();
        let fits = |user: &User| {
            let works = user.status == Status::Active && user.client_id.is_none();
            let has_rights = user.groups.keys().any(|group| giving.contains(group));
            works && user.roles.is_empty() && !has_rights && !spared.contains(&user.id)
        };
        tenant.directory().pick_user(&mut self.rng, fits)
    }

    /// Adds a user to a tenant in which no other user fits.
    async fn hire(&mut self, proof: &mut Proof) -> anyhow::Result<User> {
        let directory = self.stage.tenant.directory();
        let id = directory.create_user(NewUser::named("Grace Hopper"))?;
        let user = directory.user(&id).context("who joins is not there")?;
        self.page.change("Grace Hopper joins")?;
        proof.n_happened += 1;
        self.await_deliveries(vec![Wanted::new("user.created", id)], proof)
            .await?;
        Ok(user)
    }

    /// Picks as many users as it takes for the guard to hold their removal. Returns their ids and
    /// names.
    fn crowd(&self) -> Vec<(UserId, String)> {
        let directory = self.stage.tenant.directory();
        let limits = Limits::usual(Loss::Users);
        let share = directory.n_users() as u64 * u64::from(limits.max_permille) / 1000;
        let n_people = share.min(limits.max_count) + 1;
        let spared = self.stage.tenant.credential_users();
        let people = directory.users().into_iter().filter(|user| {
            let is_there = user.status != Status::Deleted && user.client_id.is_none();
            is_there && !spared.contains(&user.id)
        });
        let n_people = usize::try_from(n_people).unwrap_or(usize::MAX);
        people
            .take(n_people)
            .map(|user| (user.id, user.name))
            .collect()
    }

    async fn concern(&self, user: &UserId) -> anyhow::Result<Option<ConcernRow>> {
        // There is one tenant, so this is one page.
        let everything = query::Findings {
            tenant: None,
            codes: Vec::new(),
            min: Severity::Notice,
            standing: FindingStanding::Open,
            after: None,
            limit: usize::MAX,
        };
        let rows = self.ask(everything).await?.rows;
        let is_theirs =
            |row: &ConcernRow| row.concern.subject == ConcernSubject::User(user.clone());
        Ok(rows.into_iter().find(is_theirs))
    }

    async fn held_plan(&self) -> anyhow::Result<PlanRow> {
        let newest = query::Plans {
            tenant: None,
            which: PlanChoice::All,
            before: None,
            limit: 1,
        };
        let plans = self.ask(newest).await?.rows;
        plans.into_iter().next().context("no plan is held")
    }
}
