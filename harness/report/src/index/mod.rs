//! The list of all runs: what each came to in a small file beside its events, read back without them, and the pages that
//! show it. Knows files and what a record says, not how runs are made; whether a run is still going on is for the caller
//! to say.

mod card;
mod folder;
mod trend;

pub use card::{Card, FORMAT, ScenarioCard};
pub(crate) use folder::pages;
pub use folder::{Comparison, Entry, IndexError, List, Rebuilt, State, place, read, rebuild};
pub use trend::{Group, STRIP_RUNS, STRIPS, groups};

/// The file in a run's folder.
pub const CARD: &str = "card.json";
/// Runs on one page of the list; older ones are on pages of their own.
pub const PAGE: usize = 200;

/// The name of a page of the list, from 0.
pub fn page_name(page: usize) -> String {
    match page {
        0 => "index.html".to_owned(),
        older => format!("index-{}.html", older + 1),
    }
}
