//! Reads the forward proxy that the environment names, from the same variables as curl.

use super::problem::Problems;
use super::{Environment, Fault, NoEffect};
use crate::environment_proxy::EnvironmentProxy;
use crate::forward_proxy::{ForwardProxy, InvalidProxy};
use crate::no_proxy::NoProxy;

/// The variables that name the proxy for https; the first one that is set counts.
const NAMES: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

/// The variables that list the hosts that bypass it.
const EXEMPT: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// Reads the environment's proxy. A variable that is set but cannot be used is a problem: somebody
/// may have forbidden requests that bypass the proxy.
pub(super) fn environment_proxy(
    environment: &Environment,
    problems: &mut Problems,
    without_effect: &mut Vec<NoEffect>,
) -> EnvironmentProxy {
    let Some(name) = NAMES.into_iter().find(|name| environment.is_set(name)) else {
        return EnvironmentProxy::default();
    };
    let read = match environment.get(name) {
        Some(text) => ForwardProxy::of_variable(name, text),
        None => Err(InvalidProxy::NoText),
    };
    let proxy = match read {
        Ok(proxy) => proxy,
        Err(source) => {
            problems.add_variable(name, Fault::BadProxy { source });
            return EnvironmentProxy::default();
        }
    };
    let set = EXEMPT.into_iter().find(|name| environment.is_set(name));
    let exempt_by = set.unwrap_or("no_proxy");
    let (exempt, odd) = NoProxy::parse(environment.get(exempt_by).unwrap_or_default());
    without_effect.extend(odd.into_iter().map(|entry| NoEffect {
        key: exempt_by.to_owned(),
        why: format!("the entry `{entry}` matches no host"),
        remedy: "write a name, `*.example.com`, an address or a network such as `10.0.0.0/8`; only \
                 a name or an address may have `:port` after it",
    }));
    EnvironmentProxy::new(proxy, exempt, exempt_by)
}
