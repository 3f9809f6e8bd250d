//! Which tenants of an organization are linked, under which names, and which are paused: pure.

use std::collections::{BTreeMap, BTreeSet};

use super::{Listed, Roster, Selection, TenantHost};
use crate::model::{Link, Pause, TenantName};

/// The longest name that commands accept.
const NAME: usize = 64;

/// Updates the known links from a whole listing.
///
/// A tenant that is no longer listed is paused, never forgotten. It is not even paused while part
/// of the listing cannot be read, or if the listing is empty though it was not before: that is more
/// likely a lost permission than an organization without tenants.
pub fn relink(
    known: Vec<Link>,
    roster: Roster,
    selection: &Selection,
    taken: &BTreeSet<TenantName>,
) -> Vec<Link> {
    let proves_absence = roster.unreadable == 0 && !roster.tenants.is_empty();
    let mut taken = taken.clone();
    taken.extend(known.iter().map(|link| link.name.clone()));
    let mut links: BTreeMap<String, Link> = known
        .into_iter()
        .map(|link| (link.id.clone(), link))
        .collect();
    if proves_absence {
        let listed: BTreeSet<&str> = roster.tenants.iter().map(|it| it.id.as_str()).collect();
        let missing = links
            .values_mut()
            .filter(|it| !listed.contains(it.id.as_str()));
        missing.for_each(|link| link.pause = Some(Pause::Gone));
    }
    for listed in roster.tenants {
        let pause = pause(&listed, selection);
        match links.get_mut(&listed.id) {
            Some(link) => {
                link.pause = pause;
                link.region = listed.region.or(link.region.take());
                // Keep the known hosts if none of the listed ones can be reached.
                if !listed.hosts.is_empty() {
                    link.hosts = texts(&listed.hosts);
                }
            }
            // A tenant without a link gets none if it is not selected or has no host that can be
            // reached.
            None if pause == Some(Pause::LeftOut) || listed.hosts.is_empty() => {}
            None => {
                // People call a tenant by its alias if it has one.
                let by_alias: Vec<_> = listed.hosts.iter().rev().cloned().collect();
                let name = pick_name(&by_alias, &taken);
                taken.insert(name.clone());
                let link = Link {
                    id: listed.id.clone(),
                    name,
                    hosts: texts(&listed.hosts),
                    region: listed.region,
                    pause,
                };
                links.insert(listed.id, link);
            }
        }
    }
    links.into_values().collect()
}

fn texts(hosts: &[TenantHost]) -> Vec<String> {
    hosts.iter().map(TenantHost::to_url).collect()
}

fn pause(listed: &Listed, selection: &Selection) -> Option<Pause> {
    let hosts = texts(&listed.hosts);
    let bare = hosts.iter().map(|host| bare(host));
    let names: Vec<&str> = listed.name.as_deref().into_iter().chain(bare).collect();
    if !selection.admits(&names) {
        return Some(Pause::LeftOut);
    }
    let is_active = listed.status.eq_ignore_ascii_case("active");
    (!is_active).then(|| Pause::Status(listed.status.to_lowercase()))
}

/// Returns the host of a URL that consists of nothing else.
fn bare(url: &str) -> &str {
    let host = url.split_once("://").map_or(url, |(_, host)| host);
    host.trim_end_matches('/')
}

/// Picks a name for a tenant without a configured one: the shortest free name from its first host.
pub fn pick_name(hosts: &[TenantHost], taken: &BTreeSet<TenantName>) -> TenantName {
    let candidates = hosts.iter().flat_map(TenantHost::names);
    let candidates: Vec<String> = candidates.filter_map(|name| fit(&name)).collect();
    let is_free = |name: &String| !taken.contains(&TenantName(name.clone()));
    let free = candidates.iter().find(|name| is_free(name)).cloned();
    let name = free.unwrap_or_else(|| {
        let base = candidates.first().map_or("tenant", String::as_str);
        let mut numbered = (2..).map(|n| format!("{base:.56}-{n}"));
        // There are more numbers than taken names.
        numbered.find(is_free).unwrap_or_else(|| base.to_owned())
    });
    TenantName(name)
}

/// Turns a text into a name that commands accept.
fn fit(name: &str) -> Option<String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = name.chars().filter(|c| fits(*c)).take(NAME).collect();
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        .then_some(name)
}

#[cfg(test)]
mod tests;
