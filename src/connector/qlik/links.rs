//! Which tenants of an organization are linked, under which names, and which are paused: pure.

use std::collections::{BTreeMap, BTreeSet};

use super::{Listed, Roster, Selection, TenantHost};
use crate::model::{Link, Pause, TenantName};

/// Longer is no name.
const NAME: usize = 64;

/// Makes the links that follow from a whole listing and the links that were there.
///
/// Who is listed no longer is paused, never forgotten; and not even that while something was
/// listed that cannot be read, or where nothing is listed although something was: that is more
/// likely a right that was taken away than an organization without tenants.
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
                // Without a host that can be reached the known ones are as good as any.
                if !listed.hosts.is_empty() {
                    link.hosts = texts(&listed.hosts);
                }
            }
            // Nobody wants to hear of what was never read and is not meant.
            None if pause == Some(Pause::LeftOut) || listed.hosts.is_empty() => {}
            None => {
                // The alias, where there is one, is what people call it.
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

/// The host of a URL that has nothing but one.
fn bare(url: &str) -> &str {
    let host = url.split_once("://").map_or(url, |(_, host)| host);
    host.trim_end_matches('/')
}

/// Picks a name for a tenant that nobody has named: by its first host, as short as is free.
pub fn pick_name(hosts: &[TenantHost], taken: &BTreeSet<TenantName>) -> TenantName {
    let candidates = hosts.iter().flat_map(TenantHost::names);
    let candidates: Vec<String> = candidates.filter_map(|name| fit(&name)).collect();
    let is_free = |name: &String| !taken.contains(&TenantName(name.clone()));
    let free = candidates.iter().find(|name| is_free(name)).cloned();
    let name = free.unwrap_or_else(|| {
        let base = candidates.first().map_or("tenant", String::as_str);
        let mut numbered = (2..).map(|n| format!("{base:.56}-{n}"));
        // There are more numbers than names that are taken.
        numbered.find(is_free).unwrap_or_else(|| base.to_owned())
    });
    TenantName(name)
}

/// Makes a name of it that commands take.
fn fit(name: &str) -> Option<String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = name.chars().filter(|c| fits(*c)).take(NAME).collect();
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        .then_some(name)
}

#[cfg(test)]
mod tests;
