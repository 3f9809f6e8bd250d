//! Says whether requests go through a forward proxy, and which setting named it.

use url::Url;

use crate::config::TenantConfig;
use crate::deliver::Endpoint;
use crate::environment_proxy::{EnvironmentProxy, ProxyChoice};
use crate::forward_proxy::ForwardProxy;
use crate::view::CheckLine;

/// Returns a line for a tenant, or nothing if the environment names no proxy.
pub(super) fn of_tenant(tenant: &TenantConfig) -> Option<CheckLine> {
    let detail = in_words(&tenant.options.proxy_choice())?;
    Some(line(format!("tenant {}", tenant.name), detail))
}

/// Returns a line for an endpoint, or nothing if no proxy is named.
pub(super) fn of_endpoint(
    endpoint: &Endpoint,
    environment: &EnvironmentProxy,
) -> Option<CheckLine> {
    let url = Url::parse(&endpoint.origin()).ok()?;
    let detail = match (&endpoint.egress().proxy, environment.choice(&url)) {
        (Some(proxy), _) => through(proxy),
        (None, ProxyChoice::Through(proxy)) => format!(
            "none: {} is for endpoints with `proxy = \"environment\"`",
            proxy.named_by()
        ),
        (None, choice) => in_words(&choice)?,
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

fn in_words(choice: &ProxyChoice<'_>) -> Option<String> {
    match choice {
        ProxyChoice::Unnamed => None,
        ProxyChoice::Through(proxy) => Some(through(proxy)),
        ProxyChoice::ThisMachine => Some("none: this machine itself".to_owned()),
        ProxyChoice::Exempt { variable, entry } => Some(format!("none: {variable} has `{entry}`")),
        ProxyChoice::PlainHttp => {
            Some("none: the environment's proxy is for https only".to_owned())
        }
    }
}

fn through(proxy: &ForwardProxy) -> String {
    format!("{}, by {}", proxy.origin(), proxy.named_by())
}
