// Editing the entities of a sentence: choose words, give them a type or none. What comes out is valid IOB2.

// Null, or { i, spans, anchor, focus, baseline }: the first and the last word chosen are in either order.
let editing = null;

function openEditor() {
  const i = view.current;
  if (i === null || editing) {
    return;
  }
  const { start, end, suggested } = suspects[i];
  const decision = decisions.get(i);
  const baseline = tagsWithout(i);
  const tags = decision ? replaced(baseline, decision.start, decision.tags) : replaced(baseline, start, suggested);
  editing = { i, spans: spansOf(tags), anchor: start, focus: end - 1, baseline };
  document.body.classList.add("editing");
  $("editor").hidden = false;
  paintEditor();
  $("sentence").tabIndex = 0;
  $("sentence").setAttribute("role", "application");
  $("sentence").setAttribute("aria-label", "Words of the sentence; arrows move, with Shift they choose several");
  $("sentence").focus({ preventScroll: true });
  say("Editing. Choose words and give them a type; Enter confirms, Escape cancels.");
}

function closeEditor() {
  editing = null;
  document.body.classList.remove("editing");
  $("editor").hidden = true;
  for (const name of ["tabindex", "role", "aria-label"]) {
    $("sentence").removeAttribute(name);
  }
  showCurrent();
  $("list").focus({ preventScroll: true });
}

function paintEditor() {
  const { i, spans, baseline } = editing;
  const given = sentenceOf(i).tags;
  drawSentence($("sentence"), sentenceOf(i).words, spans, spansOf(given), suspects[i]);
  const { start, end } = editedStretch();
  const tags = tagsOf(spans, baseline.length);
  $("lanes").replaceChildren(
    laneInWords("edited", "above", sentenceOf(i).words, piecesIn(tags, start, end)),
    laneInWords("given", "below", sentenceOf(i).words, piecesIn(given, start, end)),
  );
  paintChosen();
}

const chosen = () => [Math.min(editing.anchor, editing.focus), Math.max(editing.anchor, editing.focus) + 1];

function paintChosen() {
  const [start, end] = chosen();
  const words = sentenceOf(editing.i).words;
  for (const node of $("sentence").children) {
    const word = Number(node.dataset.word);
    node.classList.toggle("chosen", word >= start && word < end);
  }
  const type = editing.spans.find((span) => span.start === start && span.end === end)?.type;
  $("chosen").replaceChildren(...words.slice(start, end).flatMap((word) => [...visible(word), " "]), type ? `(${plain(type)})` : "");
  $("sentence").children[editing.focus]?.scrollIntoView({ block: "nearest" });
}

function choose(word, extend) {
  editing.focus = Math.max(0, Math.min(editing.baseline.length - 1, word));
  editing.anchor = extend ? editing.anchor : editing.focus;
  paintChosen();
}

// `type` null: no entity.
function label(type) {
  const [start, end] = chosen();
  editing.spans = withSpan(editing.spans, start, end, type);
  paintEditor();
  const words = sentenceOf(editing.i).words.slice(start, end).map(plain).join(" ");
  say(`“${words}”: ${type === null ? "no entity" : plain(type)}`);
}

// The suspect's words and all others that were changed.
function editedStretch() {
  const { i, spans, baseline } = editing;
  const tags = tagsOf(spans, baseline.length);
  // Changes are sought against the same tags made valid, or else an invalid one elsewhere would count as changed.
  const before = tagsOf(spansOf(baseline), baseline.length);
  let { start, end } = suspects[i];
  tags.forEach((tag, word) => {
    if (tag !== before[word]) {
      start = Math.min(start, word);
      end = Math.max(end, word + 1);
    }
  });
  // An invalid tag behind the stretch must not come to continue it.
  while (end < tags.length && tags[end] !== baseline[end] && tags[end] !== "O" && typeOf(tags[end - 1]) === typeOf(tags[end])) {
    end += 1;
  }
  return { start, end, tags: tags.slice(start, end) };
}

function confirmEdit() {
  const { i } = editing;
  const edited = editedStretch();
  const { start, end, suggested, given } = suspects[i];
  const exact = edited.start === start && edited.end === end;
  let proposed = { decision: "edit", ...edited };
  if (exact && same(edited.tags, suggested)) {
    proposed = accepting(i);
  } else if (exact && same(edited.tags, given)) {
    proposed = rejecting(i);
  }
  if (settle(i, proposed)) {
    closeEditor();
    advance();
  }
}

function editorKey(event) {
  const moves = { ArrowLeft: -1, ArrowRight: 1 };
  const towards = $("sentence").dir === "rtl" ? -1 : 1;
  const digit = /^[0-9]$/.test(event.key) ? Number(event.key) : null;
  if (event.key === "Escape") {
    say("Edit cancelled.");
    closeEditor();
  } else if (event.key === "Enter") {
    confirmEdit();
  } else if (event.key in moves) {
    choose(editing.focus + moves[event.key] * towards, event.shiftKey);
  } else if (event.key === "Home" || event.key === "End") {
    choose(event.key === "Home" ? 0 : editing.baseline.length - 1, event.shiftKey);
  } else if (event.key === "Delete" || event.key === "Backspace" || digit === 0) {
    label(null);
  } else if (digit !== null && digit <= data.types.length) {
    label(data.types[digit - 1]);
  } else {
    return false;
  }
  return true;
}

function prepareEditor() {
  const buttons = data.types.slice(0, 9).map((type, i) => {
    const button = element("button", { type: "button" }, element("kbd", {}, String(i + 1)), plain(type));
    button.addEventListener("click", () => label(type));
    return button;
  });
  $("type-buttons").prepend(...buttons);
  const choice = $("type-choice");
  choice.parentElement.hidden = data.types.length <= 9;
  choice.append(...data.types.map((type, i) => element("option", { value: i }, plain(type))));
  choice.addEventListener("change", () => {
    if (choice.value !== "") {
      label(data.types[Number(choice.value)]);
      choice.value = "";
    }
  });
  $("type-none").addEventListener("click", () => label(null));
  const reset = (tags) => {
    editing.spans = spansOf(replaced(editing.baseline, suspects[editing.i].start, tags));
    paintEditor();
  };
  $("edit-suggested").addEventListener("click", () => reset(suspects[editing.i].suggested));
  $("edit-given").addEventListener("click", () => reset(suspects[editing.i].given));
  $("edit-confirm").addEventListener("click", confirmEdit);
  $("edit-cancel").addEventListener("click", closeEditor);
  let dragging = false;
  const wordUnder = (event) => document.elementFromPoint(event.clientX, event.clientY)?.closest("#sentence [data-word]");
  $("sentence").addEventListener("pointerdown", (event) => {
    const word = editing && event.button === 0 && wordUnder(event);
    if (word) {
      event.preventDefault();
      dragging = true;
      choose(Number(word.dataset.word), event.shiftKey);
      $("sentence").focus({ preventScroll: true });
    }
  });
  addEventListener("pointermove", (event) => {
    const word = editing && dragging && wordUnder(event);
    if (word && Number(word.dataset.word) !== editing.focus) {
      choose(Number(word.dataset.word), true);
    }
  });
  addEventListener("pointerup", () => {
    dragging = false;
  });
}
