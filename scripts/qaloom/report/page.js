"use strict";
(() => {
  const NARROW = matchMedia("(max-width: 46rem)").matches;
  const PAGE = NARROW ? 5 : 25; // rows of a table at a time
  const LISTED = 3; // wordings of a fact before its "more"
  const CLIP = NARROW ? 140 : 300; // characters shown of a text before its "more"
  const root = document.documentElement;
  const tables = []; // functions that draw them again
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
    for (const draw of tables) draw();
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

  // ---------------------------------------------------------------- tables that are searched, sorted and turned

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

  const searched = (texts) => texts.join("\n").normalize("NFC").toLowerCase();

  // `id` names an element of the table by its role; `runs` are the rows of each run, `keys` the numbers that a
  // column sorts by (its text where it has none), `keeps` whether the filters let a row through, `drawn` a row.
  function paged({ id, table, section, runs, by, keys, keeps, drawn, nothing }) {
    const order = { by, down: false };
    const headings = table.querySelectorAll("[data-sort]");
    let matching = [], start = 0;

    function sorted(rows) {
      const sign = order.down ? -1 : 1, numbers = keys[order.by];
      const compare = numbers
        ? (a, b) => numbers.reduce((found, key) => found || a[key] - b[key], 0)
        : (a, b) => (a[order.by] < b[order.by] ? -1 : a[order.by] > b[order.by] ? 1 : 0);
      return rows.sort((a, b) => sign * compare(a, b));
    }

    function filter() {
      const words = id("search").value.normalize("NFC").toLowerCase().split(/\s+/).filter(Boolean);
      matching = sorted(runs[id("run").value].filter((row) =>
        keeps(row) && words.every((word) => row.text.includes(word))));
      start = 0;
      draw();
    }

    function draw() {
      const rows = matching.slice(start, start + PAGE);
      table.tBodies[0].replaceChildren(...rows.map(drawn));
      const n = matching.length.toLocaleString(root.lang);
      id("shown").textContent = rows.length ? say("ui.shown", { from: start + 1, to: start + rows.length, n }) : say(nothing);
      id("previous").disabled = start === 0;
      id("next").disabled = start + PAGE >= matching.length;
      for (const button of headings) {
        const here = button.dataset.sort === order.by;
        button.parentElement.setAttribute("aria-sort", here ? (order.down ? "descending" : "ascending") : "none");
      }
    }

    function turn(rows) {
      start += rows;
      draw();
      section.scrollIntoView();
    }

    id("filters").addEventListener("input", filter);
    id("filters").addEventListener("submit", (event) => event.preventDefault());
    id("previous").addEventListener("click", () => turn(-PAGE));
    id("next").addEventListener("click", () => turn(PAGE));
    for (const button of headings) {
      button.addEventListener("click", () => {
        order.down = order.by === button.dataset.sort && !order.down;
        order.by = button.dataset.sort;
        filter();
      });
    }
    filter();
    tables.push(draw);
  }

  const read = (id, named) => JSON.parse($(id).textContent).map((run) => run.rows.map(named));

  // ---------------------------------------------------------------- the table of answers

  const FIELDS = ["split", "wording", "document", "question", "reference", "base", "tuned",
    "baseRight", "tunedRight", "baseF1", "tunedF1", "cut"];
  const TESTS = {
    all: () => true,
    right: (row) => row.tunedRight === 1,
    wrong: (row) => row.tunedRight !== 1,
    gained: (row) => row.tunedRight === 1 && row.baseRight !== 1,
    lost: (row) => row.tunedRight !== 1 && row.baseRight === 1,
    cut: (row) => row.cut === 1,
  };

  function answer(values) {
    const row = Object.fromEntries(FIELDS.map((field, i) => [field, values[i]]));
    return { ...row, text: searched(values.slice(2, 7)) };
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

  function drawnAnswer(row) {
    const tr = element("tr");
    const about = [say("ui." + row.split), say("wording." + row.wording), row.document].join(" · ");
    tr.append(cell("ui.question", row.question, [element("span", about, "note")]),
      cell("ui.reference", row.reference, []), marked(row, "base"), marked(row, "tuned"));
    return tr;
  }

  if ($("data")) {
    paged({
      id: $, table: $("answers"), section: $("predictions"), runs: read("data", answer), by: "tuned",
      keys: { base: ["baseRight", "baseF1"], tuned: ["tunedRight", "tunedF1"] },
      keeps: (row) => ($("part").value === "all" || row.split === $("part").value) && TESTS[$("result").value](row),
      drawn: drawnAnswer, nothing: "ui.nothing",
    });
  }

  // ---------------------------------------------------------------- the ledger of facts

  const LEARNED = ["none", "some", "all", "not_asked", "not_taught"];

  function fact(values) {
    const [learned, answer, trained, asked, places, margin, lead, against, identity, counts] = values;
    const text = searched([answer, ...trained, ...asked.map((one) => one[0]), ...places, ...against, identity]);
    return {
      learned, fact: answer, trained, asked, places, margin, lead, against, counts, text, identity,
      rank: LEARNED.indexOf(learned), gain: margin ?? 0, nTrained: counts[0], nAsked: counts[1],
    };
  }

  function listed(label, lines, n) {
    const td = element("td");
    td.dataset.label = say(label);
    td.append(...lines.slice(0, LISTED));
    if (n > LISTED) {
      const more = element("button", say("ui.and_more", { n: n - LISTED }), "more");
      more.type = "button";
      const rest = n > lines.length ? [element("p", say("ui.and_more", { n: n - lines.length }), "note")] : [];
      more.addEventListener("click", () => more.replaceWith(...lines.slice(LISTED), ...rest));
      td.append(more);
    }
    return td;
  }

  function drawnFact(row) {
    const tr = element("tr"), notes = [];
    const note = (text) => notes.push(element("span", text, "note"));
    if (row.margin !== null) note(say("ui.margin", { value: row.margin.toFixed(2) }));
    if (row.lead !== null) note(say("ui.over_competitor", { value: row.lead.toFixed(2) }));
    if (row.against.length) notes.push(element("span", say("ui.contradicted_by", { rows: row.against.join("; ") }), "note wrong"));
    const places = row.places.join(", ") + (row.counts[2] > row.places.length ? " …" : "");
    const asked = row.asked.map(([question, right]) => {
      const p = element("p");
      p.append(element("span", right ? "✓ " : "✗ ", right ? "right" : "wrong"), question);
      return p;
    });
    tr.append(cell("ui.fact", row.fact, [element("span", places, "note"), element("span", row.identity, "note")]),
      listed("ui.trained", row.trained.map((question) => element("p", question)), row.nTrained),
      listed("ui.asked", asked, row.nAsked), cell("ui.learned", say("ui.learned_" + row.learned), notes));
    return tr;
  }

  if ($("facts-data")) {
    const chosen = $("facts-learned");
    paged({
      id: (name) => $("facts-" + name), table: $("facts-table"), section: $("facts"), runs: read("facts-data", fact),
      by: "learned", keys: { trained: ["nTrained"], asked: ["nAsked"], learned: ["rank", "gain"] },
      keeps: (row) => chosen.value === "all_facts" || row.learned === chosen.value
        || (chosen.value === "contradicted" && row.against.length > 0),
      drawn: drawnFact, nothing: "ui.no_fact",
    });
  }
  if (NARROW) for (const details of document.querySelectorAll("details[open]")) details.open = false;
  translate();
})();
