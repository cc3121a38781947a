// What is filled in once, who listens to what, and the beginning.

function options(select, entries) {
  select.append(...entries.map(([value, name]) => element("option", { value }, name)));
}

function fillFilters() {
  const ofType = data.types.map((type) => typesOf.filter((types) => types.has(type)).length);
  options($("filter-type"), data.types.map((type, i) => [i, `${plain(type)} (${number(ofType[i])})`]));
  const ofKind = new Map();
  for (const { kind } of suspects) {
    ofKind.set(kind, (ofKind.get(kind) ?? 0) + 1);
  }
  const kinds = [...Object.keys(KINDS), ...ofKind.keys()].filter((kind, i, all) => ofKind.has(kind) && all.indexOf(kind) === i);
  options($("filter-kind"), kinds.map((kind) => [kind, `${kindName(kind)} (${number(ofKind.get(kind))})`]));
}

function fillOverview() {
  const facts = [
    ["File", plain(data.file)],
    ["SHA-256", data.fingerprint],
    ["Size", `${number(data.n_sentences)} sentences, ${number(data.n_tokens)} words`],
    ["Scheme", data.scheme],
    ["Tags", data.labels.map(plain).join(" ")],
    ["Training", `${data.epochs} epochs${isNumber(data.scored_epoch) ? `, scored in epoch ${data.scored_epoch}` : ""}`],
    [
      "Suspects",
      suspects.length < data.n_suspects
        ? `${number(data.n_suspects)}, of which this page shows the first ${number(suspects.length)}`
        : number(data.n_suspects),
    ],
    ["Decided", element("span", { id: "decided" })],
  ];
  $("facts").append(...facts.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
  for (const id of data.warning === null ? [] : ["warning", "overview-warning"]) {
    $(id).replaceChildren("⚠ ", ...visible(data.warning));
    $(id).hidden = false;
  }
  const cells = ({ type, entities, suspects: n, expected_errors: errors, expected_missing: missing, warning }) => [
    element("th", { scope: "row" }, ...visible(type)),
    element("td", { class: "number" }, number(entities)),
    element("td", { class: "number" }, number(n)),
    element("td", { class: "number" }, isNumber(errors) ? errors.toFixed(1) : "–"),
    element("td", { class: "number" }, isNumber(missing) ? missing.toFixed(1) : "–"),
    element("td", {}, warning === null ? "" : element("span", { class: "beware" }, "⚠ ", ...visible(warning))),
  ];
  $("types").append(...data.by_type.map((row) => element("tr", {}, ...cells(row))));
  const warnings = [data, ...data.by_type].filter(({ warning }) => warning !== null).length;
  if (warnings > 0) {
    $("overview-button").append(" ", element("span", { class: "badge" }, `⚠ ${warnings}`));
    $("overview-button").title = `${warnings} ${warnings === 1 ? "warning" : "warnings"}`;
  }
}

// Paper gets what passes the filters as a table: the list has only the rows on the screen.
function fillPrint() {
  const row = (i) => {
    const { rank, line, kind, words, given, probability } = suspects[i];
    const cells = [`#${rank}`, `${line}`, kindName(kind), words.map(plain).join(" "), describe(given, words), outcome(i)];
    return element("tr", {}, ...[...cells, percent(probability), stateOf(i).name].map((cell) => element("td", {}, cell)));
  };
  $("print-rows").replaceChildren(...view.order.map(row));
}

function onClick(actions) {
  for (const [id, run] of Object.entries(actions)) {
    $(id).addEventListener("click", run);
  }
}

function listenToFilters() {
  const slider = $("filter-probability");
  const field = $("filter-probability-number");
  slider.addEventListener("input", () => {
    field.value = slider.value;
    refilter();
  });
  field.addEventListener("input", () => {
    slider.value = field.value === "" ? "0" : field.value;
    refilter();
  });
  for (const id of ["filter-type", "filter-kind", "filter-state", "filter-text", "sort"]) {
    $(id).addEventListener("input", refilter);
  }
}

function listen() {
  addEventListener("keydown", onKey);
  listenToFilters();
  $("list").addEventListener("scroll", paintList);
  $("list").addEventListener("click", (event) => {
    const row = event.target.closest(".row");
    if (row) {
      go(Number(row.dataset.index));
    }
  });
  new ResizeObserver(() => {
    reveal(view.at.get(view.current) ?? 0);
    paintList();
  }).observe($("list"));
  onClick({
    "accept": () => act(accepting),
    "reject": () => act(rejecting),
    "edit": openEditor,
    "undo": undo,
    "previous": () => step(-1),
    "next": () => step(1),
    "reset": resetFilters,
    "help-button": () => openDialog("help"),
    "overview-button": () => openDialog("overview"),
    "export-button": () => openDialog("exporting"),
    "import-button": () => $("import-file").click(),
    "download": download,
    "copy": copy,
  });
  $("import-file").addEventListener("change", importFile);
  addEventListener("beforeprint", fillPrint);
  addEventListener("afterprint", () => $("print-rows").replaceChildren());
  addEventListener("beforeunload", (event) => {
    if (!exported) {
      event.preventDefault();
    }
  });
  // The same page in another tab keeps its decisions in the same place.
  addEventListener("storage", ({ key }) => {
    if (key === STORE) {
      decisions.clear();
      restore();
      showProgress();
      refilter();
      showCurrent();
    }
  });
}

document.title = plain(data.title);
$("title").replaceChildren(...visible(data.title));
fillFilters();
fillOverview();
prepareEditor();
restore();
listen();
showProgress();
refilter();
go(view.order.find((i) => !decisions.has(i)) ?? view.order[0] ?? null);
$("list").focus({ preventScroll: true });
$("loading").remove();
if (matchMedia("(max-width: 52rem)").matches) {
  $("filters").open = false;
}
if ($("status").childNodes.length === 0) {
  say("Press ? for the keys.");
}
