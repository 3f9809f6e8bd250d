//! Says whether requests go through a forward proxy, and which setting named it.

use url::Url;

use crate::config::TenantConfig;
use crate::deliver::Endpoint;
use crate::environment_proxy::{EnvironmentProxy, Way};
use crate::forward_proxy::ForwardProxy;
use crate::view::CheckLine;

/// Returns a line for a tenant, or nothing if the environment names no proxy.
pub(super) fn of_tenant(tenant: &TenantConfig) -> Option<CheckLine> {
    let detail = in_words(&tenant.options.way())?;
    Some(line(format!("tenant {}", tenant.name), detail))
}

/// Returns a line for an endpoint, or nothing if no proxy is named.
pub(super) fn of_endpoint(
    endpoint: &Endpoint,
    environment: &EnvironmentProxy,
) -> Option<CheckLine> {
    let way = Url::parse(&endpoint.origin()).ok()?;
    let detail = match (&endpoint.egress().proxy, environment.way(&way)) {
        (Some(proxy), _) => through(proxy),
        (None, Way::Through(proxy)) => format!(
            "none: {} is for endpoints with `proxy = \"environment\"`",
            proxy.told_by()
        ),
        (None, way) => in_words(&way)?,
    };
    Some(line(format!("endpoint {}", endpoint.name()), detail))
}

fn line(what: String, detail: String) -> CheckLine {
    CheckLine {
        what,
        step: "proxy".to_owned(),
        result: Ok(detail),
    }
}

fn in_words(way: &Way<'_>) -> Option<String> {
    match way {
        Way::Unnamed => None,
        Way::Through(proxy) => Some(through(proxy)),
        Way::ThisMachine => Some("none: this machine itself".to_owned()),
        Way::Exempt { variable, entry } => Some(format!("none: {variable} has `{entry}`")),
        Way::PlainHttp => Some("none: the environment's proxy is for https only".to_owned()),
    }
}

fn through(proxy: &ForwardProxy) -> String {
    format!("{}, by {}", proxy.origin(), proxy.told_by())
}
