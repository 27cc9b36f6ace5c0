//! What a server that refuses, or does not answer, leaves behind, and who undoes it in the end.

use super::*;
use crate::target::fake::Fake;
use harness_core::plan::fault::{Reach, Site};

/// A run's links on a server that has one proxy, `db`.
pub(super) async fn served(fake: &Fake, folder: &std::path::Path) -> Server {
    let clock = Clock::start();
    let api = Toxiproxy::meet(&fake.url, clock).await.unwrap();
    let journal = Journal::create(&folder.join("undo"), "r").unwrap();
    let route = Route::There {
        link: "back".parse().unwrap(),
        proxy: "db".into(),
    };
    let run = "r".parse().unwrap();
    let bound = Server::bind(api, &[route], &[], &run, clock, Some(&journal)).await;
    bound.unwrap()
}

/// Applies a fault to its link.
pub(super) async fn strike(server: &Server, id: &str, kind: &FaultKind) -> Result<(), String> {
    let link: Name = "back".parse().unwrap();
    let on = Site::Link(link.clone());
    let reach = Reach::default();
    let strike = Strike {
        on: &on,
        kind,
        reach: &reach,
        over: Duration::ZERO,
    };
    server.apply(id, &link, strike).await
}

/// Polls what is never answered until the server was asked for it more often than `before`, and while something else is
/// done then.
pub(super) async fn held<T>(
    fake: &Fake,
    asked: &str,
    before: usize,
    never: impl Future<Output = T>,
    then: impl Future<Output = ()>,
) {
    let heard = async {
        while fake.asked(asked) <= before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        then.await;
    };
    tokio::select! {
        _ = never => panic!("it was answered"),
        () = heard => {}
    }
}

/// Two toxics on a server.
const SWALLOWED: FaultKind = FaultKind::Timeout {
    after: Duration::ZERO,
};

fn toxics_left(fake: &Fake) -> usize {
    fake.proxy("db")["toxics"].as_array().unwrap().len()
}

#[tokio::test]
async fn what_could_not_be_applied_nor_undone_is_not_told_as_lifted() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::start(&["db"]);
    let server = served(&fake, folder.path()).await;
    fake.refuse("POST /proxies/db/toxics");
    fake.refuse("DELETE ");
    assert!(strike(&server, "f", &SWALLOWED).await.is_err());
    assert_eq!(toxics_left(&fake), 1);
    let lifted = server.remove("f").await;
    assert!(lifted.unwrap_err().contains("out of order"));
    fake.behave();
    assert_eq!(server.remove("f").await, Ok(()));
    assert_eq!(toxics_left(&fake), 0);
    assert!(server.applied().is_empty());
}

#[tokio::test]
async fn a_lift_that_is_given_up_half_way_is_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::start(&["db"]);
    let server = served(&fake, folder.path()).await;
    strike(&server, "f", &SWALLOWED).await.unwrap();
    let second = server.applied()["f"].toxics[1].clone();
    let delete = format!("DELETE /proxies/db/toxics/{second}");
    fake.hold(&delete);
    held(&fake, &delete, 0, server.remove("f"), async {}).await;
    assert_eq!(server.applied()["f"].toxics, [second]);
    fake.behave();
    assert_eq!(server.remove("f").await, Ok(()));
    assert_eq!(toxics_left(&fake), 0);
}

#[tokio::test]
async fn what_one_toxic_refuses_is_no_reason_to_leave_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::start(&["db"]);
    let server = served(&fake, folder.path()).await;
    strike(&server, "a", &SWALLOWED).await.unwrap();
    strike(&server, "b", &SWALLOWED).await.unwrap();
    let first = server.applied()["a"].toxics[0].clone();
    fake.refuse(&format!("DELETE /proxies/db/toxics/{first}"));
    let left = server.heal().await;
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(toxics_left(&fake), 1);
    fake.behave();
    assert_eq!(server.heal().await, Vec::<String>::new());
    assert_eq!(toxics_left(&fake), 0);
}

#[tokio::test]
async fn a_toxic_that_somebody_removes_makes_its_lifting_fail_and_is_healed() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::start(&["db"]);
    let server = served(&fake, folder.path()).await;
    for heals in [false, true] {
        strike(&server, "f", &SWALLOWED).await.unwrap();
        let first = server.applied()["f"].toxics[0].clone();
        server.api.remove("db", &first).await.unwrap();
        if heals {
            assert_eq!(server.heal().await, Vec::<String>::new());
        } else {
            let lifted = server.remove("f").await;
            assert!(lifted.unwrap_err().contains("not by this run"));
        }
        assert!(server.applied().is_empty());
    }
}
