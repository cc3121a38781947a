// The list of suspects: filtered, sorted, and only as many rows in the document as can be seen.

const ROW_REM = 3.25;
const BEYOND = 8;

// Rows that are kept in sight before and behind the current one, where the list is high enough.
const MARGIN = 2;

// `order`: indices that pass the filters, sorted; `at`: where each of them stands in it; `current`: what is shown; `anchor`: what a
// person went to last; `offset`: how far below the list's upper edge its row was, in pixels.
const view = { order: [], at: new Map(), current: null, anchor: null, offset: 0 };

const ORDERS = {
  score: (a, b) => suspects[b].score - suspects[a].score || suspects[a].rank - suspects[b].rank,
  probability: (a, b) => suspects[b].probability - suspects[a].probability || suspects[a].rank - suspects[b].rank,
  position: (a, b) => suspects[a].sentence - suspects[b].sentence || suspects[a].start - suspects[b].start,
  // Sentences by their most suspect stretch; the stretches of one sentence stay together.
  sentence: (a, b) => bestRank(a) - bestRank(b) || ORDERS.position(a, b),
};

const best = new Map();
for (const [sentence, indices] of inSentence) {
  best.set(sentence, Math.min(...indices.map((i) => suspects[i].rank)));
}
const bestRank = (i) => best.get(suspects[i].sentence);

const typesOf = suspects.map(
  (suspect) => new Set([...suspect.given, ...suspect.suggested].map(typeOf).filter((type) => type !== null)),
);
const haystacks = new Map();

function haystack(i) {
  if (!haystacks.has(i)) {
    const { words, line } = sentenceOf(i);
    haystacks.set(i, [words.join(" "), ...typesOf[i], `line ${line}`, `#${suspects[i].rank}`].join("\n").toLowerCase());
  }
  return haystacks.get(i);
}

function filters() {
  return {
    type: $("filter-type").value,
    kind: $("filter-kind").value,
    state: $("filter-state").value,
    probability: Number($("filter-probability-number").value) / 100,
    text: $("filter-text").value.trim().toLowerCase(),
  };
}

function passes(i, { type, kind, state, probability, text }) {
  return (
    (type === "" || typesOf[i].has(data.types[type])) &&
    (kind === "" || suspects[i].kind === kind) &&
    (state === "" || (decisions.get(i)?.decision ?? "undecided") === state) &&
    suspects[i].probability >= probability &&
    (text === "" || haystack(i).includes(text))
  );
}

// The filters anew. The suspect that a person went to stays in its place of the list; while it does not pass, the next one that
// does is shown instead, so that a search leads back to where it began.
function refilter() {
  if (editing) {
    closeEditor();
  }
  const wanted = filters();
  const order = ORDERS[$("sort").value];
  if (view.at.has(view.anchor)) {
    view.offset = view.at.get(view.anchor) * rowHeight() - $("list").scrollTop;
  }
  view.order = suspects.map((_, i) => i).filter((i) => passes(i, wanted)).sort(order);
  view.at = new Map(view.order.map((i, at) => [i, at]));
  const all = suspects.length === view.order.length ? "" : ` of ${number(suspects.length)}`;
  $("found").replaceChildren(`${number(view.order.length)}${all} suspects`);
  $("nothing").hidden = view.order.length > 0;
  const behind = view.anchor === null ? undefined : view.order.find((i) => order(view.anchor, i) <= 0);
  const next = view.at.has(view.anchor) ? view.anchor : (behind ?? view.order.at(-1) ?? null);
  setHeight();
  if (view.at.has(next)) {
    $("list").scrollTop = view.at.get(next) * rowHeight() - view.offset;
  }
  if (next !== view.current) {
    show(next);
  } else if (next !== null) {
    reveal(view.at.get(next));
  }
  paintList();
}

function resetFilters() {
  for (const id of ["filter-type", "filter-kind", "filter-state", "filter-text"]) {
    $(id).value = "";
  }
  $("filter-probability").value = $("filter-probability-number").value = "0";
  refilter();
}

const rowHeight = () => Math.round(ROW_REM * parseFloat(getComputedStyle(document.documentElement).fontSize));

// The list can be scrolled no further than it is high.
function setHeight() {
  $("rows").style.height = `${view.order.length * rowHeight()}px`;
}

function paintList() {
  const list = $("list");
  const height = rowHeight();
  const first = Math.max(0, Math.floor(list.scrollTop / height) - BEYOND);
  const last = Math.min(view.order.length, Math.ceil((list.scrollTop + list.clientHeight) / height) + BEYOND);
  const rows = [];
  for (let at = first; at < last; at++) {
    rows.push(listRow(view.order[at], at, height));
  }
  setHeight();
  $("rows").replaceChildren(...rows);
  if (view.at.has(view.current)) {
    list.setAttribute("aria-activedescendant", `row-${view.current}`);
  } else {
    list.removeAttribute("aria-activedescendant");
  }
}

function listRow(i, at, height) {
  const suspect = suspects[i];
  const state = stateOf(i);
  const row = element(
    "div",
    {
      "class": `row ${state.name}`,
      "id": `row-${i}`,
      "role": "option",
      "aria-selected": String(i === view.current),
      "aria-posinset": at + 1,
      "aria-setsize": view.order.length,
      "data-index": i,
    },
    element("span", { class: "state", role: "img", "aria-label": state.name, title: state.name }, state.mark),
    element("span", { class: "row-words" }, ...suspect.words.flatMap((word) => [...visible(word), " "])),
    element("span", { class: "row-share" }, percent(suspect.probability)),
    element(
      "span",
      { class: "row-change" },
      `${kindName(suspect.kind)}: ${change(i)}`,
    ),
    element("span", { class: "row-line" }, `line ${suspect.line}`),
  );
  row.style.top = `${at * height}px`;
  row.style.height = `${height}px`;
  return row;
}

function change(i) {
  const given = describe(suspects[i].given, suspects[i].words);
  return decisions.get(i)?.decision === "reject" ? `${given} kept` : `${given} → ${outcome(i)}`;
}

// Scrolls the list as little as it takes for a row and its neighbours to be seen.
function reveal(at) {
  const list = $("list");
  const height = rowHeight();
  const margin = height * Math.max(0, Math.min(MARGIN, Math.floor((list.clientHeight / height - 1) / 2)));
  setHeight();
  if (at * height - margin < list.scrollTop) {
    list.scrollTop = at * height - margin;
  } else if ((at + 1) * height + margin > list.scrollTop + list.clientHeight) {
    list.scrollTop = (at + 1) * height + margin - list.clientHeight;
  }
}

// The next suspect behind the current one that is still open, else the first one; null if all are decided.
function nextUndecided() {
  const from = (view.at.get(view.current) ?? -1) + 1;
  const open = (i) => !decisions.has(i);
  return view.order.slice(from).find(open) ?? view.order.slice(0, from).find(open) ?? null;
}

function step(by) {
  if (view.order.length > 0) {
    const at = (view.at.get(view.current) ?? 0) + by;
    go(view.order[Math.max(0, Math.min(view.order.length - 1, at))]);
  }
}
