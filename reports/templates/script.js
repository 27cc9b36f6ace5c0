"use strict";
(() => {
  const all = (q, e = document) => [...e.querySelectorAll(q)];
  const make = (tag, text, cls) => { const e = document.createElement(tag); if (text) e.textContent = text; if (cls) e.className = cls; return e; };
  const button = (text, cls, does) => { const b = make("button", text, cls); b.type = "button"; b.addEventListener("click", does); return b; };
  const draw = (tag, attributes, text) => { const e = document.createElementNS("http://www.w3.org/2000/svg", tag); for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v); if (text) e.textContent = text; return e; };
  const clock = s => { const r = Math.round(s), m = Math.floor(r / 60), two = n => String(n).padStart(2, "0"); return m < 60 ? `${m}:${two(r % 60)}` : `${Math.floor(m / 60)}:${two(m % 60)}:${two(r % 60)}`; };

  // Charts. Those over time share one clock: seconds since the run began.
  const charts = all(".chart").flatMap(figure => {
    const plot = figure.querySelector(".plot"), cross = figure.querySelector(".cross");
    const [places, l, ...s] = (figure.dataset.points || "").split("\n").map(line => line.split("\t"));
    const data = { x: places[0] ? places.map(Number) : [], l, s };
    if (!plot || !cross || !data.x.length) return [];
    const begin = parseFloat(figure.dataset.t0), seconds = parseFloat(figure.dataset.seconds);
    const caption = figure.querySelector("figcaption");
    const names = all(".key:not(.k-fault)", figure);
    const title = figure.querySelector(".c-title bdi").textContent;
    const chart = { figure, plot, cross, data, title, begin, seconds, timed: seconds > 0, from: 0, to: 100, at: -1, section: figure.closest("section") };
    chart.names = names.map(k => k.textContent);
    chart.keys = names.map(k => k.appendChild(make("b")));
    chart.where = caption.appendChild(make("span", "", "quiet where"));
    return [chart];
  });
  const nearest = (xs, at) => {
    let low = 0, high = xs.length - 1;
    while (high - low > 1) { const middle = (low + high) >> 1; if (xs[middle] < at) low = middle; else high = middle; }
    return Math.abs(xs[low] - at) <= Math.abs(xs[high] - at) ? low : high;
  };
  const readout = make("div", "", "readout");
  readout.setAttribute("aria-live", "polite");
  readout.hidden = true;
  document.body.append(readout);

  const off = () => {
    readout.hidden = true;
    for (const c of charts) { c.at = -1; c.cross.classList.remove("on"); c.keys.forEach(k => { k.textContent = ""; }); c.where.textContent = ""; }
  };
  const mark = (c, i) => {
    c.at = i;
    c.cross.setAttribute("x1", c.data.x[i] + "%"); c.cross.setAttribute("x2", c.data.x[i] + "%");
    c.cross.classList.add("on");
    c.keys.forEach((k, n) => { k.textContent = c.data.s[n][i] || "–"; });
    c.where.textContent = c.data.l[i] + (c.keys.length ? "" : "  " + (c.data.s[0][i] || "–"));
  };
  // Every chart of the same clock reads the same moment.
  const read = (chart, i) => {
    off();
    const moment = chart.begin + chart.data.x[i] / 100 * chart.seconds;
    const together = chart.timed ? charts.filter(c => c.timed) : [chart];
    const rows = [];
    for (const c of together) {
      const share = c === chart ? chart.data.x[i] : (moment - c.begin) / c.seconds * 100;
      if (share < -0.5 || share > 100.5) continue;
      const at = c === chart ? i : nearest(c.data.x, share);
      mark(c, at);
      if (c.section !== chart.section || (c.figure.closest(".spark") && c !== chart)) continue;
      const values = c.data.s.map((s, n) => [c.names[n] || "", s[at] || "–"]);
      rows.push([c.title, values]);
    }
    const list = make("dl");
    for (const [title, values] of rows) {
      list.append(make("dt", title));
      for (const [name, value] of values) { const dd = make("dd"); dd.append(make("span", name), make("b", value)); list.append(dd); }
    }
    readout.replaceChildren(make("strong", chart.data.l[i]), list);
    const box = chart.plot.getBoundingClientRect();
    const x = box.left + (chart.data.x[i] - chart.from) / (chart.to - chart.from) * box.width;
    readout.classList.toggle("left", x > innerWidth / 2);
    readout.hidden = rows.length < 2 && chart.keys.length < 2;
  };

  // Looking closer: all charts of a scenario show one window.
  const bars = new Map();
  const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200];
  const window_of = (c, from, to) => {
    c.from = from; c.to = to;
    const whole = from <= 0 && to >= 100, wide = 10000 / (to - from);
    c.plot.classList.toggle("zoomed", !whole);
    for (const svg of all(".zoom", c.plot)) { svg.setAttribute("width", wide + "%"); svg.setAttribute("x", -from / 100 * wide + "%"); }
    const ticks = c.plot.querySelector(".x-ticks");
    c.plot.querySelector(".own-ticks")?.remove();
    if (whole) return;
    const group = draw("g", { class: "own-ticks" }), y = parseFloat(c.plot.getAttribute("height")) - 24;
    const first = from / 100 * c.seconds, last = to / 100 * c.seconds;
    const step = STEPS.find(s => (last - first) / s <= 6) || 86400;
    for (let s = Math.ceil(first / step) * step; s <= last + 1e-6; s += step) {
      const x = (s - first) / (last - first) * 100, words = step < 1 ? clock(Math.floor(s)) + "." + Math.round(s % 1 * 10) % 10 : clock(s);
      group.append(draw("line", { class: "tick", x1: x + "%", x2: x + "%", y1: y, y2: y + 4 }), draw("text", { class: "t-x", x: x + "%", y: y + 18, "text-anchor": x < 3 ? "start" : x > 97 ? "end" : "middle" }, words));
    }
    ticks.after(group);
  };
  const whole = section => {
    const bar = bars.get(section);
    if (!bar) return;
    bars.delete(section);
    const back = bar.contains(document.activeElement) ? bar.asker : null;
    bar.remove();
    charts.filter(c => c.timed && c.section === section).forEach(c => window_of(c, 0, 100));
    all("[aria-pressed=true]", section).forEach(b => b.setAttribute("aria-pressed", "false"));
    back?.focus();
  };
  // From and to in seconds since the run began.
  const closer = (section, from, to, what, asker) => {
    const mine = charts.filter(c => c.timed && c.section === section);
    if (!mine.length) return;
    whole(section);
    for (const c of mine) window_of(c, Math.max(0, (from - c.begin) / c.seconds * 100), Math.min(100, (to - c.begin) / c.seconds * 100));
    const bar = make("p", "", "zoom-bar");
    bar.setAttribute("role", "status");
    const zero = mine[0].begin;
    bar.append(make("span", `Charts show ${clock(Math.max(0, from - zero))} to ${clock(Math.min(mine[0].seconds, to - zero))}${what ? ": " + what : ""}.`), button("Show all of it", "", () => whole(section)));
    bar.asker = asker;
    bars.set(section, bar);
    (section.querySelector(".charts") || mine[0].figure).prepend(bar);
    asker?.setAttribute("aria-pressed", "true");
    if (asker) { bar.scrollIntoView({ block: "start" }); bar.querySelector("button").focus({ preventScroll: true }); }
  };
  const around = (from, to) => { const room = Math.max(1, (to - from) * 0.3); return [from - room, to + room]; };

  for (const fault of all(".fault[data-from]")) {
    const section = fault.closest("section"), name = fault.querySelector("h4 bdi").textContent;
    if (!charts.some(c => c.timed && c.section === section)) continue;
    const look = button("Zoom charts to it", "small look", () => {
      if (look.getAttribute("aria-pressed") === "true") return whole(section);
      closer(section, ...around(parseFloat(fault.dataset.from), parseFloat(fault.dataset.to)), name, look);
    });
    look.setAttribute("aria-pressed", "false");
    fault.querySelector("h4").append(look);
  }

  for (const chart of charts) {
    const { plot } = chart;
    plot.setAttribute("tabindex", "0");
    const share = e => { const box = plot.getBoundingClientRect(); return (e.clientX - box.left) / box.width * (chart.to - chart.from) + chart.from; };
    let pressed = null;
    plot.addEventListener("pointermove", e => {
      const at = share(e);
      if (at < chart.from - 1 || at > chart.to + 1) return off();
      read(chart, nearest(chart.data.x, at));
    });
    plot.addEventListener("pointerleave", off);
    plot.addEventListener("blur", off);
    plot.addEventListener("pointerdown", e => { pressed = chart.timed && e.pointerType === "mouse" ? [share(e), e.clientX] : null; });
    // A stretch dragged over, or the fault under a click.
    plot.addEventListener("pointerup", e => {
      if (!pressed) return;
      const [begin, x] = pressed, end = share(e), second = p => chart.begin + p / 100 * chart.seconds;
      pressed = null;
      if (Math.abs(e.clientX - x) > 8) return closer(chart.section, second(Math.min(begin, end)), second(Math.max(begin, end)), "");
      const same = plot.querySelector(".bands"), under = all(".band-fault", same ? document.querySelector(same.getAttribute("href")) : plot).map(b => [parseFloat(b.getAttribute("x")), parseFloat(b.getAttribute("width"))]).find(([at, wide]) => end >= at && end <= at + wide);
      if (under && chart.to - chart.from === 100) closer(chart.section, ...around(second(under[0]), second(under[0] + under[1])), "the fault");
      else if (chart.to - chart.from < 100) whole(chart.section);
    });
    plot.addEventListener("keydown", e => {
      const last = chart.data.x.length - 1, step = e.shiftKey ? 10 : 1;
      const to = { ArrowLeft: chart.at < 0 ? last : chart.at - step, ArrowRight: chart.at < 0 ? 0 : chart.at + step, Home: 0, End: last }[e.key];
      if (to === undefined) return;
      e.preventDefault();
      read(chart, Math.min(last, Math.max(0, to)));
    });
  }
  addEventListener("keydown", e => {
    if (e.key !== "Escape") return;
    off();
    [...bars.keys()].forEach(whole);
  });

  // Sorting by a column: by the data-v of a cell where there is one, else by its words.
  const key = cell => cell.dataset.v ?? cell.textContent.trim();
  const compare = (a, b) => { const x = parseFloat(a), y = parseFloat(b); return !isNaN(x) && !isNaN(y) && x !== y ? x - y : a < b ? -1 : a > b ? 1 : 0; };
  for (const table of all("table.sort")) {
    all("thead th", table).forEach((th, column) => {
      th.replaceChildren(button(th.textContent, "", () => {
        const up = th.getAttribute("aria-sort") !== "ascending";
        all("th", table).forEach(h => h.removeAttribute("aria-sort"));
        th.setAttribute("aria-sort", up ? "ascending" : "descending");
        const body = table.tBodies[0];
        const rows = [...body.rows].map(r => [key(r.cells[column]), r]).sort((a, b) => compare(a[0], b[0]) * (up ? 1 : -1));
        body.append(...rows.map(r => r[1]));
      }));
    });
  }

  // What is shown: rows with the words looked for, and all that belongs to the journey chosen.
  const show = (e, by, is) => { e.dataset[by] = is ? "" : "no"; e.hidden = e.dataset.words === "no" || e.dataset.chosen === "no"; };
  for (const table of all("table.filter")) {
    if (table.tBodies[0].rows.length < 8) continue;
    const find = make("input", "", "find");
    find.type = "search"; find.placeholder = "Filter"; find.setAttribute("aria-label", "Filter rows: " + (table.caption?.textContent || ""));
    table.parentElement.before(find);
    find.addEventListener("input", () => {
      const words = find.value.toLowerCase();
      for (const row of table.tBodies[0].rows) show(row, "words", row.textContent.toLowerCase().includes(words));
    });
  }
  const of_journeys = all("[data-journey]"), journeys = [...new Set(of_journeys.map(e => e.dataset.journey))].sort();
  const toc = document.querySelector(".toc");
  if (toc && journeys.length > 1) {
    const choose = make("select", "", "choose");
    choose.setAttribute("aria-label", "Show one journey alone");
    choose.append(new Option("All journeys", ""), ...journeys.map(j => new Option(j, j)));
    choose.addEventListener("change", () => of_journeys.forEach(e => show(e, "chosen", !choose.value || e.dataset.journey === choose.value)));
    toc.append(choose);
  }

  // Copying a line that repeats a request.
  for (const box of all(".curl")) {
    const code = box.querySelector("code");
    box.classList.add("can");
    box.append(button("Copy", "", async e => {
      try { await navigator.clipboard.writeText(code.textContent); e.target.textContent = "Copied"; }
      catch { getSelection().selectAllChildren(code); e.target.textContent = "Selected: copy it"; }
    }));
  }

  // Tables wider than their place are scrolled by keyboard too.
  for (const box of all(".scroll")) if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;

  // A link to something that is folded away opens it.
  const follow = () => {
    const there = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!there) return;
    for (let e = there; e; e = e.parentElement) if (e.tagName === "DETAILS") e.open = true;
    there.scrollIntoView();
  };
  addEventListener("hashchange", follow);
  follow();

  // Print with everything open that shows evidence, and charts whole.
  addEventListener("beforeprint", () => { off(); [...bars.keys()].forEach(whole); all("details:not(.data,.bulk):not([open])").forEach(d => { d.open = true; d.dataset.was = "closed"; }); });
  addEventListener("afterprint", () => all("details[data-was]").forEach(d => { d.open = false; delete d.dataset.was; }));
})();
