//! What the tests of mode `compose` share: whether a tool is here that reads Compose files, tools that are none, and the demo
//! system in a Compose file.

use super::Suite;
use super::containers::engine;
use super::engine::ready_for;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

/// Whether a tool says its version.
fn answers(words: &[&str]) -> bool {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).args(["version", "--short"]);
    let output = command.stdin(Stdio::null()).output();
    output.is_ok_and(|output| {
        output.status.success() && output.stdout.first().is_some_and(u8::is_ascii_digit)
    })
}

fn here(words: &[&str]) -> bool {
    let lacks = "it is not here: install Docker's plugin, or name a folder with cli-plugins/docker-compose in DOCKER_CONFIG";
    let ready = match answers(words) {
        true => Ok(()),
        false => Err(format!("`{}`: {lacks}", words.join(" "))),
    };
    ready_for("HARNESS_REQUIRE_COMPOSE", ready)
}

/// Whether an engine answers and Docker's plugin is here; says visibly if not, and `HARNESS_REQUIRE_COMPOSE=1` makes that a
/// failure.
pub(crate) fn plugin() -> bool {
    engine() && here(&["docker", "compose"])
}

/// Whether an engine answers and the older program is here, which nobody demands: it is in fewer and fewer places.
pub(crate) fn program() -> bool {
    let ready = match answers(&["docker-compose"]) {
        true => Ok(()),
        false => Err("`docker-compose` is not here".to_owned()),
    };
    engine() && ready_for("HARNESS_REQUIRE_COMPOSE_PROGRAM", ready)
}

impl Suite {
    /// The demo's gateway and inventory as a Compose file has them, with what they can't be without, a link between them,
    /// and these files beside.
    pub(crate) fn composed(files: &[(&str, &str)]) -> Self {
        let suite = Self::small(files);
        suite.write("harness.toml", COMPOSED);
        suite.write("deploy/compose.yml", FILE);
        suite
    }

    /// `harness` in this folder with programs of these names and scripts before all others.
    pub(crate) fn command_with(&self, programs: &[(&str, &str)], arguments: &[&str]) -> Command {
        for (name, script) in programs {
            let name = format!("bin/{name}");
            self.write(&name, format!("#!/bin/sh\n{script}\n"));
            let path = self.path().join(name);
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let path = std::env::var("PATH").unwrap_or_default();
        let own = self.path().join("bin");
        let mut command = self.command(arguments);
        command.env("PATH", format!("{}:{path}", own.display()));
        command
    }
}

/// A client of Docker's without the plugin. All else it does: older tools build with it.
pub(crate) const NO_PLUGIN: (&str, &str) = (
    "docker",
    "[ \"$1\" != compose ] || { echo \"docker: 'compose' is not a docker command.\" >&2; exit 1; }\n\
     PATH=${PATH#*:} exec docker \"$@\"",
);

const COMPOSED: &str = r#"
[project]
name = "small"
[target]
mode = "compose"
compose = ["deploy/compose.yml"]
[target.service.inventory]
compose = { service = "stock", port = 8080 }
ready = { get = "/health/ready", within = "60s" }
stop_within = "5s"
[target.service.gateway]
compose = { port = 8080, env = { INVENTORY_URL = "${link.catalogue.url}" } }
ready = { get = "/health/live", within = "60s" }
stop_within = "5s"
[target.link.edge]
to = "gateway"
[target.link.catalogue]
from = "gateway"
to = "inventory"
[http]
headers = { x-api-key = "demo-key" }
timeout = "2s"
"#;

/// It has a name, a port of the machine and networks that two runs would fight for, one that is done before another starts, one that must be
/// healthy, one that needs nobody, and a secret that a dollar sign is in.
const FILE: &str = r#"
name: shop
x-shop: &shop
  image: harness-test-shop:dev
  build:
    context: ..
    dockerfile: Dockerfile
services:
  gateway:
    <<: *shop
    container_name: the-gateway
    command: [shop, gateway, --host, 0.0.0.0, --port, "8080"]
    ports: ["127.0.0.1:18999:8080"]
    restart: always
    environment:
      INVENTORY_URL: http://nowhere:1
      ORDERS_URL: http://stock:8080
      NOTIFICATIONS_URL: http://warehouse:8080
      BROKER_URL: http://inventory:8080
      CACHE: "off"
      SHOP_API_KEY: ${KEY:-demo-key}
      ODD: "a$$b"
    depends_on: [stock]
    networks: [front, back]
  stock:
    <<: *shop
    command: [sh, -c, 'test -e /state/ready && exec shop inventory --host 0.0.0.0 --port 8080 --db /state/inventory.db']
    volumes: ["state:/state"]
    networks:
      back:
        aliases: [warehouse]
    depends_on:
      prepared:
        condition: service_completed_successfully
      clock:
        condition: service_healthy
  prepared:
    image: debian:bookworm-slim
    command: [sh, -c, "sleep 1; touch /state/ready; echo all is prepared"]
    volumes: ["state:/state"]
    networks: [back]
  clock:
    image: debian:bookworm-slim
    command: [sh, -c, "echo tick; touch /tmp/well; exec sleep 600"]
    healthcheck:
      test: [CMD, test, -e, /tmp/well]
      interval: 1s
    networks: [back]
  unused:
    image: localhost:1/no/such:image
networks:
  front: {}
  back: {}
volumes:
  state: {}
"#;
