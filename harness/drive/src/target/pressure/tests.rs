//! What presses a service here, really: control groups where this machine permits them, seen in what a service uses and in
//! what the kernel says of it. Where it does not, the test says so and sees the other way.

use super::super::heal::heal;
use super::super::service::tests::started;
use super::*;
use std::path::{Path, PathBuf};

fn pressures(folder: &Path) -> (Pressures, PathBuf) {
    let journal = folder.join("undo-pressed");
    let run = format!("test-{}-{}", std::process::id(), folder.display()).replace('/', "_");
    let pressures = Pressures {
        journal: Journal::create(&journal, &run).unwrap(),
        run,
        bounded: BTreeSet::from(["s".to_owned()]),
        folders: Mutex::default(),
    };
    (pressures, journal)
}

/// Where the older interface has mounted a controller, if a group can be made there in this process's own; found in another
/// way than the one that is tested.
fn older(controller: &str) -> Option<PathBuf> {
    let own = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let named = format!(":{controller}:");
    let path = own
        .lines()
        .find_map(|line| Some(line.split_once(&named)?.1))?;
    let folder = PathBuf::from(format!("/sys/fs/cgroup/{controller}{path}"));
    let probe = folder.join(format!("harness-probe-{}", std::process::id()));
    std::fs::create_dir(&probe).ok()?;
    std::fs::remove_dir(&probe).ok()?;
    Some(folder)
}

fn skipped(what: &str) {
    println!("skipped: no group for {what} can be made by the older interface here");
}

/// Processor time that a process used so far, in clock ticks.
fn used(pid: i32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = text
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

async fn until(mut holds: impl FnMut() -> bool) {
    let waited = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waited)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_group_holds_a_service_to_its_share_and_goes_with_the_run() {
    let Some(parent) = older("cpu") else {
        skipped("processor time");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (pressures, journal) = pressures(folder.path());
    let service = Arc::new(started("while :; do :; done", folder.path()).await);
    let runtime = tokio::runtime::Handle::current();
    let kind = FaultKind::Cpu { share: 0.1 };
    let pressed = pressures.press(&service, &kind, &runtime).unwrap();
    assert_eq!(pressed.by(), "cgroup v1 (cpu.cfs_quota_us)");
    let group = parent.join(format!("harness-{}-s", pressures.run));
    let stat = |word: &str| -> u64 {
        let text = std::fs::read_to_string(group.join("cpu.stat")).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(word));
        line.unwrap().trim().parse().unwrap()
    };
    // Twenty periods in which it wanted more than its share; it got that of so many, and of as many as had begun.
    until(|| stat("nr_throttled") >= 20).await;
    let (ticks, periods) = (used(service.group()), stat("nr_periods"));
    let share = ticks as f64 * 10_000.0 / (periods as f64 * 50_000.0);
    assert!(share < 0.4, "it used {share} of a core");
    pressed.lift().await.unwrap();
    let before = used(service.group());
    until(|| used(service.group()) > before + 10).await;
    let throttled = stat("nr_throttled");
    until(|| used(service.group()) > before + 30).await;
    assert_eq!(stat("nr_throttled"), throttled, "it is held still");

    // Healed while it lives: it is sent back, and the group goes.
    let healed = tokio::task::spawn_blocking(move || heal(&journal, Duration::ZERO));
    let healed = healed.await.unwrap().unwrap();
    assert_eq!((healed.folders, healed.failed), (vec![group], Vec::new()));
    assert!(!service.ended());
    service.let_end();
    service.stop(Duration::from_secs(1)).await.unwrap();
}

#[tokio::test]
async fn a_group_bounds_what_a_service_has_taken_since_it_was_started() {
    let Some(parent) = older("memory") else {
        skipped("memory");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (pressures, journal) = pressures(folder.path());
    let script = "while [ ! -e go ]; do sleep 0.01; done; x=$(head -c 40000000 /dev/zero | tr '\\0' x); \
                  touch grown; while [ ! -e more ]; do sleep 0.01; done; y=$x$x; touch too-much; sleep 300";
    let service = Arc::new(started(script, folder.path()).await);
    pressures.adopt(&service);
    let runtime = tokio::runtime::Handle::current();
    let press = |bytes| pressures.press(&service, &FaultKind::Memory { bytes }, &runtime);
    let group = parent.join(format!("harness-{}-s", pressures.run));
    let limit = || {
        let text = std::fs::read_to_string(group.join("memory.limit_in_bytes")).unwrap();
        text.trim().parse::<u64>().unwrap()
    };
    let unlimited = limit();
    let roomy = press(1_000_000_000).unwrap();
    assert_eq!(roomy.by(), "cgroup v1 (memory.limit_in_bytes)");
    assert!((900_000_000..=1_000_000_000).contains(&limit()));
    roomy.lift().await.unwrap();
    assert_eq!(limit(), unlimited);

    std::fs::write(folder.path().join("go"), "").unwrap();
    until(|| folder.path().join("grown").exists()).await;
    // It has more than that already, and gets no more.
    let tight = press(10_000_000).unwrap();
    assert!(tight.by().ends_with(" MB it had)"), "{}", tight.by());
    assert!((30_000_000..300_000_000).contains(&limit()), "{}", limit());
    std::fs::write(folder.path().join("more"), "").unwrap();
    assert_eq!(service.wait().await, "signal 9");
    assert!(!folder.path().join("too-much").exists());
    tight.lift().await.unwrap();
    assert_eq!(limit(), unlimited);
    let healed = tokio::task::spawn_blocking(move || heal(&journal, Duration::ZERO));
    assert_eq!(healed.await.unwrap().unwrap().folders, vec![group]);
}

#[tokio::test]
async fn without_a_group_from_its_begin_a_service_has_less_address_space() {
    let folder = tempfile::tempdir().unwrap();
    let (pressures, _) = pressures(folder.path());
    let service = Arc::new(started("sleep 300", folder.path()).await);
    let runtime = tokio::runtime::Handle::current();
    let kind = FaultKind::Memory { bytes: 64 << 30 };
    let pressed = pressures.press(&service, &kind, &runtime).unwrap();
    assert_eq!(pressed.by(), "RLIMIT_AS");
    pressed.lift().await.unwrap();
    let kind = FaultKind::Kill;
    assert!(pressures.press(&service, &kind, &runtime).is_err());
    service.let_end();
    service.stop(Duration::from_secs(1)).await.unwrap();
}
