// The page: what is shown when, and the keys.

// A person goes to suspect `i`: from now on filters look for this one.
function go(i) {
  if (editing) {
    say("Confirm or cancel the edit first.");
    return;
  }
  view.anchor = i;
  show(i);
}

function show(i) {
  view.current = i;
  if (view.at.has(i)) {
    reveal(view.at.get(i));
  }
  paintList();
  showCurrent();
  $("detail").scrollTop = 0;
}

function showCurrent() {
  const i = view.current;
  $("suspect").hidden = i === null;
  if (i === null) {
    return;
  }
  const suspect = suspects[i];
  const state = stateOf(i);
  const [kind, meaning] = KINDS[suspect.kind] ?? [plain(suspect.kind), ""];
  $("suspect-heading").replaceChildren(`#${suspect.rank} ${kind}`);
  $("meaning").replaceChildren(meaning);
  $("place").replaceChildren(`Line ${suspect.line}, sentence ${suspect.sentence + 1}`);
  $("share").replaceChildren(`${percent(suspect.probability)} likely wrong`);
  $("share").title = `estimated probability ${suspect.probability.toFixed(3)}; score ${suspect.score.toPrecision(4)}`;
  $("share-bar").value = suspect.probability;
  $("state").className = `state-name ${state.name}`;
  $("state").replaceChildren(`${state.mark} ${state.name}`);
  for (const [id, decision] of [["accept", "accept"], ["reject", "reject"], ["edit", "edit"]]) {
    $(id).setAttribute("aria-pressed", String(decisions.get(i)?.decision === decision));
  }
  $("undo").disabled = !decisions.has(i) && history.length === 0;
  showSentence(i);
  showEvidence(i);
}

function showProgress() {
  const { accept, reject, edit } = countDecisions();
  $("progress").max = Math.max(1, suspects.length);
  $("progress").value = decisions.size;
  $("progress-text").replaceChildren(`${number(decisions.size)} of ${number(suspects.length)} decided`);
  $("progress-text").title = `${accept} accepted, ${reject} rejected, ${edit} edited; ${recentText()}`;
}

// True if the decision could be taken.
function settle(i, proposed) {
  const objected = decide(i, proposed);
  if (objected) {
    const other = objected.other;
    say(objected.text, other === undefined ? undefined : {
      label: `Go to #${suspects[other].rank}`,
      run: () => {
        if (editing) {
          closeEditor();
        }
        go(other);
      },
    });
    return false;
  }
  save();
  showProgress();
  say(`#${suspects[i].rank} ${stateOf(i).name}.`);
  return true;
}

function advance() {
  const next = nextUndecided();
  if (next === null) {
    refilter();
    showCurrent();
    say("All suspects in this filter are decided.");
    return;
  }
  go(next);
  refilter();
}

function act(make) {
  const i = view.current;
  if (i !== null && !editing && settle(i, make(i))) {
    advance();
  }
}

// The current decision, or the last one if the current suspect is open.
function undo() {
  const i = decisions.has(view.current) ? view.current : history.at(-1);
  if (editing || i === undefined) {
    say("There is nothing to undo.");
  } else if (settle(i, null)) {
    view.anchor = i;
    refilter();
    go(view.at.has(i) ? i : view.current);
  }
}

function openDialog(id) {
  if (id === "exporting") {
    $("export-text").value = exportText();
    $("export-count").replaceChildren(`${number(decisions.size)} decided ${decisions.size === 1 ? "suspect" : "suspects"}.`);
    $("export-name").replaceChildren(...visible(EXPORT_NAME));
    $("export-place").replaceChildren(...(data.path === data.file ? ["of ", ...visible(data.file)] : ["in which you ran the audit"]));
    $("next-command").replaceChildren(...nextCommand());
  }
  if (id === "overview") {
    $("decided").replaceChildren(`${number(decisions.size)} of ${number(suspects.length)}; ${recentText()}`);
  }
  $(id).showModal();
  if (id === "exporting") {
    $("download").focus();
  }
}

function search() {
  $("filters").open = true;
  $("filter-text").focus();
}

async function importFile(event) {
  const input = event.target;
  const file = input.files[0];
  if (!file) {
    return;
  }
  try {
    const { taken, there, kept, unfit } = take(await file.text());
    save();
    const parts = [`${number(taken)} taken`];
    parts.push(...(there ? [`${number(there)} were here already`] : []));
    parts.push(...(kept ? [`${number(kept)} decided otherwise here stay as they are`] : []));
    parts.push(...(unfit ? [`${number(unfit)} do not fit this page's suspects`] : []));
    say(`Decisions from ${plain(file.name)}: ${parts.join(", ")}.`);
  } catch (error) {
    say(error.message);
  }
  input.value = "";
  showProgress();
  refilter();
  showCurrent();
}

const KEYS = {
  j: () => step(1),
  ArrowDown: () => step(1),
  ArrowRight: () => step(1),
  k: () => step(-1),
  ArrowUp: () => step(-1),
  ArrowLeft: () => step(-1),
  a: () => act(accepting),
  r: () => act(rejecting),
  e: openEditor,
  u: undo,
  g: () => go(view.order[0] ?? null),
  G: () => go(view.order.at(-1) ?? null),
  Home: () => go(view.order[0] ?? null),
  End: () => go(view.order.at(-1) ?? null),
  x: () => openDialog("exporting"),
  i: () => openDialog("overview"),
  "/": search,
  "?": () => openDialog("help"),
};

function onKey(event) {
  const inField = event.target.closest("input, select, textarea");
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) {
    return;
  }
  if (inField) {
    if (event.key === "Escape" || (event.key === "Enter" && event.target.id === "filter-text")) {
      (editing ? $("sentence") : $("list")).focus();
      event.preventDefault();
    }
    return;
  }
  // Enter and Space press the button that has the focus.
  const onButton = event.target.closest("button, summary") && (event.key === "Enter" || event.key === " ");
  if (onButton || (event.key.length === 1 && !$("shortcuts").checked)) {
    return;
  }
  if (editing) {
    if (editorKey(event)) {
      event.preventDefault();
    }
    return;
  }
  const run = Object.hasOwn(KEYS, event.key) ? KEYS[event.key] : null;
  if (run) {
    event.preventDefault();
    run();
  }
}
