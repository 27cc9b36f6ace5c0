//! Where runs without a suite are kept: the user's state folder, a few of them. Runs of suites are never touched.

use crate::printer::Printer;
use harness_report::store::RunStore;
use std::path::PathBuf;

/// Runs kept here; older ones make room.
const KEPT: usize = 20;

/// The folder: `harness/runs` under `$XDG_STATE_HOME`, which is `~/.local/state` unless it is set. `None` without a home.
pub(super) fn runs() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let state = set("XDG_STATE_HOME").map(PathBuf::from);
    // The specification has relative paths ignored.
    let state = state.filter(|path| path.is_absolute());
    let home = || set("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    Some(state.or_else(home)?.join("harness").join("runs"))
}

/// Makes room: the oldest runs beyond [`KEPT`] go. One that may still be under way stays.
pub(super) fn tidy(printer: Printer) {
    let Some(folder) = runs() else { return };
    match RunStore::open(folder).keep(KEPT) {
        Ok(_) => {}
        Err(error) => printer.say(&format!("warning: {error}")),
    }
}
