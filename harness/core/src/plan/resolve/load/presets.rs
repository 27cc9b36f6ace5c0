//! Shapes with a name, as multiples of what is normal: what each expands to. The table in docs/load.md is made from it.

use crate::suite::raw::Preset;
use std::time::Duration;

/// A part of a preset: from one multiple of what is normal to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Part {
    pub(super) from: f64,
    pub(super) to: f64,
    /// Share of the whole length, in hundredths.
    pub(super) percent: u32,
}

/// What a preset is.
pub(super) struct Outline {
    /// Its length unless somebody says otherwise.
    pub(super) lasts: Duration,
    /// Its parts; their shares make 100.
    pub(super) parts: &'static [Part],
}

const fn part(from: f64, to: f64, percent: u32) -> Part {
    Part { from, to, percent }
}

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;

/// Little, and short: does it work at all.
const SMOKE: &[Part] = &[part(0.1, 0.1, 100)];
/// An ordinary day.
const LOAD: &[Part] = &[part(0.0, 1.0, 10), part(1.0, 1.0, 80), part(1.0, 0.0, 10)];
/// More than normal, and more again; then whether it is well afterwards.
const STRESS: &[Part] = &[
    part(0.0, 1.0, 10),
    part(1.0, 1.0, 20),
    part(1.0, 1.5, 5),
    part(1.5, 1.5, 20),
    part(1.5, 2.0, 5),
    part(2.0, 2.0, 20),
    part(2.0, 1.0, 5),
    part(1.0, 1.0, 15),
];
/// All at once, and whether it recovers.
const SPIKE: &[Part] = &[
    part(1.0, 1.0, 40),
    part(1.0, 5.0, 2),
    part(5.0, 5.0, 16),
    part(5.0, 1.0, 2),
    part(1.0, 1.0, 40),
];
/// Normal for long: what leaks, fills up or wears out.
const SOAK: &[Part] = &[part(0.0, 1.0, 5), part(1.0, 1.0, 90), part(1.0, 0.0, 5)];
/// More and more until something gives.
const BREAKPOINT: &[Part] = &[part(0.0, 10.0, 100)];

/// What a preset expands to.
pub(super) const fn outline(preset: Preset) -> Outline {
    let (seconds, parts) = match preset {
        Preset::Smoke => (MINUTE, SMOKE),
        Preset::Load => (10 * MINUTE, LOAD),
        Preset::Stress => (20 * MINUTE, STRESS),
        Preset::Spike => (5 * MINUTE, SPIKE),
        Preset::Soak => (2 * HOUR, SOAK),
        Preset::Breakpoint => (20 * MINUTE, BREAKPOINT),
    };
    Outline {
        lasts: Duration::from_secs(seconds),
        parts,
    }
}

/// The parts of a preset with their lengths, which make `total` to the nanosecond. Parts without length are left out.
pub(super) fn expand(preset: Preset, total: Duration) -> Vec<(f64, f64, Duration)> {
    let until = |percent: u32| {
        let nanos = total.as_nanos() * u128::from(percent) / 100;
        // At most a year, which fits.
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    };
    let mut done = 0;
    let timed = outline(preset).parts.iter().map(|part| {
        let begin = until(done);
        done += part.percent;
        (part.from, part.to, until(done) - begin)
    });
    timed.filter(|(_, _, lasts)| !lasts.is_zero()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(super) const ALL: [Preset; 6] = [
        Preset::Smoke,
        Preset::Load,
        Preset::Stress,
        Preset::Spike,
        Preset::Soak,
        Preset::Breakpoint,
    ];

    #[test]
    fn shares_make_a_whole_and_parts_hang_together_or_jump_on_purpose() {
        for preset in ALL {
            let parts = outline(preset).parts;
            assert_eq!(parts.iter().map(|p| p.percent).sum::<u32>(), 100);
            assert!(parts.windows(2).all(|two| two[0].to == two[1].from));
        }
    }

    /// The table of docs/load.md.
    #[test]
    fn the_documented_table_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/load.md");
        let mut table = String::from(
            "| preset | default `for` | stages, as multiples of `rate` or `users` |\n|---|---|---|\n",
        );
        for preset in ALL {
            let outline = outline(preset);
            let stages: Vec<String> = outline
                .parts
                .iter()
                .map(|part| match part.from == part.to {
                    true => format!("{}× for {} %", part.from, part.percent),
                    false => format!("{}× to {}× over {} %", part.from, part.to, part.percent),
                })
                .collect();
            table.push_str(&format!(
                "| `{}` | {} | {} |\n",
                format!("{preset:?}").to_lowercase(),
                crate::units::format_duration(outline.lasts),
                stages.join(", ")
            ));
        }
        let page = std::fs::read_to_string(path).unwrap();
        let (before, rest) = page.split_once("<!-- presets -->\n").unwrap();
        let (_, after) = rest.split_once("<!-- /presets -->").unwrap();
        let current = format!("{before}<!-- presets -->\n{table}<!-- /presets -->{after}");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, &current).unwrap();
        }
        assert!(
            page == current || std::env::var_os("UPDATE_DOCS").is_some(),
            "{path} is stale: run this test with UPDATE_DOCS=1"
        );
    }

    proptest! {
        #[test]
        fn parts_last_as_long_as_the_whole(nanos in 1u64..31_622_400_000_000_000, which in 0usize..6) {
            let total = Duration::from_nanos(nanos);
            let parts = expand(ALL[which], total);
            prop_assert_eq!(parts.iter().map(|(_, _, lasts)| *lasts).sum::<Duration>(), total);
            prop_assert!(parts.iter().all(|(from, to, _)| from.max(*to) <= 10.0));
            prop_assert!(parts.iter().any(|(from, to, _)| from.max(*to) > 0.0));
        }
    }
}
