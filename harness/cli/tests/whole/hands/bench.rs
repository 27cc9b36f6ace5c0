//! Two containers that talk, and the helper that acts on them; all of it with the engine's command line, and gone with the
//! bench. What containers see is asked of programs in them.

use crate::support::engine;
use harness_core::name::Name;
use harness_drive::target::engine::{ContainerId, Held, HeldIn};
use harness_drive::target::hands::Outfit;
use harness_drive::target::hands::order::{Answer, Deed, Order};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::IpAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const IMAGE: &str = "debian:bookworm-slim";

/// Echoes lines on TCP port 7000, and appends each datagram it gets on UDP port 7000 to `/got`, a line each.
const SERVE: &str = r#"use IO::Socket::INET; use IO::Select; use IO::Handle;
open(my $got, ">>", "/got"); $got->autoflush(1);
my $tcp = IO::Socket::INET->new(LocalPort => 7000, Listen => 9, ReuseAddr => 1);
my $udp = IO::Socket::INET->new(LocalPort => 7000, Proto => "udp");
my $all = IO::Select->new($tcp, $udp);
print "serving\n"; STDOUT->flush;
while (1) { for my $s ($all->can_read) {
  if ($s == $tcp) { $all->add($s->accept) }
  elsif ($s == $udp) { $s->recv(my $text, 1000); print $got "$text\n" }
  elsif (sysread($s, my $text, 1000)) { syswrite($s, $text) }
  else { $all->remove($s); close $s } } }"#;

/// Does what it reads, a line each, and answers with a line.
const TALK: &str = r#"use IO::Socket::INET; use IO::Select; $| = 1; my $s;
while (my $line = <STDIN>) { chomp $line; my ($do, @with) = split / /, $line;
  if ($do eq "open") { $s = IO::Socket::INET->new(PeerAddr => $with[0], PeerPort => 7000, Timeout => $with[1]);
    print $s ? "ok\n" : "no\n" }
  elsif ($do eq "say") { syswrite($s, "$with[0]\n"); print "ok\n" }
  elsif ($do eq "hear") { if (IO::Select->new($s)->can_read($with[0])) { sysread($s, my $text, 1000); print $text } else { print "silence\n" } }
  elsif ($do eq "send") { my $u = IO::Socket::INET->new(PeerAddr => $with[0], PeerPort => 7000, Proto => "udp"); my $sent = 0;
    for my $n (1 .. $with[2]) { $sent++ if defined $u->send($with[1]) } print "$sent\n" } }"#;

/// What of an engine is missing, if something is.
fn missing() -> Result<(), String> {
    let asked = Command::new("docker")
        .args(["image", "inspect", IMAGE])
        .output();
    let told = asked.map_err(|error| format!("docker: {error}"))?;
    match told.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&told.stderr).trim().to_owned()),
    }
}

/// What was done, and by what.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) by: Vec<String>,
    deeds: Vec<Deed>,
}

/// Two containers, `one` and `two`, on a network, and the helper.
pub(crate) struct Bench {
    label: String,
}

impl Bench {
    /// `None`, and a visible line, where no engine answers; not where one is required.
    pub(crate) fn new() -> Option<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        if !engine::ready(missing()) {
            return None;
        }
        let made = MADE.fetch_add(1, Ordering::Relaxed);
        let bench = Self {
            label: format!("harness-hands-test-{}-{made}", std::process::id()),
        };
        let label = bench.label.as_str();
        docker(&["network", "create", "--label", label, label]);
        let volume = format!("{label}-data");
        let sized = [
            "--opt",
            "type=tmpfs",
            "--opt",
            "device=tmpfs",
            "--opt",
            "o=size=4m",
        ];
        let named = ["--label", label, volume.as_str()];
        docker(&[&["volume", "create"], &sized[..], &named].concat());
        for name in ["one", "two"] {
            let data = format!("{volume}:/data");
            let serve = [IMAGE, "perl", "-e", SERVE];
            let volume = ["-v", data.as_str()];
            bench.run(name, &[&volume, &serve[..]].concat());
            bench.ready(name);
        }
        let (held, own) = (
            format!("{volume}:/held"),
            format!("{}:/harness:ro", env!("CARGO_BIN_EXE_harness")),
        );
        let may = [
            "--pid=host",
            "--cap-add=SYS_ADMIN",
            "--cap-add=NET_ADMIN",
            "--cap-add=SYS_PTRACE",
        ];
        let open = ["--security-opt", "apparmor=unconfined", "--network=none"];
        let with = [
            "-v",
            held.as_str(),
            "-v",
            own.as_str(),
            IMAGE,
            "/harness",
            "hands",
        ];
        bench.run("hands", &[&may[..], &open, &with].concat());
        Some(bench)
    }

    /// The run that all of it belongs to.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// Where a service's container is, for the hands.
    pub(crate) fn container(&self, of: &Name) -> ContainerId {
        let name = self.name(of.as_str());
        ContainerId::of(name.clone(), name)
    }

    /// What a helper of the driver's own is made of; its volume is that of `one` at `/data`.
    pub(crate) fn outfit(&self) -> Outfit {
        let of = ("one".parse().unwrap(), "/data".to_owned());
        Outfit {
            name: self.name("driver"),
            image: IMAGE.to_owned(),
            network: self.label.clone(),
            volumes: [(of, self.name("data"))].into(),
            sees: vec![Held {
                source: HeldIn::Folder(env!("CARGO_BIN_EXE_harness").into()),
                path: "/harness/harness".to_owned(),
                read_only: true,
            }],
        }
    }

    pub(crate) fn name(&self, container: &str) -> String {
        format!("{}-{container}", self.label)
    }

    /// Starts a container; on the bench's network, unless the arguments name another.
    pub(crate) fn run(&self, container: &str, with: &[&str]) {
        let name = self.name(container);
        let known = ["run", "-d", "--label", &self.label, "--name", &name];
        let on = ["--network", &self.label, "--network-alias", container];
        let on = match with.iter().any(|word| word.starts_with("--network")) {
            true => &[][..],
            false => &on,
        };
        docker(&[&known, on, with].concat());
    }

    fn ready(&self, container: &str) {
        let name = self.name(container);
        until(|| docker(&["logs", &name]).contains("serving"));
    }

    pub(crate) fn kill(&self, container: &str) {
        docker(&["kill", &self.name(container)]);
    }

    pub(crate) fn restart(&self, container: &str) {
        docker(&["restart", "-t", "0", &self.name(container)]);
        until(|| {
            docker(&["logs", &self.name(container)])
                .matches("serving")
                .count()
                == 2
        });
    }

    /// Takes a container out of the network.
    pub(crate) fn disconnect(&self, container: &str) {
        docker(&["network", "disconnect", &self.label, &self.name(container)]);
    }

    /// Puts it back.
    pub(crate) fn connect(&self, container: &str) {
        let name = self.name(container);
        docker(&[
            "network",
            "connect",
            "--alias",
            container,
            &self.label,
            &name,
        ]);
    }

    fn inspect(&self, container: &str, what: &str) -> String {
        docker(&["inspect", "-f", what, &self.name(container)])
    }

    pub(crate) fn pid(&self, container: &str) -> u32 {
        self.inspect(container, "{{.State.Pid}}").parse().unwrap()
    }

    pub(crate) fn address(&self, container: &str) -> IpAddr {
        let what = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        self.inspect(container, what).parse().unwrap()
    }

    /// A program in a container, and what it said.
    pub(crate) fn exec(&self, container: &str, program: &[&str]) -> Output {
        let name = self.name(container);
        let mut command = Command::new("docker");
        command
            .args(["exec", &name])
            .args(program)
            .output()
            .unwrap()
    }

    /// Somebody in a container who does what he is told.
    pub(crate) fn talk(&self, container: &str) -> Talk {
        let mut child = Command::new("docker")
            .args(["exec", "-i", &self.name(container), "perl", "-e", TALK])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Talk {
            to: child.stdin.take().unwrap(),
            from: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    /// What a container's server got in datagrams.
    pub(crate) fn got(&self, container: &str) -> Vec<String> {
        let told = self.exec(container, &["cat", "/got"]);
        let text = String::from_utf8(told.stdout).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    /// Waits until a container got a datagram with a text.
    pub(crate) fn until_got(&self, container: &str, text: &str) -> Vec<String> {
        let mut all = Vec::new();
        until(|| {
            all = self.got(container);
            all.iter().any(|line| line == text)
        });
        all
    }

    /// What the helper answers to an order.
    pub(crate) fn order(&self, order: &Order) -> Answer {
        let order = serde_json::to_string(order).unwrap();
        let told = self.exec("hands", &["/harness", "hands", &order]);
        let said = String::from_utf8_lossy(&told.stdout);
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said} {told:?}"))
    }

    /// Does something.
    pub(crate) fn strike(&self, deeds: Vec<Deed>) -> Done {
        let order = Order {
            deeds,
            ..Order::default()
        };
        match self.order(&order) {
            Answer::Done { by, .. } => Done {
                by,
                deeds: order.deeds,
            },
            Answer::Failed { reason, .. } => panic!("{reason}"),
        }
    }

    /// Undoes it.
    pub(crate) fn lift(&self, done: Done) {
        let order = Order {
            undo: done.deeds,
            ..Order::default()
        };
        let answer = self.order(&order);
        assert!(matches!(answer, Answer::Done { .. }), "{answer:?}");
    }

    /// Why something can't be done.
    pub(crate) fn refused(&self, deed: Deed) -> String {
        let order = Order {
            deeds: vec![deed],
            ..Order::default()
        };
        match self.order(&order) {
            Answer::Failed { reason, .. } => reason,
            done => panic!("{done:?}"),
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let label = format!("label={}", self.label);
        let quietly = |args: &[&str]| {
            let out = Command::new("docker").args(args).output();
            out.map_or_else(
                |_| String::new(),
                |out| String::from_utf8_lossy(&out.stdout).into_owned(),
            )
        };
        quietly(&["rm", "-f", &self.name("driver")]);
        for id in quietly(&["ps", "-aq", "--filter", &label]).lines() {
            quietly(&["rm", "-f", id]);
        }
        quietly(&["network", "rm", &self.label]);
        quietly(&["volume", "rm", &self.name("data")]);
    }
}

/// Somebody in a container.
pub(crate) struct Talk {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Talk {
    /// Does something and answers.
    pub(crate) fn ask(&mut self, what: &str) -> String {
        writeln!(self.to, "{what}").unwrap();
        let mut answer = String::new();
        self.from.read_line(&mut answer).unwrap();
        answer.trim_end().to_owned()
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn docker(args: &[&str]) -> String {
    let told = Command::new("docker").args(args).output().unwrap();
    assert!(
        told.status.success(),
        "docker {args:?}: {}",
        String::from_utf8_lossy(&told.stderr)
    );
    String::from_utf8(told.stdout).unwrap().trim().to_owned()
}

fn until(mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(
            Instant::now() - begun < Duration::from_secs(60),
            "it never came"
        );
    }
}
