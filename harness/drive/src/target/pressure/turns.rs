//! Less processor time by STOP and CONT to a service's process group, in turns. Needs no privilege for processes of the same
//! user. Knows services, and nothing of faults' times.

use super::super::service::Service;
use super::PERIOD;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Who it is, as events say it.
pub(super) const BY: &str = "STOP and CONT";

/// Lets a service run for a share of each [`PERIOD`], 0 to 1, until it is told to stop; then it runs.
pub(super) async fn hold(service: Arc<Service>, share: f64, stop: CancellationToken) {
    let runs = PERIOD.mul_f64(share);
    loop {
        // One that ended needs no signal.
        let _ = service.pause().await;
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            () = tokio::time::sleep(PERIOD - runs) => {}
        }
        let _ = service.go_on().await;
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            () = tokio::time::sleep(runs) => {}
        }
    }
    let _ = service.go_on().await;
}

#[cfg(test)]
mod tests {
    use super::super::super::service::tests::started;
    use super::*;
    use std::time::Duration;

    /// Processor time that a process used so far, seconds.
    fn used(pid: i32) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let fields: Vec<&str> = text
            .rsplit_once(')')
            .unwrap()
            .1
            .split_whitespace()
            .collect();
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        // On Linux a tick of these figures is a hundredth of a second, whatever the kernel's own.
        ticks as f64 / 100.0
    }

    #[tokio::test]
    async fn a_service_held_to_a_share_uses_no_more_and_then_runs_on() {
        let folder = tempfile::tempdir().unwrap();
        let service = Arc::new(started("while :; do :; done", folder.path()).await);
        let stop = CancellationToken::new();
        let held = tokio::spawn(hold(Arc::clone(&service), 0.2, stop.clone()));
        // Whoever holds it may come late to a turn on a busy machine, and not to all.
        let mut shares = Vec::new();
        while shares.len() < 30 && shares.iter().all(|share| *share >= 0.4) {
            let (before, from) = (used(service.group()), std::time::Instant::now());
            tokio::time::sleep(Duration::from_secs(1)).await;
            let took = std::time::Instant::now() - from;
            shares.push((used(service.group()) - before) / took.as_secs_f64());
        }
        let least = shares.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(least < 0.4, "of a core it used {shares:?}");
        stop.cancel();
        held.await.unwrap();
        let before = used(service.group());
        let runs = async {
            while used(service.group()) < before + 0.1 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), runs)
            .await
            .unwrap();
        service.let_end();
        service.stop(Duration::from_secs(1)).await.unwrap();
    }
}
