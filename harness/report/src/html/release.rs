//! The page of a release: the first page, and everything that was weighed with the run it rests on.

use super::evidence::Badge;
use super::first::{First, Tile};
use super::page::GateView;
use crate::sheet::Sheet;
use crate::text::{self, one_line};
use harness_core::readiness::Release;
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(super) struct Page {
    project: String,
    release: String,
    on: String,
    variant: Option<String>,
    #[serde(flatten)]
    first: First,
    gates: Vec<GateView>,
    /// The thresholds as JSON, for a rollout tool.
    abort: String,
}

impl Page {
    pub(super) fn of(release: &Release) -> Self {
        let readiness = &release.readiness;
        let named = release.release.as_ref();
        Self {
            project: one_line(&release.project, 80),
            release: named.map_or_else(|| "without a name".to_owned(), ToString::to_string),
            on: release.on.to_string(),
            variant: release.variant.as_ref().map(ToString::to_string),
            first: First {
                tiles: tiles(release),
                warnings: release.notices.iter().map(|n| one_line(n, 300)).collect(),
                ..First::of(
                    "Can this release ship?",
                    readiness,
                    Sheet::of_release(release),
                )
            },
            gates: readiness
                .items
                .iter()
                .map(|item| GateView {
                    grade: Badge::of_item(item),
                    place: runs(item),
                    ..GateView::of(item, None, readiness)
                })
                .collect(),
            abort: serde_json::to_string_pretty(&readiness.abort).unwrap_or_default(),
        }
    }
}

fn runs(item: &harness_core::readiness::Item) -> String {
    let runs: Vec<_> = item.evidence.iter().map(ToString::to_string).collect();
    match runs.as_slice() {
        [] => String::new(),
        [one] => format!("run {one}"),
        several => format!("runs {}", several.join(", ")),
    }
}

fn tiles(release: &Release) -> Vec<Tile> {
    let items = release.readiness.items.iter();
    let keys: Vec<_> = items.filter(|item| item.key && item.weight > 0.0).collect();
    let passed = keys
        .iter()
        .filter(|item| item.grade == harness_core::verdict::Grade::Pass);
    let mut tiles = vec![Tile {
        name: "Key gates passed",
        value: format!("{} of {}", passed.count(), keys.len()),
        note: format!("in {}", text::plural(release.evidence.len() as u64, "run")),
    }];
    if let Some(us) = release.figures.p95_us {
        tiles.push(Tile {
            name: "Response time p95",
            value: text::micros(Some(us)),
            note: "undisturbed load".to_owned(),
        });
    }
    if let Some(share) = release.figures.error_rate {
        tiles.push(Tile {
            name: "Error rate",
            value: text::percent(share),
            note: "undisturbed load".to_owned(),
        });
    }
    tiles
}
