//! The demo system as a suite of process mode, all its services and links in it, without a load or a journey.

use super::shop;

/// A journey after which there are a notification and a dead letter, so that a contract finds something to ask for.
pub(crate) const DEAD_LETTER: &str = r#"
title = "A notification without a template becomes a dead letter"
[[step]]
name = "an order, of which its customer is told"
post = "/v1/orders"
json = { sku = "SKU-003", quantity = 1 }
expect = ["status == 201"]
[[step]]
name = "a notification that can't be"
post = "/v1/notifications"
json = { customer = "ada", template = "nobody-wrote-it" }
expect = ["status == 202"]
[[step]]
name = "the one is there"
get = "/v1/notifications"
expect = ["status == 200", "count($.items) >= 1"]
eventually = "20s"
[[step]]
name = "the other is dead"
get = "/v1/dead-letters"
headers = { x-api-key = "${secret.admin_key}" }
expect = ["status == 200", "count($.items) >= 1"]
eventually = "20s"
"#;

/// A service of the demo system for a suite: its name, whether it keeps a database, and its environment.
fn service(name: &str, stored: bool, env: &str) -> String {
    let shop = shop().display();
    let db = format!(r#", "--db", "${{run.dir}}/{name}.db""#);
    let db = if stored { db.as_str() } else { "" };
    format!(
        r#"[target.service.{name}]
process = {{ command = ["{shop}", "{name}", "--port", "${{port}}"{db}] }}
env = {{ {env} }}
ready = {{ get = "/health/ready", within = "60s" }}
metrics = "/metrics"
"#
    )
}

/// The suite's file.
pub(super) fn toml() -> String {
    let orders = r#"INVENTORY_URL = "${link.stock.url}", PAYMENTS_URL = "${link.payments.url}", BROKER_URL = "${link.outbox.url}""#;
    let notifications = r#"BROKER_URL = "${link.events.url}", EMAIL_URL = "${link.channels.url}", SMS_URL = "${link.channels.url}", PUSH_URL = "${link.channels.url}""#;
    let gateway = r#"ORDERS_URL = "${link.orders.url}", INVENTORY_URL = "${link.catalogue.url}", NOTIFICATIONS_URL = "${link.notifications.url}", BROKER_URL = "${link.dead-letters.url}", SHOP_API_KEY = "${secret.api_key}", SHOP_ADMIN_KEY = "${secret.admin_key}""#;
    let services = [
        service("payments", false, ""),
        service("inventory", true, ""),
        service("broker", true, ""),
        service("channels", false, ""),
        service("notifications", true, notifications),
        service("orders", true, orders),
        service("gateway", false, gateway),
    ];
    let links = [
        ("payments", "orders", "payments"),
        ("stock", "orders", "inventory"),
        ("outbox", "orders", "broker"),
        ("events", "notifications", "broker"),
        ("channels", "notifications", "channels"),
        ("orders", "gateway", "orders"),
        ("catalogue", "gateway", "inventory"),
        ("notifications", "gateway", "notifications"),
        ("dead-letters", "gateway", "broker"),
    ];
    let links = links.map(|(name, from, to)| {
        format!("[target.link.{name}]\nfrom = \"{from}\"\nto = \"{to}\"\n")
    });
    let head = "[project]\nname = \"shop\"\n[target]\nmode = \"process\"\n";
    let rest = r#"[target.link.edge]
to = "gateway"
[http]
headers = { x-api-key = "${secret.api_key}" }
[secret]
api_key = { env = "SHOP_API_KEY", default = "test-key-1234" }
admin_key = { env = "SHOP_ADMIN_KEY", default = "test-admin-1234" }
"#;
    format!("{head}{}{}{rest}", services.concat(), links.concat())
}
