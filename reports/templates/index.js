"use strict";
(() => {
  const make = (tag, text, cls) => { const e = document.createElement(tag); if (text) e.textContent = text; if (cls) e.className = cls; return e; };
  const table = document.querySelector(".x-runs");
  if (!table) return;
  const rows = [...table.querySelectorAll("tbody tr")];
  const copies = (button, words) => button.addEventListener("click", async () => {
    try { await navigator.clipboard.writeText(words()); button.textContent = "Copied"; } catch { button.textContent = "Select it and copy"; }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  const copy = words => { const b = make("button", "Copy", "small"); b.type = "button"; copies(b, words); return b; };
  for (const pre of document.querySelectorAll("pre.copy")) pre.after(copy(() => pre.textContent));

  // Two picked runs make a line to compare them: the newer against the older, in the table's order.
  const bar = make("div", "", "x-bar"), line = make("code"), said = make("span", "", "quiet");
  bar.hidden = true;
  bar.setAttribute("aria-live", "polite");
  bar.append(said, line, copy(() => line.textContent));
  table.after(bar);
  let picked = [];
  const show = () => {
    const [a, b] = [...picked].sort((x, y) => rows.indexOf(x) - rows.indexOf(y));
    bar.hidden = !a;
    said.textContent = b ? "Did it get slower?" : "Pick one more run to compare with.";
    line.hidden = line.nextSibling.hidden = !b;
    line.textContent = b ? `harness compare ${a.dataset.run} ${b.dataset.run}` : "";
  };
  for (const row of rows) {
    if (row.dataset.answer === "none") continue;
    const box = make("input", "", "x-pick");
    box.type = "checkbox";
    box.setAttribute("aria-label", `Pick run ${row.dataset.run} to compare`);
    box.addEventListener("change", () => {
      picked = picked.filter(other => other !== row);
      if (box.checked) picked.push(row);
      while (picked.length > 2) picked.shift().querySelector(".x-pick").checked = false;
      show();
    });
    row.querySelector(".x-answer").prepend(box);
  }

  // Rows of this page by words and answer.
  const tools = make("div", "", "x-tools"), words = make("input"), answer = make("select"), left = make("span", "", "quiet");
  words.type = "search";
  words.placeholder = "Filter this page";
  words.setAttribute("aria-label", "Filter the runs of this page by words");
  answer.setAttribute("aria-label", "Only runs with this answer");
  for (const [value, text] of [["", "All answers"], ["go", "GO"], ["conditional", "CONDITIONAL GO"], ["no-go", "NO-GO"], ["none", "Without an answer"]]) { const o = make("option", text); o.value = value; answer.append(o); }
  const filter = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !(wanted.every(w => text.includes(w)) && (!answer.value || row.dataset.answer === answer.value));
      shown += row.hidden ? 0 : 1;
    }
    left.textContent = shown === rows.length ? "" : `${shown} of ${rows.length}`;
  };
  words.addEventListener("input", filter);
  answer.addEventListener("change", filter);
  tools.append(words, answer, left);
  table.before(tools);
})();
