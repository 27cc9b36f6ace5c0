//! The engine's layer against a real engine, where one answers.

use super::forwarder::Forwarder;
use super::*;
use std::collections::BTreeMap;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[path = "../../../../cli/tests/support/engine.rs"]
mod support;

mod cleaning;
mod own;

const IMAGE: &str = "debian:bookworm-slim";

/// A run's engine; what the run made goes with it, also when the test fails.
struct Ours {
    engine: Engine,
}

impl std::ops::Deref for Ours {
    type Target = Engine;

    fn deref(&self) -> &Engine {
        &self.engine
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        let (reach, run) = (self.reach().clone(), self.labels().run().to_owned());
        let removed = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async {
                let engine = Engine::connect_to(reach, Labels::of(&run)).await?;
                engine.remove_run().await
            })
        });
        let _ = removed.join();
    }
}

/// An engine for a run of this name's, or `None` with a visible line.
async fn engine(run: &str) -> Option<Ours> {
    let run = format!("test-{run}-{}", std::process::id());
    let met = Engine::connect(Labels::of(&run)).await;
    let ready = match &met {
        Ok(engine) => match engine.has_image(IMAGE).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(format!("the image {IMAGE} is not there")),
            Err(error) => Err(error.to_string()),
        },
        Err(error) => Err(error.to_string()),
    };
    let met = met.ok().map(|engine| Ours { engine });
    support::ready(ready).then_some(met).flatten()
}

/// A container of this run that runs a shell's words.
fn shell(engine: &Engine, name: &str, words: &str) -> Wanted {
    Wanted {
        name: format!("{}-{name}", engine.labels().run()),
        image: IMAGE.to_owned(),
        command: ["sh", "-c", words].map(str::to_owned).to_vec(),
        ..Wanted::default()
    }
}

async fn printed(engine: &Engine, id: &ContainerId, seen: &Seen) -> String {
    let mut printed = String::new();
    let mut logs = engine.logs(id, seen);
    logs.read_to_string(&mut printed).await.unwrap();
    printed
}

async fn run_in(engine: &Engine, id: &ContainerId, words: &str) -> Executed {
    let command = ["sh", "-c", words].map(str::to_owned);
    engine
        .exec(id, &command, Duration::from_secs(60))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_container_finds_its_files_its_environment_and_the_others_by_name() {
    let Some(engine) = engine("names").await else {
        return;
    };
    let network = engine.labels().run().to_owned();
    engine.create_network(&network, true).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join("x");
    std::fs::write(&from, "from a file\n").unwrap();
    let other = Wanted {
        networks: vec![Attachment::new(&network, &["orders"])],
        ..shell(&engine, "other", "exec sleep 600")
    };
    let other = engine.start(&other).await.unwrap();
    let words =
        "cat /etc/deep/x.conf; echo $WORD; getent hosts orders >/dev/null && echo found; exit 3";
    let asking = Wanted {
        networks: vec![Attachment::new(&network, &["asking"])],
        env: BTreeMap::from([("WORD".to_owned(), "from the environment".to_owned())]),
        files: vec![PutFile {
            path: "/etc/deep/x.conf".to_owned(),
            from,
        }],
        ..shell(&engine, "asking", words)
    };
    let asking = engine.start(&asking).await.unwrap();
    let ended = engine.wait(&asking).await.unwrap();
    let told = printed(&engine, &asking, &Seen::default()).await;
    assert_eq!(told, "from a file\nfrom the environment\nfound\n");
    assert_eq!((ended.code, ended.oom_killed), (3, false), "{ended:?}");

    // Out of its network nobody finds it; put back, it has its name again.
    let find = "getent hosts orders";
    let asking = Wanted {
        networks: vec![Attachment::new(&network, &[])],
        ..shell(&engine, "again", "exec sleep 600")
    };
    let asking = engine.start(&asking).await.unwrap();
    let was = engine.disconnect_container(&other, &network).await.unwrap();
    assert_eq!(was, Attachment::new(&network, &["orders"]));
    assert_ne!(run_in(&engine, &asking, find).await.code, 0);
    engine.connect_container(&other, &was).await.unwrap();
    let found = run_in(&engine, &asking, find).await;
    assert_eq!(found.code, 0, "{found:?}");
}

#[tokio::test]
async fn what_is_printed_after_a_restart_follows_what_was_printed_before() {
    let Some(engine) = engine("logs").await else {
        return;
    };
    let words =
        "echo life of $(date +%N); echo to stderr >&2; trap 'exit 0' TERM; sleep 600 & wait";
    let id = engine.start(&shell(&engine, "twice", words)).await.unwrap();
    let seen = Seen::default();
    let read = async || {
        let mut logs = engine.logs(&id, &seen);
        let mut told = String::new();
        while told.lines().count() < 2 {
            let mut chunk = [0; 512];
            let read = logs.read(&mut chunk).await.unwrap();
            assert!(read > 0, "ended after {told:?}");
            told.push_str(std::str::from_utf8(&chunk[..read]).unwrap());
        }
        (told, logs)
    };
    let (first, logs) = read().await;
    assert!(
        first.contains("life of") && first.contains("to stderr"),
        "{first}"
    );
    engine.stop(&id, Duration::from_secs(20)).await.unwrap();
    drop(logs);
    assert_eq!(engine.inspect(&id).await.unwrap().ended.unwrap().code, 0);
    assert_eq!(printed(&engine, &id, &seen).await, "");
    engine.start_again(&id).await.unwrap();
    let (second, _) = read().await;
    assert!(
        second.contains("life of") && first != second,
        "{first} then {second}"
    );
    assert_eq!(second.lines().count(), 2, "{second}");
}

#[tokio::test]
async fn a_container_is_frozen_limited_and_killed_for_its_memory() {
    let Some(engine) = engine("limits").await else {
        return;
    };
    let eats = Wanted {
        memory: Some(32 << 20),
        ..shell(&engine, "eats", "exec tail /dev/zero")
    };
    let eats = engine.start(&eats).await.unwrap();
    let ended = engine.wait(&eats).await.unwrap();
    // That the kernel did it is not heard by every engine every time.
    assert!(ended.limited && ended.code == 137, "{ended:?}");

    let free = engine
        .start(&shell(&engine, "free", "exec sleep 600"))
        .await
        .unwrap();
    let given = Wanted {
        memory: Some(64 << 20),
        cpus: Some(1.5),
        ..shell(&engine, "given", "exec sleep 600")
    };
    let given = engine.start(&given).await.unwrap();
    let held = Limits {
        cpus: Some(1.5),
        memory: Some(64 << 20),
    };
    let tight = Limits {
        cpus: Some(0.25),
        memory: Some(16 << 20),
    };
    for (id, before) in [(&free, Limits::default()), (&given, held)] {
        let kernel = kernels_limits(&engine, id).await;
        assert_eq!(engine.update(id, tight).await.unwrap(), before);
        assert_eq!(engine.limits(id).await.unwrap(), tight);
        assert_ne!(kernels_limits(&engine, id).await, kernel);
        assert_eq!(engine.update(id, before).await.unwrap(), tight);
        assert_eq!(engine.limits(id).await.unwrap(), before);
        assert_eq!(kernels_limits(&engine, id).await, kernel, "not as it was");
    }
    let wide = Limits {
        memory: Some(1 << 30),
        ..held
    };
    engine.update(&given, wide).await.unwrap();

    engine.pause(&free).await.unwrap();
    assert!(engine.inspect(&free).await.unwrap().paused);
    engine.unpause(&free).await.unwrap();
    assert!(engine.pid(&free).await.unwrap() > 0);
    engine.kill(&free).await.unwrap();
    assert_eq!(engine.wait(&free).await.unwrap().code, 137);
    assert!(engine.pid(&free).await.is_err());
    assert!(!engine.wait(&free).await.unwrap().oom_killed);
}

/// What the kernel holds a container to, as it sees it itself.
async fn kernels_limits(engine: &Engine, id: &ContainerId) -> String {
    let files = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu/cpu.cfs_quota_us \
                 /sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu.max 2>/dev/null";
    let told = run_in(engine, id, files).await.output;
    assert!(!told.is_empty());
    told
}

#[tokio::test]
async fn a_volume_with_a_size_is_full_when_it_is_full() {
    let Some(engine) = engine("volume").await else {
        return;
    };
    let name = engine.labels().run().to_owned();
    engine.create_volume(&name, Some(1 << 20)).await.unwrap();
    let holds = Wanted {
        holds: vec![Held {
            source: HeldIn::Volume(name),
            path: "/data".to_owned(),
            read_only: false,
        }],
        ..shell(&engine, "holds", "exec sleep 600")
    };
    let id = engine.start(&holds).await.unwrap();
    let write = |kib: u32| format!("dd if=/dev/zero of=/data/x bs=1024 count={kib}");
    assert_eq!(run_in(&engine, &id, &write(900)).await.code, 0);
    let full = run_in(&engine, &id, &write(1100)).await;
    assert!(
        full.code != 0 && full.output.contains("No space left"),
        "{full:?}"
    );
}

#[tokio::test]
async fn a_container_that_cannot_be_started_says_why_and_is_not_left() {
    let Some(engine) = engine("bad").await else {
        return;
    };
    let absent = Wanted {
        command: vec!["/no/such/program".to_owned()],
        ..shell(&engine, "absent", "")
    };
    for _ in 0..2 {
        let error = engine.start(&absent).await.unwrap_err().to_string();
        assert!(error.contains("/no/such/program"), "{error}");
        assert!(!error.contains("already in use"), "it was left: {error}");
    }
    let image = "harness-test.invalid/none:1";
    let error = engine.ensure_image(image, |_| {}).await.unwrap_err();
    assert!(matches!(error, EngineError::NoRegistry { .. }), "{error:?}");
    assert!(error.to_string().contains(image), "{error}");
}

#[tokio::test]
async fn an_image_is_built_and_a_broken_dockerfile_tells_its_last_lines() {
    let Some(engine) = engine("build").await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("kept", "kept words\n");
    write("left", "left out\n");
    write(".dockerignore", "left\n");
    let dockerfile = folder.path().join("Dockerfile");
    let from = format!("FROM {IMAGE}\nARG WORD\nCOPY . /here\n");
    write(
        "Dockerfile",
        &format!("{from}RUN echo argument $WORD; ls /here\n"),
    );
    let mut build = Build {
        context: folder.path().to_owned(),
        dockerfile,
        args: BTreeMap::from([("WORD".to_owned(), "given".to_owned())]),
        image: format!("harness-test:{}", engine.labels().run()),
    };
    let mut lines = Vec::new();
    engine
        .build(&build, |line| lines.push(line.to_owned()))
        .await
        .unwrap();
    let told = lines.join("\n");
    assert!(
        told.contains("argument given") && told.contains("kept"),
        "{told}"
    );
    assert!(!lines.iter().any(|line| line == "left"), "{told}");
    let image = engine.docker.remove_image(
        &build.image,
        None::<testcontainers::bollard::query_parameters::RemoveImageOptions>,
        None,
    );
    image.await.unwrap();

    write(
        "Dockerfile",
        &format!("{from}RUN echo about to fail; exit 7\n"),
    );
    build.image.push('x');
    let error = engine.build(&build, |_| {}).await.unwrap_err().to_string();
    assert!(error.contains("returned a non-zero code: 7"), "{error}");
    assert!(error.contains("\n  about to fail"), "{error}");
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_not_left_behind() {
    let Some(engine) = engine("late").await else {
        return;
    };
    let wanted = shell(&engine, "late", "exec tail -f /dev/null");
    let id = engine.start(&wanted).await.unwrap();
    let sleep = ["sleep", "600"].map(str::to_owned);
    let late = engine.exec(&id, &sleep, Duration::from_millis(500)).await;
    assert!(late.unwrap_err().is_late());
    let names = run_in(&engine, &id, "cat /proc/[0-9]*/comm").await.output;
    assert!(
        names.contains("tail") && !names.contains("sleep"),
        "{names}"
    );
}

#[tokio::test]
async fn the_own_image_runs_this_program() {
    let Some(engine) = engine("own").await else {
        return;
    };
    let image = engine.own_image().await.unwrap();
    assert_eq!(engine.own_image().await.unwrap(), image);
    let wanted = Wanted {
        image,
        command: [
            "--exact",
            "target::engine::elf::tests::what_is_no_executable_is_said_to_be_none",
        ]
        .map(str::to_owned)
        .to_vec(),
        ..shell(&engine, "own", "")
    };
    let id = engine.start(&wanted).await.unwrap();
    let ended = engine.wait(&id).await.unwrap();
    let told = printed(&engine, &id, &Seen::default()).await;
    assert_eq!(ended.code, 0, "{told}");
    assert!(told.contains("1 passed"), "{told}");
}

#[tokio::test]
async fn an_engine_over_tcp_publishes_ports_and_its_death_is_told() {
    let Some(local) = engine("tcp").await else {
        return;
    };
    let forwarder = Forwarder::start(&local.reach().host).await;
    let reach = Reach {
        host: format!("tcp://{}", forwarder.address),
        certificates: None,
    };
    let labels = local.labels().clone();
    let engine = Engine::connect_to(reach.clone(), labels.clone())
        .await
        .unwrap();
    assert!(!engine.is_local());
    // The control network's name sorts first: what is published comes through it.
    let run = labels.run();
    let (services, control) = (format!("{run}-services"), format!("{run}-control"));
    engine.create_network(&services, true).await.unwrap();
    engine.create_network(&control, false).await.unwrap();
    let serve = "exec perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalPort => 8080, Listen => 5, \
                 ReuseAddr => 1); print \"up\\n\"; $|=1; while ($c = $s->accept) { print $c \"hello\"; close $c }'";
    let wanted = Wanted {
        networks: vec![
            Attachment::new(&services, &["x"]),
            Attachment::new(&control, &[]),
        ],
        publish: vec![8080],
        ..shell(&engine, "serves", serve)
    };
    let id = engine.start(&wanted).await.unwrap();
    let address = engine.address(&id, &control, 8080).await.unwrap();
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    assert_eq!(hello(&address).await, "hello");
    engine.disconnect_container(&id, &services).await.unwrap();
    let address = engine.address(&id, &control, 8080).await.unwrap();
    assert_eq!(
        hello(&address).await,
        "hello",
        "out of the services' network"
    );

    let waiting = tokio::spawn({
        let (engine, id) = (engine.clone(), id.clone());
        async move { engine.wait(&id).await }
    });
    let mut logs = engine.logs(&id, &Seen::default());
    forwarder.cut().await;
    assert!(
        logs.read_to_end(&mut Vec::new()).await.is_err(),
        "taken for its end"
    );
    let error = waiting.await.unwrap().unwrap_err();
    assert!(matches!(error, EngineError::Gone { .. }), "{error:?}");
    assert!(error.to_string().contains("is gone"), "{error}");
    let error = engine.inspect(&id).await.unwrap_err();
    assert!(error.is_silent(), "{error:?}");
    let error = Engine::connect_to(reach, labels).await.unwrap_err();
    assert!(matches!(error, EngineError::Absent { .. }), "{error:?}");
}

/// What a server says to whoever connects, once it listens.
async fn hello(address: &str) -> String {
    let asked = async {
        loop {
            if let Ok(mut stream) = tokio::net::TcpStream::connect(address).await {
                let mut told = String::new();
                let _ = stream.shutdown().await;
                if stream.read_to_string(&mut told).await.is_ok() && !told.is_empty() {
                    return told;
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), asked)
        .await
        .unwrap()
}
