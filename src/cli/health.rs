//! `health`: asks the running daemon whether it is alive, where no other program can ask.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use crate::config::Config;
use crate::control::query;
use crate::http_client;

use super::Exit;
use super::error::CliError;
use super::store_client::Socket;
use super::style::say;

/// How long the daemon may take to answer: less than the five seconds that the image's health check
/// waits.
const LIMIT: Duration = Duration::from_secs(4);

pub(super) async fn run(config: Option<&Path>) -> anyhow::Result<Exit> {
    let config = super::begin::load(config)?;
    match tokio::time::timeout(LIMIT, ask(&config)).await {
        Ok(answered) => answered?,
        Err(_elapsed) => {
            let seconds = LIMIT.as_secs();
            let silent = format!("the daemon has not answered for {seconds} seconds");
            return Err(CliError::Unhealthy(silent).into());
        }
    }
    say(format_args!("The daemon is alive."));
    Ok(Exit::Success)
}

/// Asks at the address that the daemon listens on. With TLS its certificate is for another name
/// than the one by which we would ask, so we ask at the control socket.
async fn ask(config: &Config) -> anyhow::Result<()> {
    match &config.server.tls {
        None => ask_at(config.server.listen).await,
        Some(_) => ask_socket(&config.store).await,
    }
}

async fn ask_socket(folder: &Path) -> anyhow::Result<()> {
    let Some(socket) = Socket::connect(folder).await? else {
        let why = format!("no daemon answers for the store in {}", folder.display());
        return Err(CliError::Unhealthy(why).into());
    };
    socket.ask(query::Doing).await?;
    Ok(())
}

async fn ask_at(listen: SocketAddr) -> anyhow::Result<()> {
    let url = format!("http://{}/livez", reachable(listen));
    let client = http_client::build(&http_client::Options {
        connect_timeout: LIMIT,
        timeout: Some(LIMIT),
        ..http_client::Options::default()
    })?;
    let status = match client.get(&url).send().await {
        Ok(answer) => answer.status(),
        Err(_why) => {
            let why = format!("no daemon answers at {url}");
            return Err(CliError::Unhealthy(why).into());
        }
    };
    if !status.is_success() {
        let why = format!("the daemon answers {} at {url}", status.as_u16());
        return Err(CliError::Unhealthy(why).into());
    }
    Ok(())
}

/// Returns an address at which a program on this machine reaches who listens on the given one.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let mut address = listen;
    match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        IpAddr::V4(_) | IpAddr::V6(_) => {}
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_asked_at_the_loopback_one() {
        for (listen, asked) in [
            ("0.0.0.0:8720", "127.0.0.1:8720"),
            ("[::]:8720", "[::1]:8720"),
            ("10.1.2.3:80", "10.1.2.3:80"),
            ("[fd00::7]:80", "[fd00::7]:80"),
        ] {
            let expected: SocketAddr = asked.parse().unwrap();
            assert_eq!(reachable(listen.parse().unwrap()), expected, "{listen}");
        }
    }
}
