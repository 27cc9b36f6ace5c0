//! The page under real keys and a real pointer: what is pointed at is read by every chart, faults are looked at closer,
//! the keyboard reaches everything, links lead where they say. Skipped without a browser, as in `browser.rs`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "in a test a panic is the report"
)]

mod devtools;

use devtools::{CONTRAST, Tab, browser};
use harness_core::readiness::readiness;
use harness_core::verdict::evaluate;
use harness_report::{html, store};
use std::path::Path;

const RUNS: [&str; 4] = ["go", "no-go", "cut-short", "hostile"];

fn page(run: &str) -> String {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../fixtures/runs/{run}.ndjson"));
    let record = store::record(&path).unwrap().record;
    let verdict = evaluate(&record);
    html::render(&record, &verdict, &readiness(&record, &verdict)).unwrap()
}

/// Where the middle of a thing is in the window, after it was scrolled there; or a share of its width from its left.
fn place(tab: &mut Tab, selector: &str, share: f64) -> (f64, f64) {
    let at = tab.eval(&format!(
        "(() => {{ const e = document.querySelector('{selector}'); e.scrollIntoView({{block: 'center'}}); \
         const b = e.getBoundingClientRect(); return [b.left + b.width * {share}, b.top + b.height / 2] }})()"
    ));
    (at[0].as_f64().unwrap(), at[1].as_f64().unwrap())
}

fn click(tab: &mut Tab, selector: &str) {
    let (x, y) = place(tab, selector, 0.5);
    tab.pointer("mousePressed", x, y);
    tab.pointer("mouseReleased", x, y);
}

const LATENCY: &str = "#payments-slow-latency";
const LOAD: &str = "#payments-slow-rates";

#[test]
fn pointing_at_one_chart_reads_every_chart_of_the_same_clock() {
    let Some(browser) = browser() else { return };
    let mut tab = Tab::new(&browser, 1280);
    tab.open(&page("no-go"));
    let (x, y) = place(&mut tab, &format!("{LATENCY} .plot"), 0.55);
    tab.pointer("mouseMoved", x, y);
    // 0.55 of ten seconds: the window from 5 s to 6 s.
    assert_eq!(
        tab.text(&format!(
            "document.querySelector('{LATENCY} .where').textContent"
        )),
        "0:05"
    );
    for chart in [LATENCY, LOAD, "#payments-slow-lag"] {
        let keys = tab.text(&format!(
            "[...document.querySelectorAll('{chart} .key:not(.k-fault) b')].map(b => b.textContent).join(' ')"
        ));
        assert!(
            !keys.trim().is_empty() && !keys.contains('–'),
            "{chart}: {keys}"
        );
        assert!(
            tab.eval(&format!(
                "document.querySelector('{chart} .cross').matches('.on')"
            )) == true,
            "{chart}"
        );
    }
    let read = tab.text("document.querySelector('.readout').innerText");
    for what in [
        "Response time",
        "Load",
        "Generator lag",
        "p95",
        "completed",
        "lag p99",
        "What happened when",
        "Spread of response times",
    ] {
        assert!(read.contains(what), "{what}: {read}");
    }
    // The spectrum has a clock of its own: none.
    assert!(
        tab.eval("document.querySelector('#payments-slow-spectrum .cross').matches('.on')")
            == false
    );
    tab.pointer("mouseMoved", 2.0, 2.0);
    assert!(tab.eval("document.querySelector('.readout').hidden") == true);
}

#[test]
fn the_keyboard_reads_charts_too() {
    let Some(browser) = browser() else { return };
    let mut tab = Tab::new(&browser, 1280);
    tab.open(&page("no-go"));
    tab.eval(&format!(
        "document.querySelector('{LATENCY} .plot').focus()"
    ));
    let at = format!("document.querySelector('{LATENCY} .where').textContent");
    tab.press("End");
    assert_eq!(tab.text(&at), "0:09");
    tab.press("ArrowLeft");
    assert_eq!(tab.text(&at), "0:08");
    tab.press("Home");
    assert_eq!(tab.text(&at), "0:00");
    tab.press("Escape");
    assert_eq!(tab.text(&at), "");
}

#[test]
fn a_fault_is_looked_at_closer_in_all_charts_of_its_scenario_and_back() {
    let Some(browser) = browser() else { return };
    let mut tab = Tab::new(&browser, 1280);
    tab.open(&page("no-go"));
    let ends = |chart: &str| {
        format!(
            "[...document.querySelectorAll('{chart} .plot g:last-of-type .t-x')].map(t => t.textContent).join(' ')"
        )
    };
    let wide = format!(
        "document.querySelector('{LATENCY} .zoom').getBoundingClientRect().width / document.querySelector('{LATENCY} .plot').getBoundingClientRect().width"
    );
    let whole = tab.text(&ends(LATENCY));
    assert!(
        whole.starts_with("0:00") && whole.ends_with("0:10"),
        "{whole}"
    );
    click(&mut tab, ".fault .look");
    for chart in [
        LATENCY,
        LOAD,
        "#payments-slow-lag",
        "#payments-slow-heat",
        "#payments-slow-incident",
    ] {
        let close = tab.text(&ends(chart));
        assert!(
            close.starts_with("0:03") || close.starts_with("0:04"),
            "{chart}: {close}"
        );
        assert!(!close.contains("0:09"), "{chart}: {close}");
    }
    // Armed from 4.0 s to 7.0 s with a second or so around it: half of the ten seconds.
    assert!(tab.number(&wide) > 1.5, "{}", tab.number(&wide));
    assert!(
        tab.text("document.querySelector('.zoom-bar').innerText")
            .contains("provider is slow")
    );
    assert_eq!(
        tab.text("document.activeElement.textContent"),
        "Show all of it"
    );
    tab.press("Enter");
    assert_eq!(tab.text(&ends(LATENCY)), whole);
    assert_eq!(
        tab.text("document.activeElement.textContent"),
        "Zoom charts to it"
    );
    // A click on the shaded stretch does the same, and so does a stretch dragged over.
    let (x, y) = place(&mut tab, &format!("{LATENCY} .band-fault"), 0.5);
    tab.pointer("mousePressed", x, y);
    tab.pointer("mouseReleased", x, y);
    assert!(tab.number(&wide) > 1.5);
    tab.press("Escape");
    assert!(tab.number(&wide) < 1.01);
    let (from, y) = place(&mut tab, &format!("{LATENCY} .inner"), 0.1);
    let (to, _) = place(&mut tab, &format!("{LATENCY} .inner"), 0.3);
    tab.pointer("mousePressed", from, y);
    tab.pointer("mouseMoved", to, y);
    tab.pointer("mouseReleased", to, y);
    let five = tab.number(&wide);
    assert!(
        (4.0..6.0).contains(&five),
        "a fifth of the width is five times as wide: {five}"
    );
}

#[test]
fn tables_are_sorted_and_journeys_chosen_by_the_keyboard() {
    let Some(browser) = browser() else { return };
    let mut tab = Tab::new(&browser, 1280);
    tab.open(&page("no-go"));
    let first = "document.querySelector('table.sort.num tbody tr:not([hidden]) td').textContent";
    tab.eval("[...document.querySelectorAll('table.sort.num th button')].find(b => b.textContent == 'Started').focus()");
    tab.press("Enter");
    let sort = "document.activeElement.closest('th').getAttribute('aria-sort')";
    assert_eq!(tab.text(sort), "ascending");
    let least = tab.text(first);
    tab.press("Enter");
    assert_eq!(tab.text(sort), "descending");
    assert_ne!(tab.text(first), least);
    tab.eval("(() => { const s = document.querySelector('.choose'); s.value = 'browse'; s.dispatchEvent(new Event('change')) })()");
    let seen = tab.text("[...new Set([...document.querySelectorAll('[data-journey]')].filter(e => !e.hidden).map(e => e.dataset.journey))].join(' ')");
    assert_eq!(seen, "browse");
    tab.eval("(() => { const s = document.querySelector('.choose'); s.value = ''; s.dispatchEvent(new Event('change')) })()");
    assert_eq!(
        tab.number("document.querySelectorAll('[data-journey][hidden]').length"),
        0.0
    );
}

#[test]
fn every_part_gate_and_chart_has_a_link_of_its_own() {
    let Some(browser) = browser() else { return };
    let mut tab = Tab::new(&browser, 1280);
    for run in RUNS {
        let page = page(run);
        tab.open(&page);
        let without = tab.text("[...document.querySelectorAll('section h2, #gates tbody tr, .chart, .bars')].filter(e => !e.querySelector('.link') && !e.closest('.one') && !e.closest('.kind')).map(e => e.outerHTML.slice(0, 80)).join('\\n')");
        assert_eq!(without, "", "{run}");
        let astray = tab.text("[...document.querySelectorAll('a[href^=\"#\"]')].map(a => decodeURIComponent(a.hash.slice(1))).filter(id => !document.getElementById(id)).join(' ')");
        assert_eq!(astray, "", "{run}");
        let twice = tab.text("[...document.querySelectorAll('[id]')].map(e => e.id).filter((id, i, all) => all.indexOf(id) !== i).join(' ')");
        assert_eq!(twice, "", "{run}");
    }
    tab.open_at(&page("no-go"), "#payments-slow-lag");
    assert_eq!(
        tab.text("document.querySelector(':target').id"),
        "payments-slow-lag"
    );
    tab.open_at(&page("no-go"), "#scenario-payments-slow-examples");
    assert!(
        tab.eval("document.querySelector(':target').open") == true,
        "what is folded away opens"
    );
}

#[test]
fn the_tab_key_reaches_everything_that_can_be_used_and_shows_where_it_is() {
    let Some(browser) = browser() else { return };
    let mut tab = Tab::new(&browser, 1280);
    for run in RUNS {
        tab.open(&page(run));
        // What a pointer can use, and the keyboard must reach; what is folded away is reached once it is open.
        let all = tab.number(
            "(window.left = new Set([...document.querySelectorAll('a[href], button, input, select, summary, .plot[tabindex]')].filter(e => e.checkVisibility()))).size",
        );
        let mut unseen = Vec::new();
        let mut presses = 0.0;
        loop {
            tab.press("Tab");
            presses += 1.0;
            let seen = tab.eval(
                "(() => { const e = document.activeElement; if (!e || e === document.body) return null; window.left.delete(e); \
                 const s = getComputedStyle(e); return [e.outerHTML.slice(0, 80), s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 1] })()",
            );
            if seen.is_null() || presses > all * 3.0 + 50.0 {
                break;
            }
            if seen[1] != true {
                unseen.push(seen[0].to_string());
            }
        }
        let left = tab.text("[...window.left].map(e => e.outerHTML.slice(0, 100)).join('\\n')");
        assert_eq!(left, "", "{run}: not reached");
        assert!(all > 20.0 && unseen.is_empty(), "{run}: {unseen:#?}");
    }
}

#[test]
fn all_words_are_dark_or_light_enough_to_read() {
    let Some(browser) = browser() else { return };
    let mut tab = Tab::new(&browser, 1280);
    for scheme in ["light", "dark"] {
        tab.scheme(scheme);
        for run in RUNS {
            tab.open(&page(run));
            tab.eval("document.querySelectorAll('details').forEach(d => { d.open = true })");
            let seen = tab.eval(CONTRAST);
            assert!(seen[0].as_u64().unwrap() > 200, "{run}: {}", seen[0]);
            assert_eq!(seen[1], serde_json::json!({}), "{run} {scheme}");
        }
    }
    // A paler ink is seen.
    tab.eval("document.documentElement.style.setProperty('--soft', '#556')");
    assert_ne!(tab.eval(CONTRAST)[1], serde_json::json!({}));
}

#[test]
fn nothing_is_asked_for_but_the_file_and_nothing_is_said_at_any_width() {
    let Some(browser) = browser() else { return };
    let mut tab = Tab::new(&browser, 360);
    for run in RUNS {
        for width in [360, 1280, 2560] {
            tab.wide(width);
            tab.open(&page(run));
            assert_eq!(tab.said, [""; 0], "{run} at {width}");
            assert!(
                tab.asked.len() == 1 && tab.asked[0].starts_with("file://"),
                "{run}: {:?}",
                tab.asked
            );
            let beyond = tab.number("document.documentElement.scrollWidth - innerWidth");
            assert!(beyond <= 0.0, "{run} at {width}: {beyond} pixels too wide");
            tab.eval("document.querySelectorAll('details').forEach(d => { d.open = true })");
            let beyond = tab.number("document.documentElement.scrollWidth - innerWidth");
            assert!(
                beyond <= 0.0,
                "{run} at {width}, unfolded: {beyond} pixels too wide"
            );
        }
    }
    let asks = page("go").replace("</main>", "<img src=\"http://127.0.0.1:9/x.png\"></main>");
    tab.open(&asks);
    assert!(
        !tab.said.is_empty() || tab.asked.len() > 1,
        "a request that leaves the file is seen"
    );
}

#[test]
fn what_happened_is_on_one_axis_and_each_mark_is_in_the_table() {
    let Some(browser) = browser() else { return };
    let mut tab = Tab::new(&browser, 1280);
    tab.open(&page("no-go"));
    let table = tab.text("document.querySelector('#payments-slow-incident tbody').textContent");
    for what in [
        "armed: latency 600ms",
        "first effect 46.4 ms after the arming",
        "clients saw it",
    ] {
        assert!(table.contains(what), "{what}: {table}");
    }
    // The band of the fault lies where the other charts shade it.
    let place = |chart: &str| {
        format!("document.querySelector('{chart} .band-fault').getBoundingClientRect().left")
    };
    let (here, there) = (
        tab.number(&place("#payments-slow-incident")),
        tab.number(&place(LATENCY)),
    );
    assert!((here - there).abs() < 1.0, "{here} and {there}");
    let (x, y) = self::place(&mut tab, "#payments-slow-incident .plot", 0.55);
    tab.pointer("mouseMoved", x, y);
    let read = tab.text("document.querySelector('#payments-slow-incident .where').textContent");
    assert!(
        read.starts_with("0:05") && read.contains("provider is slow: latency"),
        "{read}"
    );
}

#[test]
fn the_first_printed_page_holds_what_a_manager_needs() {
    let Some(browser) = browser() else { return };
    let mut tab = Tab::new(&browser, 1280);
    for run in RUNS {
        tab.open(&page(run));
        // A4 without its margins of 14 mm, in CSS pixels.
        tab.call(
            "Emulation.setEmulatedMedia",
            serde_json::json!({"media": "print"}),
        );
        tab.wide(687);
        let height = tab.number("document.querySelector('.one').getBoundingClientRect().bottom");
        assert!((200.0..1016.0).contains(&height), "{run}: {height}");
        let words = tab.text("document.querySelector('.one').innerText");
        assert!(words.contains("Can this build ship?"), "{run}");
        for part in ["/100", "readiness score"] {
            // Of a run that has not ended no score is told.
            assert_eq!(words.contains(part), run != "cut-short", "{run}: {part}");
        }
        assert!(tab.eval("document.querySelector('.toc').checkVisibility()") == false);
        // A browser shrinks the whole document for one table that is too wide.
        tab.eval(
            "document.querySelector('main').insertAdjacentHTML('beforeend', '<div class=scroll><table id=wide class=\"list num\"><tr>' + '<th class=r>at the end of the load</th>'.repeat(9) + '</tr><tr>' \
             + ('<td class=\"r n\">1<span class=sub>' + 'was not answered in time, '.repeat(4) + '</span></td>').repeat(9) + '</tr></table></div>')",
        );
        let wide = tab.number("document.querySelector('#wide').offsetWidth");
        assert!(wide <= 687.0, "{run}: a printed table is {wide} wide");
        assert_eq!(
            tab.text("getComputedStyle(document.querySelector('.one')).breakAfter"),
            "page"
        );
        tab.call(
            "Emulation.setEmulatedMedia",
            serde_json::json!({"media": ""}),
        );
        tab.wide(1280);
    }
    let printed = tab.print();
    assert!(printed.starts_with(b"%PDF") && printed.len() > 10_000);
    // What is folded away was opened for it.
    assert_eq!(
        tab.number("document.querySelectorAll('details[data-was]').length"),
        0.0,
        "and folded again"
    );
}

#[test]
fn names_and_bodies_of_any_length_and_make_are_text_and_nothing_else() {
    let Some(browser) = browser() else { return };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/runs/hostile.ndjson");
    let recorded = std::fs::read_to_string(path).unwrap();
    let long = format!("@everyone\\u0000\\u202e{}", "W".repeat(10_000));
    let events: Vec<harness_core::event::Envelope> = recorded
        .replace("@everyone", &long)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let record = harness_core::record::fold(events).unwrap();
    let verdict = evaluate(&record);
    let page = html::render(&record, &verdict, &readiness(&record, &verdict)).unwrap();
    assert!(page.contains("WWWWWWWWWW") && !page.contains('\0') && !page.contains('\u{202e}'));
    let mut tab = Tab::new(&browser, 360);
    tab.open(&page);
    tab.eval("document.querySelectorAll('details').forEach(d => { d.open = true })");
    assert_eq!(tab.said, [""; 0]);
    let beyond = tab.number("document.documentElement.scrollWidth - innerWidth");
    assert!(beyond <= 0.0, "{beyond} pixels wider than a phone");
    assert_eq!(tab.number("document.scripts.length"), 1.0, "only ours");
    let handlers = "[...document.querySelectorAll('*')].filter(e => [...e.attributes].some(a => a.name.startsWith('on'))).length";
    assert_eq!(tab.number(handlers), 0.0);
    assert_eq!(
        tab.number("document.querySelectorAll('a[href^=\"javascript\"]').length"),
        0.0
    );
    assert!(
        tab.text("document.body.innerText")
            .contains("<script>alert(1)</script>")
    );
}

#[test]
fn the_name_of_a_band_stays_within_its_chart_on_a_phone_wherever_it_lies() {
    let Some(browser) = browser() else { return };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/runs/no-go.ndjson");
    let record = store::record(&path).unwrap().record;
    let mut tab = Tab::new(&browser, 360);
    for share in [0u64, 20, 40, 48, 52, 70, 85, 95] {
        let mut record = record.clone();
        let t0 = record.scenarios[0].t0_us;
        let fault = &mut record.faults[0];
        fault.name = "the provider of payments hesitates".parse().unwrap();
        fault.armed_us = t0 + share * 100_000;
        fault.effective_us = Some(fault.armed_us);
        fault.lifted_us = Some(fault.armed_us + 400_000);
        let mut other = fault.clone();
        other.name = "orders are held up for some while".parse().unwrap();
        record.faults.push(other);
        let verdict = evaluate(&record);
        let page = html::render(&record, &verdict, &readiness(&record, &verdict)).unwrap();
        tab.open(&page);
        let beyond = tab.eval(
            "[...document.querySelectorAll('.lane text')].flatMap(e => { \
               const a = e.getBoundingClientRect(), b = e.closest('.plot').getBoundingClientRect(); \
               return a.left < b.left - 1 || a.right > b.right + 1 ? [e.textContent, a.left - b.left, b.right - a.right, b.width] : [] })",
        );
        assert_eq!(beyond, serde_json::json!([]), "at {share} %");
        let names = tab.number("document.querySelectorAll('.lane text').length");
        assert!(names >= 2.0, "{names}");
    }
}
