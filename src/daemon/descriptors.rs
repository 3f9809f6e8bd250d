//! Divides the file descriptors that the system allows the process.
//!
//! The store must never lack one: if a file cannot be opened while the store syncs, the process
//! ends. Everything else can wait, so everything else gets a limit.

use std::ops::RangeInclusive;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

use crate::config::Config;
use crate::deliver::Endpoint;

/// What the store, the log, the runtime and name resolution keep open, and some to spare.
const OWN: usize = 64;

/// How many connections reading one tenant holds at most.
const OF_A_TENANT: usize = 8;

/// Connections to `server.listen`, however many the system allows: each takes some kilobytes.
const LISTENING: RangeInclusive<usize> = 12..=256;

/// Connections to the control socket, which serves commands of people.
const CONTROL: RangeInclusive<usize> = 10..=64;

/// How many connections may be open at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shares {
    /// To `server.listen`.
    pub listening: usize,
    /// To the control socket.
    pub control: usize,
}

impl Shares {
    /// Divides this many descriptors.
    fn of(limit: usize) -> Self {
        let share = |part: usize, bounds: RangeInclusive<usize>| {
            (limit / part).clamp(*bounds.start(), *bounds.end())
        };
        Self {
            listening: share(4, LISTENING),
            control: share(8, CONTROL),
        }
    }
}

/// Raises the limit as far as the system allows, and divides it. Logs if it may be too low for the
/// configuration.
pub(super) fn share_out(config: &Config) -> Shares {
    let limit = raise();
    let shares = Shares::of(limit);
    let deliveries = config.endpoints.iter().map(Endpoint::n_connections);
    let needed = OWN
        + shares.listening
        + shares.control
        + config.sync.concurrency * OF_A_TENANT
        + deliveries.sum::<usize>();
    if needed > limit {
        warn!(
            limit,
            needed,
            "The system allows this process {limit} open files and connections, but up to {needed} \
             may be needed; raise its limit (`LimitNOFILE` of systemd, `ulimit -n`) or lower \
             `max_in_flight`"
        );
    }
    shares
}

/// Raises the soft limit on open files to the hard limit, and returns it.
fn raise() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    let now = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        // We have to manage with the present limit.
        Err(_refused) => current,
    };
    // `None`: there is no limit.
    now.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unauthenticated_clients_get_only_a_share() {
        for (limit, listening, control) in [
            (64, 16, 10),
            (128, 32, 16),
            (1_024, 256, 64),
            (usize::MAX, 256, 64),
        ] {
            assert_eq!(Shares::of(limit), Shares { listening, control }, "{limit}");
        }
    }
}
