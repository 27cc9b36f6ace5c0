"use strict";
(() => {
  const all = (q, e = document) => [...e.querySelectorAll(q)];
  const make = (tag, text, cls) => { const e = document.createElement(tag); if (text) e.textContent = text; if (cls) e.className = cls; return e; };

  // Pointing at a chart: a line, and the values beside the names in the legend.
  for (const chart of all(".chart")) {
    let data;
    try { data = JSON.parse(chart.dataset.points); } catch { continue; }
    const plot = chart.querySelector(".plot"), cross = chart.querySelector(".cross"), caption = chart.querySelector("figcaption");
    if (!plot || !data.x.length) continue;
    const keys = all(".key:not(.k-fault)", chart).map(k => k.appendChild(make("b")));
    const where = caption.appendChild(make("span", "", "quiet"));
    const value = keys.length ? null : where;
    const off = () => { cross.classList.remove("on"); keys.forEach(k => { k.textContent = ""; }); where.textContent = ""; };
    plot.addEventListener("pointermove", e => {
      const box = plot.getBoundingClientRect(), at = (e.clientX - box.left) / box.width * 100;
      if (at < -1 || at > 101) return off();
      let i = 0;
      data.x.forEach((x, j) => { if (Math.abs(x - at) < Math.abs(data.x[i] - at)) i = j; });
      cross.setAttribute("x1", data.x[i] + "%"); cross.setAttribute("x2", data.x[i] + "%"); cross.classList.add("on");
      keys.forEach((k, n) => { k.textContent = data.s[n][i] || "–"; });
      where.textContent = data.l[i] + (value ? "  " + (data.s[0][i] || "–") : "");
    });
    plot.addEventListener("pointerleave", off);
  }

  // Sorting by a column: by the data-v of a cell where there is one, else by its words.
  const key = cell => cell.dataset.v ?? cell.textContent.trim();
  const compare = (a, b) => { const x = parseFloat(a), y = parseFloat(b); return !isNaN(x) && !isNaN(y) && x !== y ? x - y : a < b ? -1 : a > b ? 1 : 0; };
  for (const table of all("table.sort")) {
    all("thead th", table).forEach((th, column) => {
      const button = make("button", th.textContent);
      th.replaceChildren(button);
      button.addEventListener("click", () => {
        const up = th.getAttribute("aria-sort") !== "ascending";
        all("th", table).forEach(h => h.removeAttribute("aria-sort"));
        th.setAttribute("aria-sort", up ? "ascending" : "descending");
        const body = table.tBodies[0];
        const rows = [...body.rows].map(r => [key(r.cells[column]), r]).sort((a, b) => compare(a[0], b[0]) * (up ? 1 : -1));
        body.append(...rows.map(r => r[1]));
      });
    });
  }

  // Filtering rows by words; short tables need none.
  for (const table of all("table.filter")) {
    if (table.tBodies[0].rows.length < 8) continue;
    const find = make("input", "", "find");
    find.type = "search"; find.placeholder = "Filter"; find.setAttribute("aria-label", "Filter rows");
    table.parentElement.before(find);
    find.addEventListener("input", () => {
      const words = find.value.toLowerCase();
      for (const row of table.tBodies[0].rows) row.hidden = !row.textContent.toLowerCase().includes(words);
    });
  }

  // Copying a line that repeats a request.
  if (navigator.clipboard) for (const box of all(".curl")) {
    const button = make("button", "Copy");
    box.append(button); box.classList.add("can");
    button.addEventListener("click", async () => {
      try { await navigator.clipboard.writeText(box.querySelector("code").textContent); button.textContent = "Copied"; } catch { button.textContent = "Select it by hand"; }
    });
  }

  // Print with everything open that shows evidence.
  addEventListener("beforeprint", () => all("details:not(.data,.bulk):not([open])").forEach(d => { d.open = true; d.dataset.was = "closed"; }));
  addEventListener("afterprint", () => all("details[data-was]").forEach(d => { d.open = false; delete d.dataset.was; }));
})();
