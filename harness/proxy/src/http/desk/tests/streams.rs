//! Streams stay whole and in order however they are cut, and no bytes make the desk panic or hang.

use super::*;
use crate::http::samples::{cuts, exchange, pieces, stream};
use crate::toxic::HttpAnswer;
use proptest::prelude::*;

proptest! {
    #[test]
    fn clients_get_the_answers_of_their_requests_in_order_however_all_is_cut(
        exchanges in prop::collection::vec(exchange(), 0..8), up in cuts(), down in cuts(), delay in 0..3_u64,
    ) {
        let mut bench = Bench::new(&[json!({"status": 418, "path": "/y", "body": "tea"}), json!({"delay": delay, "method": "POST"})]);
        let (mut asked, mut told, mut heard, mut expected) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for exchange in &exchanges {
            asked.extend_from_slice(&exchange.request);
            if exchange.path == "/y" {
                let answer = HttpAnswer { body: "tea".into(), ..HttpAnswer::status(418) };
                let asked = Asked { head: exchange.head, ..Asked::default() };
                expected.extend(edit::own(&answer, asked, false));
            } else {
                heard.extend_from_slice(&exchange.request);
                told.extend_from_slice(&exchange.answer);
                expected.extend_from_slice(&exchange.answer);
            }
        }
        for piece in pieces(&asked, &up) {
            bench.client(piece);
        }
        prop_assert_eq!(&bench.up, &heard);
        for piece in pieces(&told, &down) {
            bench.service(piece).wait(1);
        }
        bench.wait(100);
        prop_assert_eq!(&bench.down, &expected);
        prop_assert_eq!(bench.desk.end(), None);
    }

    #[test]
    fn any_bytes_pass_unchanged_where_no_toxic_is_for_them(
        asked in stream(), told in stream(), up in cuts(), down in cuts(),
    ) {
        let mut bench = Bench::new(&[json!({"drop": true, "method": "NONE"})]);
        let (asking, telling) = (pieces(&asked, &up), pieces(&told, &down));
        for index in 0..asking.len().max(telling.len()) {
            bench.client(asking.get(index).copied().unwrap_or_default());
            bench.service(telling.get(index).copied().unwrap_or_default());
        }
        bench.desk.client_ended();
        bench.desk.service_ended(End::Eof);
        bench.pump();
        // Only what follows an offer to switch is kept back, until it is answered.
        let (up, left) = (bench.up.clone(), bench.from_client.clone());
        prop_assert!(left.is_empty() || String::from_utf8_lossy(&asked).contains("upgrade"));
        prop_assert_eq!([up, left].concat(), asked);
        prop_assert_eq!(bench.down, told);
        prop_assert_eq!(bench.desk.end(), Some(End::Eof));
    }

    #[test]
    fn no_bytes_make_it_panic_or_hang_whatever_the_toxics(
        asked in stream(), told in stream(), up in cuts(), down in cuts(),
        toxics in prop::collection::vec(prop::sample::select(vec![
            json!({"status": 503}), json!({"drop": true, "path": "/"}), json!({"truncate": 1}), json!({"corrupt": true}),
            json!({"replace": "x"}), json!({"delay": 1}), json!({"rate": 1}), json!({"fail_first": 1}),
        ]), 0..4), gone in any::<bool>(),
    ) {
        let mut bench = Bench::new(&toxics);
        let (asking, telling) = (pieces(&asked, &up), pieces(&told, &down));
        for index in 0..asking.len().max(telling.len()) {
            bench.client(asking.get(index).copied().unwrap_or_default());
            bench.service(telling.get(index).copied().unwrap_or_default());
            if gone && index == 3 && !bench.toxics.is_empty() {
                bench.remove(0);
            }
        }
        bench.desk.client_ended();
        bench.desk.service_ended(End::Eof);
        bench.wait(1_000);
        prop_assert!(bench.desk.end().is_some(), "the end does not come");
    }
}
