//! Which requests a toxic is for: shares, rates, the first ones, several toxics, and one that comes later.

use super::*;

#[test]
fn toxicity_zero_has_no_effect_at_all() {
    let zero = armed(1, http(json!({"status": 503})), 0.0);
    let mut bench = Bench::armed(0, vec![zero]);
    assert!(bench.desk.is_idle(), "bytes go past it");
    bench.client(b"GET / HT");
    assert_eq!(bench.up, b"GET / HT");
    // Nor has one that is taken down to it.
    let mut bench = Bench::new(&[json!({"delay": 1_000})]);
    bench.client(GET).service(OK);
    assert_eq!(bench.down(), "");
    bench.toxics[0].toxic.toxicity = 0.0;
    bench.desk.apply(&bench.toxics);
    bench.pump();
    assert!(bench.down == OK && bench.desk.is_idle());
}

#[test]
fn first_requests_fail_over_all_connections_and_a_rate_is_kept() {
    let toxics = vec![armed(1, http(json!({"fail_first": 3, "status": 500})), 1.0)];
    let failed = (0..3).map(|connection| {
        let mut bench = Bench::armed(connection, toxics.clone());
        bench.client(GET).client(GET);
        bench.down().matches("500 Internal").count()
    });
    assert_eq!(failed.collect::<Vec<_>>(), [2, 1, 0]);
    let mut bench = Bench::new(&[json!({"rate": 2})]);
    bench.client(&GET.repeat(4));
    assert_eq!(bench.up, [GET, GET].concat());
    bench.service(OK).service(OK);
    let refused = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n";
    assert!(
        bench.down().ends_with(&refused.repeat(2)),
        "{}",
        bench.down()
    );
    bench.wait(500).client(&GET.repeat(2));
    assert_eq!(bench.up, GET.repeat(3));
    assert_eq!(bench.hits(), [3]);
}

#[test]
fn a_rate_counts_over_all_connections() {
    let toxics = vec![armed(1, http(json!({"rate": 10})), 1.0)];
    let mut benches = [0, 1].map(|connection| Bench::armed(connection, toxics.clone()));
    let (start, mut passed) = (Instant::now(), 0);
    for round in 0..300 {
        for bench in &mut benches {
            let before = bench.up.len();
            bench.now = start + ms(10 * round);
            bench.client(GET);
            if bench.up.len() > before {
                passed += 1;
                bench.service(OK);
            }
        }
    }
    assert_eq!(passed, 10 + 29, "a second's worth, and that of 2.99 s");
    assert_eq!(benches[0].hits(), [600 - 39]);
}

#[test]
fn a_share_of_requests_repeats_with_the_seed_and_no_other_connection_changes_it() {
    let answered = |connection, toxicity| {
        let mut bench = Bench::armed(
            connection,
            vec![armed(1, http(json!({"status": 503})), toxicity)],
        );
        let mut hits = Vec::new();
        for _ in 0..200 {
            let before = bench.up.len();
            bench.client(GET);
            let passed = bench.up.len() > before;
            if passed {
                bench.service(OK);
            }
            hits.push(!passed);
        }
        hits
    };
    let first = answered(0, 0.3);
    assert_eq!(first, answered(0, 0.3));
    assert_ne!(first, answered(1, 0.3));
    let share = first.iter().filter(|hit| **hit).count();
    assert!((35..=85).contains(&share), "{share} of 200 at 0.3");
    assert!(answered(0, 1.0).iter().all(|hit| *hit) && !answered(0, 0.0).iter().any(|hit| *hit));
}

#[test]
fn of_several_the_first_decides_and_delays_add_up() {
    let mut bench = Bench::new(&[
        json!({"replace": "a", "method": "POST"}),
        json!({"status": 500}),
        json!({"fail_first": 1}),
        json!({"delay": 5}),
    ]);
    bench
        .client(b"POST / HTTP/1.1\r\n\r\n")
        .client(GET)
        .service(OK)
        .wait(10);
    assert!(
        bench.down().contains("\r\n\r\naHTTP/1.1 500 "),
        "{}",
        bench.down()
    );
    assert_eq!(bench.hits(), [1, 1, 0, 2]);
}

#[test]
fn a_toxic_that_comes_later_joins_at_the_next_request() {
    let own = json!({"status": 503});
    let join = |last, bytes: &[u8]| {
        let mut bench = Bench::new(&[]);
        assert!(bench.desk.is_idle());
        bench.desk.passed(last);
        bench.toxics = vec![armed(1, http(own.clone()), 1.0)];
        bench.desk.apply(&bench.toxics);
        bench.client(bytes);
        bench
    };
    for last in [None, Some(Side::Service)] {
        assert!(
            join(last, GET).down().starts_with("HTTP/1.1 503"),
            "{last:?}"
        );
    }
    // A request is under way, or what comes is the rest of one.
    let mut bench = join(Some(Side::Client), GET);
    assert_eq!((bench.up.as_slice(), bench.down().as_str()), (GET, ""));
    bench.service(OK).client(GET);
    assert!(bench.down().contains("HTTP/1.1 503"));
    let mut bench = join(Some(Side::Service), b"the body after a 100");
    assert_eq!(bench.up, b"the body after a 100");
    bench.service(OK).client(GET);
    assert!(bench.down().contains("HTTP/1.1 503"));
}
