//! Ready when a line of its output has some words in it.

use tokio::sync::watch;

/// One question; the error says what has not been read yet.
pub(super) fn ask(words: &str, heard: &watch::Receiver<bool>) -> Result<(), String> {
    match *heard.borrow() {
        true => Ok(()),
        false => Err(format!("no line of its output has {words:?} in it")),
    }
}
