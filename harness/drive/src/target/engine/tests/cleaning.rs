//! What runs leave behind, and who may remove it.

use super::*;
use crate::target::heal::{Outcome, heal_dead};
use crate::target::journal::{self, Entry, Journal};
use std::process::Command;

/// A run of five services with its networks and a volume.
async fn five(engine: &Engine) -> Vec<ContainerId> {
    let run = engine.labels().run().to_owned();
    let control = format!("{run}-control");
    engine.create_network(&run, true).await.unwrap();
    engine.create_network(&control, false).await.unwrap();
    engine.create_volume(&run, Some(1 << 20)).await.unwrap();
    let wanted: Vec<Wanted> = (0..5)
        .map(|service| Wanted {
            networks: vec![
                Attachment::new(&run, &[&format!("service{service}")]),
                Attachment::new(&control, &[]),
            ],
            holds: vec![Held {
                source: HeldIn::Volume(run.clone()),
                path: "/data".to_owned(),
                read_only: false,
            }],
            // Deaf to TERM: nothing of it is asked to go.
            ..shell(
                engine,
                &service.to_string(),
                "trap '' TERM; sleep 600 & wait; wait",
            )
        })
        .collect();
    let started = wanted.iter().map(|wanted| engine.start(wanted));
    futures::future::try_join_all(started).await.unwrap()
}

/// How many things carry a run's label.
async fn left_of(engine: &Engine, run: &str) -> usize {
    engine
        .labelled(&format!("{RUN}={run}"))
        .await
        .unwrap()
        .len()
}

#[tokio::test]
async fn a_journal_removes_a_run_and_nothing_of_another() {
    let (Some(engine), Some(other)) = (engine("heal").await, engine("beside").await) else {
        return;
    };
    let run = engine.labels().run().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("undo");
    let journal = Journal::create(&path, &run).unwrap();
    let made = Entry::Containers {
        run: run.clone(),
        engine: engine.reach().clone(),
    };
    journal.write(&made).unwrap();
    drop(journal);
    let begun = std::time::Instant::now();
    five(&engine).await;
    let started = std::time::Instant::now() - begun;
    other
        .create_volume(other.labels().run(), None)
        .await
        .unwrap();
    assert_eq!(left_of(&engine, &run).await, 8);
    let begun = std::time::Instant::now();
    let healed = tokio::task::spawn_blocking({
        let path = path.clone();
        move || heal_dead(&path, Duration::ZERO, Duration::ZERO)
    });
    let Outcome::Healed(healed) = healed.await.unwrap().unwrap() else {
        panic!("taken for live");
    };
    eprintln!(
        "five services: up in {started:?}, removed in {:?}",
        std::time::Instant::now() - begun
    );
    assert!(healed.failed.is_empty(), "{healed:?}");
    assert_eq!(
        healed.containers,
        ["removed 5 containers, 2 networks, 1 volume"]
    );
    let told = journal::read(&journal::open(&path).unwrap());
    assert_eq!(told.unwrap().pop(), Some(Entry::Clean));
    assert_eq!(left_of(&engine, &run).await, 0);
    assert_eq!(left_of(&engine, other.labels().run()).await, 1);
}

#[tokio::test]
async fn a_sweep_removes_what_the_dead_left_and_leaves_the_living_and_the_distant_alone() {
    let (Some(dead), Some(live), Some(distant)) = (
        engine("dead").await,
        engine("live").await,
        engine("distant").await,
    ) else {
        return;
    };
    // An owner that is killed: a process that was there and is gone.
    let mut child = Command::new("sleep").arg("600").spawn().unwrap();
    let pid = i32::try_from(child.id()).unwrap();
    let owner = Owner::this().with_process(pid);
    let owned = |engine: &Engine, owner: &Owner| Engine {
        labels: Arc::new(Labels::owned(engine.labels().run(), owner)),
        ..engine.clone()
    };
    let theirs = owned(&dead, &owner);
    five(&theirs).await;
    live.create_volume(live.labels().run(), None).await.unwrap();
    let elsewhere = owned(&distant, &owner.elsewhere());
    elsewhere
        .create_volume(distant.labels().run(), None)
        .await
        .unwrap();

    let runs = [&dead, &live, &distant].map(|engine| engine.labels().run().to_owned());
    // While its owner lives, nothing is touched.
    let swept = live.sweep().await.unwrap();
    assert!(!swept.dead.contains(&runs[0]), "{swept:?}");
    assert_eq!(left_of(&live, &runs[0]).await, 8);
    child.kill().unwrap();
    // Not waited for yet: a zombie is dead.
    while !crate::procfs::ended(pid) {
        tokio::task::yield_now().await;
    }
    let swept = live.sweep().await.unwrap();
    assert!(swept.dead.contains(&runs[0]), "{swept:?}");
    assert!(swept.elsewhere.contains(&runs[2]), "{swept:?}");
    assert!(
        !swept.dead.contains(&runs[1]) && !swept.dead.contains(&runs[2]),
        "{swept:?}"
    );
    let mut left = Vec::new();
    for run in &runs {
        left.push(left_of(&live, run).await);
    }
    assert_eq!(left, [0, 1, 1], "{swept:?}");
    child.wait().unwrap();
}

#[tokio::test]
async fn a_network_that_anothers_container_hangs_in_stays_and_who_it_is_is_told() {
    let (Some(engine), Some(other)) = (engine("hung").await, engine("hanger").await) else {
        return;
    };
    let network = engine.labels().run().to_owned();
    engine.create_network(&network, true).await.unwrap();
    let wanted = Wanted {
        networks: vec![Attachment::new(&network, &[])],
        ..shell(&other, "guest", "sleep 600")
    };
    let guest = other.start(&wanted).await.unwrap();
    let removed = engine.remove_run().await.unwrap();
    assert_eq!(removed.networks, 0);
    let [why] = removed.failed.as_slice() else {
        panic!("{removed:?}");
    };
    assert!(why.contains(&guest.as_str()[..12]), "{why}");
    assert!(
        why.contains(&format!("docker network disconnect -f {network}")),
        "{why}"
    );
    // What it says helps.
    other.disconnect_container(&guest, &network).await.unwrap();
    let removed = engine.remove_run().await.unwrap();
    assert_eq!((removed.networks, removed.failed), (1, Vec::new()));
}
