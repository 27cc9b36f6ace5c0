//! How a look at a load is laid out on a terminal of any size: what does not fit is left out, least telling first.

use super::panels::{self, Ink};
use super::view::View;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};

/// From here on panels stand side by side.
const WIDE: u16 = 72;
/// Rows that the panels need that stand side by side.
const TALL: u16 = 18;
/// Rows from where on there are charts of the tail too.
const TALLER: u16 = 30;

/// Draws it; without `colour` in the terminal's own ink only.
pub fn draw(frame: &mut Frame<'_>, view: &View, colour: bool) {
    let ink = Ink::new(colour);
    let area = frame.area();
    if area.height < 4 || area.width < 20 {
        panels::one_line(frame, area, view, ink);
        return;
    }
    let [head, body, foot] = Layout::vertical([
        Constraint::Length(2),
        Constraint::Min(0),
        Constraint::Length(1),
    ])
    .areas(area);
    panels::head(frame, head, view, ink);
    panels::foot(frame, foot, ink);
    if area.width >= WIDE && area.height >= TALL {
        large(frame, body, view, ink);
    } else {
        small(frame, body, view, ink);
    }
}

fn large(frame: &mut Frame<'_>, body: Rect, view: &View, ink: Ink) {
    let told = u16::try_from(view.errors.len().max(panels::GENERATOR_ROWS)).unwrap_or(4);
    let [top, charts, bottom] = Layout::vertical([
        Constraint::Length(9),
        Constraint::Min(3),
        Constraint::Length(told.min(body.height.saturating_sub(12).max(3)) + 1),
    ])
    .areas(body);
    let [times, bins] =
        Layout::horizontal([Constraint::Length(44), Constraint::Min(20)]).areas(top);
    panels::times(frame, times, view, ink);
    panels::histogram(frame, bins, view, ink);
    let all = [panels::rates, panels::tails, panels::failures];
    let shown = match body.height {
        h if h >= TALLER => 3,
        _ if charts.height >= 6 && view.all.failed > 0 => 2,
        _ => 1,
    };
    let chosen = match shown {
        2 => vec![all[0], all[2]],
        n => all[..n].to_vec(),
    };
    let parts = Layout::vertical(vec![Constraint::Fill(1); chosen.len()]).split(charts);
    for (panel, part) in chosen.iter().zip(parts.iter()) {
        panel(frame, *part, view, ink);
    }
    let [errors, generator] =
        Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(bottom);
    panels::errors(frame, errors, view, ink);
    panels::generator(frame, generator, view, ink);
}

fn small(frame: &mut Frame<'_>, body: Rect, view: &View, ink: Ink) {
    let errors = u16::try_from(view.errors.len()).unwrap_or(0).min(2);
    let [counts, times, rates, list, generator] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(4),
        Constraint::Fill(1),
        Constraint::Length(errors),
        Constraint::Length(1),
    ])
    .areas(body);
    panels::counts(frame, counts, view, ink);
    panels::short_times(frame, times, view, ink);
    if rates.height >= 2 {
        panels::rates(frame, rates, view, ink);
    }
    panels::error_rows(frame, list, view, ink);
    panels::generator_line(frame, generator, view, ink);
}
