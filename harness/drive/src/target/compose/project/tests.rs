//! What is made of a Compose file.

use super::*;
use crate::target::compose::another::{Another, with_another};

fn wants() -> Wants {
    let orders = Wanted {
        alias: "shop".into(),
        image: None,
        env: [
            (
                "PAYMENTS_URL".to_owned(),
                "http://harness-proxy:20000".to_owned(),
            ),
            ("PRICE".to_owned(), "5$".to_owned()),
        ]
        .into(),
        port: Some(8080),
        behind: None,
    };
    Wants {
        project: "harness-r1".into(),
        labels: vec![("harness.run".into(), "r1".into())],
        images: "harness-compose-shop".into(),
        services: [("orders".to_owned(), orders)].into(),
        network: "harness-r1-services".into(),
        control: "harness-r1-control".into(),
        publish: None,
    }
}

fn file() -> Value {
    json!({
        "name": "shop",
        "services": {
            "orders": {
                "build": { "context": "/shop" },
                "container_name": "orders",
                "depends_on": ["db"],
                "environment": ["PAYMENTS_URL=http://payments:8080", "HOME"],
                "labels": { "team": "a" },
                "ports": ["8080:8080"],
                "restart": "always",
            },
            "mail": { "build": { "context": "/mail" } },
            "db": { "image": "postgres:16", "networks": { "back": null }, "volumes": ["data:/var/lib/postgresql/data"] },
        },
        "networks": { "back": { "name": "shop_back" }, "office": { "external": true, "name": "office" } },
        "volumes": { "data": null },
    })
}

fn run_of(file: Value) -> Value {
    played(file, &wants()).unwrap().0
}

#[test]
fn what_is_played_is_labelled_and_holds_nothing_that_two_runs_would_fight_for() {
    let ours = json!({ "external": true, "name": "harness-r1-services" });
    assert_eq!(
        run_of(file()),
        json!({
            "services": {
                "orders": {
                    "build": { "context": "/shop" },
                    "labels": { "team": "a", "harness.run": "r1" },
                    "restart": "no",
                    "image": "harness-compose-shop-orders",
                    "environment": {
                        "PAYMENTS_URL": "http://harness-proxy:20000", "HOME": null, "PRICE": "5$$",
                    },
                    "networks": { "harness": { "aliases": ["orders", "shop"] } },
                },
                "db": {
                    "image": "postgres:16",
                    "networks": { "harness": { "aliases": ["db"] } },
                    "volumes": ["data:/var/lib/postgresql/data"],
                    "labels": { "harness.run": "r1" },
                    "restart": "no",
                },
            },
            "networks": {
                "office": { "external": true, "name": "office" },
                "harness": ours,
            },
            "volumes": { "data": { "labels": { "harness.run": "r1" } } },
        })
    );
}

#[test]
fn all_hang_in_the_runs_network_and_in_those_that_somebody_else_made() {
    let mut file = file();
    file["services"]["db"]["networks"] = json!({
        "back": { "aliases": ["store"] },
        "office": { "aliases": ["shop-db"], "ipv4_address": "10.0.0.7" },
    });
    let (played, pieces) = played(file, &wants()).unwrap();
    assert_eq!(
        played["services"]["db"]["networks"],
        json!({
            "harness": { "aliases": ["db", "store"] },
            "office": { "aliases": ["shop-db"], "ipv4_address": "10.0.0.7" },
        })
    );
    let own = |aliases: &[&str]| Attachment::new("harness-r1-services", aliases);
    assert_eq!(
        pieces["db"].networks,
        [
            Attachment::new("office", &["shop-db", "db"]),
            own(&["db", "store"])
        ]
    );
    let control = Attachment::new("harness-r1-control", &[]);
    assert_eq!(
        pieces["orders"].networks,
        [own(&["orders", "shop"]), control]
    );
    assert_eq!(
        pieces["orders"].needs,
        [("db".to_owned(), Until::Started)].into()
    );
}

/// What is wanted where the suite's service is deployed.
fn deployed() -> Wants {
    let mut wants = wants();
    let orders = wants.services.get_mut("orders").unwrap();
    orders.behind = Some("harness-own-shop".into());
    wants
}

#[test]
fn one_that_is_deployed_leaves_its_names_to_another_and_has_a_second_beside() {
    let mut file = file();
    file["services"]["orders"]["networks"] = json!({
        "back": { "aliases": ["store"] },
        "office": { "aliases": ["shop-orders"] },
    });
    file["services"]["db"]["links"] = json!(["orders", "mail:post"]);
    let wants = deployed();
    let (played, pieces) = played(file, &wants).unwrap();
    let net = "harness-r1-services";
    assert_eq!(
        pieces["orders"].found,
        [
            Attachment::new("office", &["shop-orders", "orders"]),
            Attachment::new(net, &["orders", "shop", "store"]),
        ]
    );
    let under = |alias: &str| {
        [
            Attachment::new("office", &[alias]),
            Attachment::new(net, &[alias]),
            Attachment::new("harness-r1-control", &[]),
        ]
    };
    assert_eq!(pieces["orders"].networks, under("harness-own-shop"));
    assert_eq!(pieces["orders"].another("next", &wants), under("next"));
    // A link would lead past who has its names; who needs whom stays as it was.
    assert_eq!(played["services"]["db"]["links"], json!(["mail:post"]));
    assert!(pieces["db"].needs.contains_key("orders"));

    let wanted = Another {
        container: "harness-r1.next-shop".into(),
        alias: "harness-next-shop".into(),
        image: None,
        command: vec!["orders".into(), "$HOME".into()],
        env: [("PRICE".to_owned(), "6$".to_owned())].into(),
    };
    let both = with_another(played.clone(), "orders", &wanted).unwrap();
    let alias = json!({ "aliases": ["harness-next-shop"] });
    assert_eq!(
        both["services"]["harness-next-orders"],
        json!({
            "image": "harness-compose-shop-orders",
            "container_name": "harness-r1.next-shop",
            "command": ["orders", "$$HOME"],
            "labels": { "team": "a", "harness.run": "r1" },
            "restart": "no",
            "environment": {
                "PAYMENTS_URL": "http://harness-proxy:20000", "HOME": null, "PRICE": "6$$",
            },
            "networks": { "harness": alias, "office": alias },
        })
    );
    assert_eq!(both["services"]["orders"], played["services"]["orders"]);
    let wanted = Another {
        image: Some("shop:next".into()),
        ..Another::default()
    };
    let both = with_another(played, "orders", &wanted).unwrap();
    let another = &both["services"]["harness-next-orders"];
    assert_eq!(another["image"], "shop:next");
    assert_eq!(another["command"], Value::Null, "its image's own");
}

#[test]
fn what_can_have_no_second_is_told() {
    let told = |service: &str, key: &str, value: Value| {
        let mut file = file();
        file["services"]["db"]["depends_on"] = json!(["mail"]);
        file["services"][service][key] = value;
        played(file.clone(), &wants()).unwrap();
        played(file, &deployed()).unwrap_err().to_string()
    };
    let refused = [
        told("mail", "ipc", json!("service:orders")),
        told("db", "network_mode", json!("service:orders")),
        told("db", "links", json!(["orders:front"])),
        told(
            "orders",
            "networks",
            json!({ "office": { "ipv4_address": "10.0.0.7" } }),
        ),
    ];
    let wanted = [
        "`mail` lives in its container (`ipc`): give that one its own",
        "`db` lives in its container (`network_mode`): give that one its own",
        "`db` finds it as `front` by a link: write that name as one of its `aliases` in a network",
        "it has a fixed address in the network `office`: have it found by its name",
    ];
    for (said, words) in refused.iter().zip(wanted) {
        let begin = "the Compose service `orders` is deployed by a fault, and ";
        let end = ", or leave the deployment out";
        assert_eq!(*said, format!("{begin}{words}{end}"));
    }
}

#[test]
fn there_is_one_of_each_and_a_profile_is_on_if_its_service_is_named() {
    let mut file = file();
    let orders = &mut file["services"]["orders"];
    orders["profiles"] = json!(["extra"]);
    orders["scale"] = json!(3);
    orders["pull_policy"] = json!("build");
    orders["deploy"] = json!({ "replicas": 3, "resources": { "limits": { "cpus": "1" } } });
    let orders = &run_of(file)["services"]["orders"];
    for gone in ["profiles", "scale", "pull_policy"] {
        assert_eq!(orders[gone], Value::Null, "{gone}");
    }
    assert_eq!(
        orders["deploy"],
        json!({ "resources": { "limits": { "cpus": "1" } } })
    );
}

#[test]
fn an_image_of_a_variant_is_not_built() {
    let mut wants = wants();
    let orders = wants.services.get_mut("orders").unwrap();
    orders.image = Some("shop:next".into());
    let (played, _) = played(file(), &wants).unwrap();
    let orders = &played["services"]["orders"];
    assert_eq!(orders["image"], "shop:next");
    assert_eq!(orders["build"], Value::Null);
}

#[test]
fn a_port_is_published_where_addresses_are_not_reached() {
    for (at, published) in [("127.0.0.1", "127.0.0.1::8080"), ("", "8080")] {
        let wants = Wants {
            publish: Some(at.into()),
            ..wants()
        };
        let (played, _) = played(file(), &wants).unwrap();
        assert_eq!(played["services"]["orders"]["ports"], json!([published]));
        assert_eq!(played["services"]["db"]["ports"], Value::Null);
    }
}

#[test]
fn what_the_tool_does_when_it_starts_a_container_is_refused() {
    let refused = |change: fn(&mut Value)| {
        let mut file = file();
        change(&mut file);
        played(file, &wants()).unwrap_err().to_string()
    };
    let hook = refused(|file| file["services"]["db"]["post_start"] = json!([]));
    assert!(hook.contains("`db` has a hook `post_start`"), "{hook}");
    let secret = refused(|file| {
        file["services"]["db"]["secrets"] = json!([{ "source": "key", "target": "/key" }]);
        file["secrets"] = json!({ "key": { "environment": "KEY" } });
    });
    assert!(
        secret.contains("`key` of the secrets") && secret.contains("name a `file`"),
        "{secret}"
    );
    let config = refused(|file| {
        file["services"]["db"]["configs"] = json!(["conf"]);
        file["configs"] = json!({ "conf": { "content": "x" } });
    });
    assert!(config.contains("`conf` of the configs"), "{config}");
    // One with a file is, and so is one that nobody here uses.
    let mut file = file();
    file["services"]["db"]["configs"] = json!(["conf"]);
    file["configs"] = json!({ "conf": { "file": "x" }, "other": { "content": "x" } });
    run_of(file);
}

#[test]
fn what_the_suite_names_must_be_there_and_within_reach() {
    let mut other = wants();
    other.services.insert("shipping".into(), Wanted::default());
    let error = played(file(), &other).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the Compose file has no service `shipping`: it has orders, mail, db"
    );
    let mut host = file();
    host["services"]["orders"]["network_mode"] = json!("host");
    let error = played(host, &wants()).unwrap_err();
    assert!(error.to_string().contains("network_mode: host"), "{error}");
    assert!(matches!(
        played(json!([]), &wants()),
        Err(ProjectError::Odd(_))
    ));
}
