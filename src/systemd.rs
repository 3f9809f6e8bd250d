//! Tells systemd, or whatever speaks its protocol, how the process is doing: `sd_notify(3)`.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use sd_notify::NotifyState;

/// How long a notification may take if nobody reads the socket.
const PATIENCE: Duration = Duration::from_secs(1);

/// The service manager that started the process. By default there is no such program.
#[derive(Debug, Clone, Default)]
pub struct Systemd {
    /// Where it listens; `None` if it does not.
    socket: Option<SocketAddr>,
    watchdog: Option<Duration>,
}

impl Systemd {
    /// Learns from the environment's variables whether it wants to be notified.
    pub fn of<'a>(variable: impl Fn(&str) -> Option<&'a str>) -> Self {
        let socket = variable("NOTIFY_SOCKET").and_then(address);
        Self {
            watchdog: socket.as_ref().and_then(|_| watchdog(variable)),
            socket,
        }
    }

    /// Returns the longest time that may pass between two signs of life; `None` if it does not
    /// watch for them.
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// Returns whether it listens.
    pub fn listens(&self) -> bool {
        self.socket.is_some()
    }

    /// The store is open, and the process answers.
    pub fn ready(&self, status: &str) {
        self.tell(&[NotifyState::Ready, NotifyState::Status(&line(status))]);
    }

    /// Sets the sentence that `systemctl status` shows.
    pub fn status(&self, status: &str) {
        self.tell(&[NotifyState::Status(&line(status))]);
    }

    /// The start goes on, and may take this much longer before the next notification.
    pub fn starting(&self, status: &str, longer: Duration) {
        let longer = u32::try_from(longer.as_micros()).unwrap_or(u32::MAX);
        self.tell(&[
            NotifyState::Status(&line(status)),
            NotifyState::ExtendTimeoutUsec(longer),
        ]);
    }

    /// The process reads its configuration again, until it says that it is ready.
    pub fn reloading(&self, status: &str) {
        let status = line(status);
        let mut parts = vec![NotifyState::Reloading, NotifyState::Status(&status)];
        // The time tells one reload from another.
        parts.extend(NotifyState::monotonic_usec_now());
        self.tell(&parts);
    }

    /// The process ends.
    pub fn stopping(&self, status: &str) {
        self.tell(&[NotifyState::Stopping, NotifyState::Status(&line(status))]);
    }

    /// Every loop of the process goes round.
    pub fn is_alive(&self) {
        self.tell(&[NotifyState::Watchdog]);
    }

    fn tell(&self, states: &[NotifyState<'_>]) {
        if let Some(socket) = &self.socket {
            let lines: Vec<String> = states.iter().map(ToString::to_string).collect();
            let text = lines.join("\n") + "\n";
            // Nothing depends on it, and there is nobody else to tell.
            drop(send(socket, text.as_bytes()));
        }
    }
}

fn send(to: &SocketAddr, text: &[u8]) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(PATIENCE))?;
    socket.send_to_addr(text, to).map(drop)
}

/// Returns the address of a socket: a path, or, after `@`, a name without a file.
fn address(text: &str) -> Option<SocketAddr> {
    match text.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name).ok(),
        None if text.starts_with('/') => SocketAddr::from_pathname(text).ok(),
        // A socket between machines, which only virtual machines use.
        None => None,
    }
}

/// Returns the time within which a sign of life is expected. The variables may be those of a parent
/// process.
fn watchdog<'a>(variable: impl Fn(&str) -> Option<&'a str>) -> Option<Duration> {
    let of_parent = |pid: &str| pid.parse() != Ok(std::process::id());
    if variable("WATCHDOG_PID").is_some_and(of_parent) {
        return None;
    }
    let micros = variable("WATCHDOG_USEC")?.parse().ok()?;
    Some(Duration::from_micros(micros)).filter(|time| !time.is_zero())
}

/// Returns a status as one line: a line break would begin another notification.
fn line(status: &str) -> String {
    status.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn of(variables: &[(&'static str, &'static str)]) -> Systemd {
        let variables: BTreeMap<_, _> = variables.iter().copied().collect();
        Systemd::of(|name| variables.get(name).copied())
    }

    #[test]
    fn the_watchdog_is_that_of_this_process() {
        let own = std::process::id().to_string().leak();
        let socket = ("NOTIFY_SOCKET", "/run/notify");
        let usec = ("WATCHDOG_USEC", "2000000");
        for (variables, expected) in [
            (vec![socket], None),
            (vec![socket, usec], Some(2)),
            (vec![socket, usec, ("WATCHDOG_PID", own)], Some(2)),
            (vec![socket, usec, ("WATCHDOG_PID", "1")], None),
            (vec![socket, usec, ("WATCHDOG_PID", "none")], None),
            (vec![socket, ("WATCHDOG_USEC", "0")], None),
            (vec![socket, ("WATCHDOG_USEC", "soon")], None),
            (vec![usec], None),
            (vec![("NOTIFY_SOCKET", "vsock:2:1234"), usec], None),
        ] {
            let watchdog = of(&variables).watchdog();

            let expected = expected.map(Duration::from_secs);
            assert_eq!(watchdog, expected, "{variables:?}");
        }
    }

    #[test]
    fn notifications_reach_a_path_and_a_name_without_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let name = format!("@{}", path.display());
        let abstract_name = SocketAddr::from_abstract_name(path.to_str().unwrap());
        for (address, named) in [
            (SocketAddr::from_pathname(&path), path.to_str().unwrap()),
            (abstract_name, &*name),
        ] {
            let socket = UnixDatagram::bind_addr(&address.unwrap()).unwrap();
            let systemd = Systemd::of(|name| (name == "NOTIFY_SOCKET").then_some(named));

            systemd.ready("All is\nwell\nREADY=0");
            systemd.starting("Opening", Duration::from_secs(30));

            let mut bytes = [0; 200];
            let mut read = || {
                let n_bytes = socket.recv(&mut bytes).unwrap();
                String::from_utf8(bytes[..n_bytes].to_vec()).unwrap()
            };
            assert_eq!(read(), "READY=1\nSTATUS=All is well READY=0\n");
            assert_eq!(read(), "STATUS=Opening\nEXTEND_TIMEOUT_USEC=30000000\n");
        }
    }

    #[test]
    fn without_a_service_manager_nothing_happens() {
        let systemd = Systemd::default();

        systemd.is_alive();

        assert!(!systemd.listens());
    }
}
