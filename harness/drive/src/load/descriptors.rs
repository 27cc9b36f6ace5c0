//! Room for a load's connections: each takes a file descriptor, and most systems begin with a limit of 1024 that a process may
//! raise by itself. Done when a load begins, so services that were started before it keep the limit they had.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Beside the connections: files, timers, a scrape or a probe that begins.
const SPARE: u64 = 64;

/// Descriptors of a connection that goes through the fault proxy, which has both of its sides.
const PROXIED: u64 = 3;

/// Raises this process's limit to what so many connections need beside what is open, if it may; what to tell when it may not.
pub(super) fn make_room(connections: u32, open: u64) -> Option<String> {
    let limit = getrlimit(Resource::Nofile);
    let wanted = open + u64::from(connections) * PROXIED + SPARE;
    if let Some(current) = raised(limit, wanted) {
        // What fails for want of them is counted, and told as this machine's.
        let current = Some(current);
        let _ = setrlimit(Resource::Nofile, Rlimit { current, ..limit });
    }
    let needed = open + u64::from(connections) + SPARE;
    let most = getrlimit(Resource::Nofile).current?;
    (most < needed).then(|| {
        format!(
            "this load may open {connections} connections, and this process no more than {most} files: what finds no room fails as \
             `local`; raise the limit (`ulimit -n {wanted}`, `LimitNOFILE=` of a service) or give it fewer connections"
        )
    })
}

/// The limit to set, if another one is wanted and to be had. Without a number there is none.
fn raised(limit: Rlimit, wanted: u64) -> Option<u64> {
    let current = limit.current?;
    let reachable = wanted.min(limit.maximum.unwrap_or(wanted));
    (reachable > current).then_some(reachable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_raised_as_far_as_is_needed_and_allowed() {
        let of = |current, maximum, wanted| raised(Rlimit { current, maximum }, wanted);
        assert_eq!(of(Some(1024), Some(524_288), 25_000), Some(25_000));
        assert_eq!(of(Some(1024), None, 25_000), Some(25_000));
        assert_eq!(of(Some(1024), Some(4096), 25_000), Some(4096));
        assert_eq!(of(Some(1024), Some(4096), 1000), None);
        assert_eq!(of(Some(4096), Some(4096), 25_000), None);
        assert_eq!(of(None, None, 25_000), None);
    }
}
