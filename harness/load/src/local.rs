//! Failures of this machine, told apart by what there was too little of: descriptors, ports, memory. Knows the system's
//! numbers for errors, and nothing of connections.

use harness_core::event::LocalFailures;
use harness_core::http::{Failure, FailureKind};
use rustix::io::Errno;

/// Counts a failure if it is one of this machine.
pub(crate) fn count(local: &mut LocalFailures, failure: &Failure) {
    if failure.kind != FailureKind::Local {
        return;
    }
    let errno = errno(&failure.detail);
    let is = |known: &[Errno]| known.iter().any(|one| Some(one.raw_os_error()) == errno);
    let slot = if is(&[Errno::MFILE, Errno::NFILE]) {
        &mut local.descriptors
    } else if is(&[Errno::ADDRNOTAVAIL, Errno::ADDRINUSE]) {
        &mut local.ports
    } else if is(&[Errno::NOMEM, Errno::NOBUFS]) {
        &mut local.memory
    } else {
        &mut local.other
    };
    *slot += 1;
}

/// The number in `… (os error 24)`, which the standard library ends such errors with.
fn errno(detail: &str) -> Option<i32> {
    let (_, after) = detail.rsplit_once("(os error ")?;
    after.split(')').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ran_out_is_told_apart_and_other_failures_are_not_ours() {
        let mut local = LocalFailures::default();
        for errno in [
            Errno::MFILE,
            Errno::NFILE,
            Errno::ADDRNOTAVAIL,
            Errno::NOMEM,
            Errno::NOBUFS,
            Errno::PERM,
        ] {
            let error = std::io::Error::from(errno);
            let detail = format!("connecting to 127.0.0.1:1: {error}");
            let kind = FailureKind::Local;
            count(&mut local, &Failure { kind, detail });
        }
        let detail = std::io::Error::from(Errno::MFILE).to_string();
        let kind = FailureKind::Refused;
        count(&mut local, &Failure { kind, detail });
        let told = LocalFailures {
            descriptors: 2,
            ports: 1,
            memory: 2,
            other: 1,
        };
        assert_eq!(local, told);
    }
}
