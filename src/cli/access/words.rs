//! Describes access in words.

use crate::control::{AccessPerson, Giver, NotKnown, Since, UserAccess};
use crate::model::{AccessChange, MAX_IN_SPACE, Path, RoleMention, ShownPath, Thousands};
use crate::view::{path_group, role_name};

use super::super::style::{Tone, count};
use super::super::table::Cell;

/// Says by which paths all users hold a role.
pub(super) fn everybodys(paths: &[ShownPath]) -> String {
    let paths = paths.iter().map(|shown| match &shown.path {
        Path::UserDefault => "by default".to_owned(),
        Path::Everyone(_) | Path::Group(_) | Path::Direct | Path::Owner => {
            format!("by the group {}", path_group(shown))
        }
    });
    paths.collect::<Vec<_>>().join(", ")
}

/// Draws one path to a role: `Maria Silva -> group Admins -> TenantAdmin`.
pub(super) fn drawn(user: &AccessPerson, shown: &ShownPath, role: &RoleMention) -> String {
    let (user, role) = (&user.label, role_name(role));
    match &shown.path {
        Path::Direct | Path::Owner => format!("{user} -> {role}"),
        Path::Group(_) | Path::Everyone(_) => {
            format!("{user} -> group {} -> {role}", path_group(shown))
        }
        Path::UserDefault => format!("{user} -> every user -> {role}"),
    }
}

/// Returns whether a user can use a right, and if not, why: `no, disabled`.
pub(super) fn usable(person: &AccessPerson) -> String {
    match person.barrier {
        None => "yes".to_owned(),
        Some(barrier) => format!("no, {}", barrier.word()),
    }
}

/// Says since when a user has had a role, as far as that is known.
pub(super) fn since(since: Option<&Since>) -> Cell {
    match since {
        None => String::new().into(),
        Some(Since::Observed { at, .. }) => (*at).into(),
        Some(Since::Audit { reported, .. }) => reported.last.into(),
        Some(Since::BeforeFirstLoad { .. }) => "before the first load".into(),
        Some(Since::Before { at }) => format!("before {at}").into(),
    }
}

/// Names those who may have given a role: `Anna Berg or Jon Dahl`. Empty if that is not known.
pub(super) fn givers(givers: &[Giver]) -> String {
    let names = givers.iter();
    let names = names.map(|giver| match &giver.name {
        Some(name) => name.clone(),
        None => format!("the deleted user {}", giver.id.0),
    });
    names.collect::<Vec<_>>().join(" or ")
}

/// Says when the user last logged in, and which groups are only as recent as that. `None` if
/// nothing is known about either.
pub(super) fn seen(answer: &UserAccess, of_idp: &[&str]) -> Option<String> {
    let user = answer.user.as_ref()?;
    let last = &answer.last_session;
    let is_known = last.is_known();
    if of_idp.is_empty() {
        return is_known.then(|| format!("Last session of {}: {}.", user.label, last.in_words()));
    }
    let when = match is_known {
        true => format!(" ({})", last.in_words()),
        false => String::new(),
    };
    Some(format!(
        "Groups of the identity provider are as of the last log-in of {}{when}, since Qlik \
         refreshes them only then: {}.",
        user.label,
        of_idp.join(", ")
    ))
}

/// Returns the word for a change of access.
pub(super) fn change(change: AccessChange) -> &'static str {
    match change {
        AccessChange::Granted => "granted",
        AccessChange::Revoked => "revoked",
        AccessChange::PathChanged => "other paths",
    }
}

const PERSONAL_SPACES: &str = "personal spaces are not read: who may open what is in them, besides \
                               their owners, is not known";

const OTHER_THINGS: &str = "besides spaces, a user may own apps, data connections, automations, \
                            reload tasks, API keys and what is in the personal space; none of that \
                            is read: look in Qlik's Administration before the user is deleted";

const HISTORY: &str = "a part of its history since then was lost with a damaged store; what changed \
                       in that part is shown as it was afterwards";

/// Says what is not known.
pub(in crate::cli) fn not_known(what: &NotKnown) -> String {
    match what {
        NotKnown::WholeTenant => {
            "it was never read in full, so there may be users and roles that are not known; \
             `qlik-roster runs` says why"
                .to_owned()
        }
        NotKnown::Roles => {
            "none of its roles is visible, so a role is found only by its id; `qlik-roster check` \
             says what the credentials are allowed to read"
                .to_owned()
        }
        NotKnown::RolesOfGroup { id, name } => {
            let name = match name.is_empty() {
                true => id.0.to_string(),
                false => name.clone(),
            };
            format!("which roles the group {name} gives is not visible: its members may hold more")
        }
        NotKnown::User { id, name } => {
            format!("the roles or groups of {name} ({}) are not visible", id.0)
        }
        NotKnown::Rest => {
            "there may be more rows than `--limit` allows; they were not read".to_owned()
        }
        NotKnown::More => {
            "some roles or groups of other users, or parts of other spaces, are not visible \
             either; they are not named here"
                .to_owned()
        }
        NotKnown::Spaces => {
            "its spaces were not read in full by then, so there may be some that are not known; \
             with `[access] spaces = true` the daemon reads them"
                .to_owned()
        }
        NotKnown::UnreadSpaces { spaces } => format!(
            "Qlik listed {} that could not be read, and that are missing here",
            n_spaces(*spaces)
        ),
        NotKnown::Shares { spaces } => format!(
            "the shares of {} were not visible at the last reading: the app may be shared there",
            n_spaces(*spaces)
        ),
        NotKnown::Sessions { known: None } => {
            "when its users were last seen is not known: with `[access] sessions = true` the \
             daemon notes it, as soon as it is allowed to read the audit log"
                .to_owned()
        }
        NotKnown::Sessions { known: Some(span) } => format!(
            "sessions are known from {} to {}; whether users began one at another time is not known",
            span.since, span.until
        ),
        NotKnown::PartOfSpace { id, name, part } => format!(
            "of the space {name} ({id}), {} was not visible at the last reading; what was known \
             before is shown",
            part.words()
        ),
        NotKnown::LongList { id, name, part } => format!(
            "of the space {name} ({id}), {} is a list of more than {}, of which the rest is not \
             kept; nobody in it is shown as revoked",
            part.words(),
            Thousands(MAX_IN_SPACE as u64)
        ),
        NotKnown::Licences { tenant, lack } => lack.of(tenant),
        NotKnown::OtherThings => OTHER_THINGS.to_owned(),
        NotKnown::PersonalSpaces => PERSONAL_SPACES.to_owned(),
        NotKnown::App { lack } => lack.in_words(),
        NotKnown::History => HISTORY.to_owned(),
    }
}

fn n_spaces(n: u64) -> String {
    count(usize::try_from(n).unwrap_or(usize::MAX), "space")
}

/// Returns the colour of a change. What was granted stands out: it may be too much.
pub(super) fn tone(change: AccessChange) -> Tone {
    match change {
        AccessChange::Granted => Tone::Warn,
        AccessChange::Revoked => Tone::Good,
        AccessChange::PathChanged => Tone::Dim,
    }
}
