//! Any bytes as a server's answer: our decoder neither panics nor runs away, and hears what hyper's client hears, but for
//! the differences that `oracle.rs` lists. The first byte chooses the method and whether the connection is closed, the
//! second and third where the bytes are cut.

#![no_main]
#![allow(dead_code, reason = "the codec is used in part")]

#[path = "../../src/http1/decode/mod.rs"]
mod decode;
#[path = "../../src/http1/oracle.rs"]
mod oracle;

use libfuzzer_sys::fuzz_target;
use oracle::{Said, compare};

fuzz_target!(|input: &[u8]| {
    let [how, first, second, bytes @ ..] = input else {
        return;
    };
    let at = |cut: &u8| usize::from(*cut) * bytes.len() / 256;
    let (from, to) = (at(first).min(at(second)), at(first).max(at(second)));
    compare(&Said {
        head: how & 3 == 3,
        pieces: [&bytes[..from], &bytes[from..to], &bytes[to..]]
            .into_iter()
            .filter(|piece| !piece.is_empty())
            .map(<[u8]>::to_vec)
            .collect(),
        closes: how & 4 == 4,
    });
});
