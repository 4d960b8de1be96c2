"use strict";
(() => {
  const PAGE = matchMedia("(max-width: 46rem)").matches ? 10 : 25;
  const CLIP = 300; // characters shown of a text before its "more"
  const root = document.documentElement;
  const $ = (id) => document.getElementById(id);
  const strings = JSON.parse($("strings").textContent);

  const say = (key, values = {}) =>
    (strings[key]?.[root.lang] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name]);

  function translate() {
    for (const element of document.querySelectorAll("[data-i18n]")) {
      const target = element.querySelector("text") || element; // a plot's label is a group around its text
      target.textContent = say(element.dataset.i18n);
    }
    for (const element of document.querySelectorAll("[data-i18n-label]")) {
      element.setAttribute("aria-label", say(element.dataset.i18nLabel, element.dataset));
    }
    if ($("data")) draw();
  }

  $("language").addEventListener("click", () => {
    root.lang = root.lang === "ko" ? "en" : "ko";
    try { localStorage.setItem("qaloom-language", root.lang); } catch { /* a file: page may have no storage */ }
    translate();
  });

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const details of opened) details.open = true;
  });
  addEventListener("afterprint", () => { for (const details of opened) details.open = false; });

  // ---------------------------------------------------------------- the table of answers

  const FIELDS = ["split", "origin", "document", "question", "reference", "base", "tuned",
    "baseRight", "tunedRight", "baseF1", "tunedF1", "cut"];
  const TESTS = {
    all: () => true,
    right: (row) => row.tunedRight === 1,
    wrong: (row) => row.tunedRight !== 1,
    gained: (row) => row.tunedRight === 1 && row.baseRight !== 1,
    lost: (row) => row.tunedRight !== 1 && row.baseRight === 1,
    cut: (row) => row.cut === 1,
  };
  const runs = $("data") ? JSON.parse($("data").textContent).map((run) => run.rows.map(named)) : [];
  const order = { by: "tuned", down: false };
  let matching = [], start = 0;

  function named(values) {
    const row = Object.fromEntries(FIELDS.map((field, i) => [field, values[i]]));
    row.text = values.slice(2, 7).join("\n").normalize("NFC").toLowerCase();
    return row;
  }

  function sorted(rows) {
    const { by, down } = order, sign = down ? -1 : 1;
    const number = { base: ["baseRight", "baseF1"], tuned: ["tunedRight", "tunedF1"] }[by];
    const compare = number
      ? (a, b) => a[number[0]] - b[number[0]] || a[number[1]] - b[number[1]]
      : (a, b) => (a[by] < b[by] ? -1 : a[by] > b[by] ? 1 : 0);
    return rows.sort((a, b) => sign * compare(a, b));
  }

  function filter() {
    const words = $("search").value.normalize("NFC").toLowerCase().split(/\s+/).filter(Boolean);
    const part = $("part").value, test = TESTS[$("result").value];
    matching = sorted(runs[$("run").value].filter((row) =>
      (part === "all" || row.split === part) && test(row) && words.every((word) => row.text.includes(word))));
    start = 0;
    draw();
  }

  function element(tag, text, className) {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text; // never innerHTML: rows are other people's text
    if (className) made.className = className;
    return made;
  }

  function cell(label, text, notes) {
    const td = element("td");
    td.dataset.label = say(label);
    td.append(clipped(text || say("ui.empty")), ...notes);
    return td;
  }

  function clipped(text) {
    if (text.length <= CLIP + 40) return element("p", text);
    const p = element("p", text.slice(0, CLIP) + "…");
    const more = element("button", say("ui.more", { n: (text.length - CLIP).toLocaleString(root.lang) }), "more");
    more.type = "button";
    more.addEventListener("click", () => p.replaceChildren(text));
    p.append(" ", more);
    return p;
  }

  function marked(row, side) {
    const right = row[side + "Right"] === 1;
    const f1 = row[side + "F1"];
    const note = element("span", undefined, "note");
    note.append(element("span", (right ? "✓ " : "✗ ") + say(right ? "ui.is_right" : "ui.is_wrong"), right ? "right" : "wrong"));
    if (!right) note.append(" · " + say("ui.f1", { value: f1.toFixed(2) }));
    if (side === "tuned" && row.cut) note.append(" · " + say("ui.cut"));
    return cell("ui." + side, row[side], [note]);
  }

  function drawn(row) {
    const tr = element("tr");
    const about = [say("ui." + row.split), say("origin." + row.origin), row.document].join(" · ");
    tr.append(cell("ui.question", row.question, [element("span", about, "note")]),
      cell("ui.reference", row.reference, []), marked(row, "base"), marked(row, "tuned"));
    return tr;
  }

  function draw() {
    const rows = matching.slice(start, start + PAGE);
    $("answers").tBodies[0].replaceChildren(...rows.map(drawn));
    const n = matching.length.toLocaleString(root.lang);
    $("shown").textContent = rows.length ? say("ui.shown", { from: start + 1, to: start + rows.length, n }) : say("ui.nothing");
    $("previous").disabled = start === 0;
    $("next").disabled = start + PAGE >= matching.length;
    for (const button of document.querySelectorAll("[data-sort]")) {
      const here = button.dataset.sort === order.by;
      button.parentElement.setAttribute("aria-sort", here ? (order.down ? "descending" : "ascending") : "none");
    }
  }

  function turn(by) {
    start += by;
    draw();
    $("predictions").scrollIntoView();
  }

  if ($("data")) {
    $("filters").addEventListener("input", filter);
    $("filters").addEventListener("submit", (event) => event.preventDefault());
    $("previous").addEventListener("click", () => turn(-PAGE));
    $("next").addEventListener("click", () => turn(PAGE));
    for (const button of document.querySelectorAll("[data-sort]")) {
      button.addEventListener("click", () => {
        order.down = order.by === button.dataset.sort && !order.down;
        order.by = button.dataset.sort;
        filter();
      });
    }
    filter();
  }
  translate();
})();
