//! The page of `harness compare` in a real browser: silent, self-contained, readable and reached by the keyboard at every
//! width. Skipped without a browser, as in `browser.rs`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "in a test a panic is the report"
)]

mod builds;
mod devtools;
mod streams;

use builds::Compared;
use devtools::{CONTRAST, Tab, browser};
use harness_report::html::Theme;

fn pages() -> [(&'static str, String); 3] {
    let page = |compared: &Compared| {
        let theme = Theme::builtin().unwrap();
        theme
            .regression(&compared.runs, &compared.curves, "shop")
            .unwrap()
    };
    [
        ("history", page(builds::with_history())),
        ("hostile", page(builds::hostile())),
        ("invalid", page(builds::invalid())),
    ]
}

const OPEN: &str = "document.querySelectorAll('details').forEach(d => { d.open = true })";
const BEYOND: &str = "document.documentElement.scrollWidth - innerWidth";

#[test]
fn a_comparison_is_one_silent_file_that_fits_every_width() {
    let Some(browser) = browser() else { return };
    let mut tab = Tab::new(&browser, 360);
    for (name, page) in pages() {
        for width in [360, 1280, 2560] {
            tab.wide(width);
            tab.open(&page);
            tab.eval(OPEN);
            assert_eq!(tab.said, [""; 0], "{name} at {width}");
            let asked = &tab.asked;
            assert!(
                asked.len() == 1 && asked[0].starts_with("file://"),
                "{name}: {asked:?}"
            );
            let beyond = tab.number(BEYOND);
            assert!(beyond <= 0.0, "{name} at {width}: {beyond} pixels too wide");
            let why = tab.number("document.querySelector('.v-why').getBoundingClientRect().width");
            assert!(why > 200.0, "{name} at {width}: what decided is {why} wide");
            // No word of a plot lies outside it or upon another, but for a link's own.
            let astray = tab.text(
                "[...document.querySelectorAll('.forest .f-value, .whiskers .t-x, .forest .t-x')].filter(t => { const b = t.getBoundingClientRect(), p = t.closest('figure').getBoundingClientRect(); \
                 return b.left < p.left - 1 || b.right > p.right + 1 }).map(t => t.textContent).join(' ')",
            );
            assert_eq!(astray, "", "{name} at {width}");
            let over = tab.text(
                "[...document.querySelectorAll('.forest, .whiskers')].flatMap(f => { const b = [...f.querySelectorAll('.t-x')].map(t => t.getBoundingClientRect()).sort((a, b) => a.left - b.left); \
                 return b.filter((r, i) => i && r.left < b[i - 1].right).map(() => f.id) }).join(' ')",
            );
            assert_eq!(over, "", "{name} at {width}: marks upon each other");
        }
        assert_eq!(
            tab.number("document.scripts.length"),
            1.0,
            "{name}: only ours"
        );
    }
    let spoilt = pages()[2]
        .1
        .replace("</main>", "<b style=\"color:red\">x</b></main>");
    tab.open(&spoilt);
    assert!(!tab.said.is_empty(), "a breach of the policy is seen");
}

#[test]
fn words_of_a_comparison_can_be_read_and_all_of_it_is_reached() {
    let Some(browser) = browser() else { return };
    let mut tab = Tab::new(&browser, 1280);
    for (name, page) in pages() {
        for scheme in ["light", "dark"] {
            tab.scheme(scheme);
            tab.open(&page);
            tab.eval(OPEN);
            let seen = tab.eval(CONTRAST);
            assert!(seen[0].as_u64().unwrap() > 30, "{name}: {}", seen[0]);
            assert_eq!(seen[1], serde_json::json!({}), "{name} {scheme}");
        }
        tab.open(&page);
        let all = tab.number(
            "(window.left = new Set([...document.querySelectorAll('a[href], button, input, summary, .plot[tabindex]')].filter(e => e.checkVisibility()))).size",
        );
        for _ in 0..(all as usize * 2 + 40) {
            tab.press("Tab");
            tab.eval("window.left.delete(document.activeElement)");
        }
        let left = tab.text("[...window.left].map(e => e.outerHTML.slice(0, 100)).join('\\n')");
        assert_eq!(left, "", "{name}: not reached");
        let astray = tab.text("[...document.querySelectorAll('a[href^=\"#\"]')].map(a => decodeURIComponent(a.hash.slice(1))).filter(id => !document.getElementById(id)).join(' ')");
        assert_eq!(astray, "", "{name}: links that lead nowhere");
        let twice = tab.text("[...document.querySelectorAll('[id]')].map(e => e.id).filter((id, i, all) => all.indexOf(id) !== i).join(' ')");
        assert_eq!(twice, "", "{name}");
    }
}

#[test]
fn pointing_at_the_spectrum_reads_both_sides_with_their_intervals() {
    let Some(browser) = browser() else { return };
    let mut tab = Tab::new(&browser, 1280);
    tab.open(&pages()[0].1);
    tab.eval("document.querySelector('#s0-n0-spectrum .plot').focus()");
    tab.press("Home");
    let keys = tab.text(
        "[...document.querySelectorAll('#s0-n0-spectrum .key b')].map(b => b.textContent).join('|')",
    );
    let keys: Vec<&str> = keys.split('|').collect();
    assert_eq!(keys.len(), 4, "{keys:?}");
    assert!(
        keys[0].contains(" to ") && keys[1].contains(" to "),
        "{keys:?}"
    );
    assert!(keys[2].contains("ms") && keys[3].contains("ms"), "{keys:?}");
}

#[test]
fn the_first_printed_page_of_a_comparison_holds_the_answer() {
    let Some(browser) = browser() else { return };
    let mut tab = Tab::new(&browser, 1280);
    for (name, page) in pages() {
        tab.open(&page);
        tab.call(
            "Emulation.setEmulatedMedia",
            serde_json::json!({"media": "print"}),
        );
        // A4 without its margins, CSS pixels.
        tab.wide(687);
        let height = tab.number("document.querySelector('.one').getBoundingClientRect().bottom");
        assert!((150.0..1016.0).contains(&height), "{name}: {height}");
        assert!(tab.eval("document.querySelector('.toc').checkVisibility()") == false);
        tab.call(
            "Emulation.setEmulatedMedia",
            serde_json::json!({"media": ""}),
        );
        tab.wide(1280);
    }
    assert!(tab.print().starts_with(b"%PDF"));
}
