//! Machines as they may be found.

use harness_drive::doctor::*;

const GIB: u64 = 1 << 30;

/// One that can everything.
pub(in super::super) fn able() -> Facts {
    Facts {
        engine: Engine::Answers(Machine {
            at: "unix:///var/run/docker.sock".into(),
            version: "27.3.1".into(),
            api: "1.47".into(),
            system: "Ubuntu 24.04.1 LTS".into(),
            storage: "overlay2".into(),
            folder: "/var/lib/docker".into(),
            cgroups: "2".into(),
            limits_cpu: true,
            limits_memory: true,
            processors: 8,
            memory: 16 * GIB,
            beside: true,
            here: true,
        }),
        compose: Compose {
            tool: Some((Tool::Plugin, "2.29.7".into())),
            wrong: None,
        },
        packets: Packets {
            netem: Tried::Works,
            nftables: Tried::Works,
        },
        cgroups: Cgroups {
            version: Some(2),
            controllers: ["cpu", "memory", "pids"]
                .map(|name| Controller {
                    name: name.into(),
                    writable: true,
                })
                .into(),
        },
        files: Files {
            now: Some(1024),
            at_most: Some(524_288),
        },
        runs: Some(Space {
            folder: "/home/u/shop".into(),
            free: 100 * GIB,
            total: 500 * GIB,
        }),
        images: Some(Space {
            folder: "/var/lib/docker".into(),
            free: 100 * GIB,
            total: 500 * GIB,
        }),
        worker: Worker {
            path: "/usr/local/bin/harness-goose".into(),
            there: true,
        },
        time: Time {
            processors: 8,
            resolution_ns: 1,
            late_us: 150,
            latest_us: 1200,
        },
        ports: Some(Ports {
            used: 12,
            available: 28232,
        }),
    }
}

/// One that can little.
pub(in super::super) fn bare() -> Facts {
    Facts {
        engine: Engine::Silent {
            reason: "no container engine answers at unix:///var/run/docker.sock: no such file; start it \
                     (`systemctl start docker`, Docker Desktop), or say in DOCKER_HOST where it is"
                .into(),
        },
        compose: Compose {
            tool: None,
            wrong: Some("neither `docker compose` nor `docker-compose` is here".into()),
        },
        packets: Packets {
            netem: Tried::Missing("netem (the kernel's module sch_netem): not found".into()),
            nftables: Tried::Missing("nftables on an interface's way out: not supported".into()),
        },
        cgroups: Cgroups {
            version: Some(1),
            controllers: vec![Controller {
                name: "memory".into(),
                writable: false,
            }],
        },
        files: Files {
            now: Some(1024),
            at_most: Some(4096),
        },
        runs: Some(Space {
            folder: "/home/u/shop".into(),
            free: GIB / 2,
            total: 10 * GIB,
        }),
        images: None,
        worker: Worker {
            path: "/usr/local/bin/harness-goose".into(),
            there: false,
        },
        time: Time {
            processors: 1,
            resolution_ns: 4_000_000,
            late_us: 4100,
            latest_us: 12_000,
        },
        ports: Some(Ports {
            used: 28000,
            available: 28232,
        }),
    }
}
