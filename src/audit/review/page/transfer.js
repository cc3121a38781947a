// Decisions as text: kept in the browser, exported and imported, always in the one format.

const STORE = `memoscope-audit:${data.fingerprint}`;
const STORE_EXPORTED = `${STORE}:exported`;
let canStore = true;
let exported = true;

const STORE_ORDER = `${STORE}:order`;

// The file's name taken apart, for the names of what is made of it.
const [STEM, ENDING] = /^(.+?)(\.[^.]*)?$/su.exec(data.file)?.slice(1) ?? ["file", ""];
const EXPORT_NAME = `${STEM.replace(/[^\p{L}\p{N}._-]+/gu, "_")}.decisions.json`;

// A word of a command, quoted as POSIX shells read it where that is needed.
function quoted(word) {
  return /^[\p{L}\p{N}_./:=@%+,-]+$/u.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

// The command that puts the exported decisions into the file; its words are not broken at the end of a line.
function nextCommand() {
  const names = [data.path, EXPORT_NAME, "--out", `${STEM}-corrected${ENDING ?? ""}`];
  names.push(...(data.columns === null ? [] : ["--columns", data.columns]));
  const words = ["memoscope", "audit", "apply", ...names.map((name) => quoted(plain(name)))];
  return words.flatMap((word, i) => [i > 0 ? " " : "", element("span", { class: "argument" }, word)]);
}

function exportText() {
  const rows = [...decisions].map(([i, { decision, start, end, tags }]) => {
    const { words, tags: given } = sentenceOf(i);
    const { rank, sentence } = suspects[i];
    return { rank, sentence, start, end, words: words.slice(start, end), given: given.slice(start, end), decision, tags };
  });
  rows.sort((a, b) => a.sentence - b.sentence || a.start - b.start || a.end - b.end || a.rank - b.rank);
  const head = { schema: 1, tool: "memoscope", file: data.file, fingerprint: data.fingerprint };
  const lines = rows.map((row) => "\n" + JSON.stringify(row)).join(",");
  return `${JSON.stringify(head).slice(0, -1)},"decisions":[${lines}${lines && "\n"}]}\n`;
}

const sameWords = (a, b) => Array.isArray(a) && a.every((item) => typeof item === "string") && same(a, b);

// Which suspect a row of a file was about: its rank may be another one by now, its words may not.
function suspectOf(row) {
  const sentence = Object.hasOwn(data.sentences, row.sentence) ? data.sentences[row.sentence] : null;
  const { start, end } = row;
  const known =
    sentence !== null && Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start < end &&
    sameWords(row.words, sentence.words.slice(start, end)) && sameWords(row.given, sentence.tags.slice(start, end)) &&
    Array.isArray(row.tags) && row.tags.length === end - start &&
    row.tags.every((tag) => typeof tag === "string" && /^(O|[BI]-.+)$/su.test(tag));
  if (!known) {
    return undefined;
  }
  const within = (inSentence.get(row.sentence) ?? []).filter((i) => suspects[i].start >= start && suspects[i].end <= end);
  const exact = within.filter((i) => suspects[i].start === start && suspects[i].end === end);
  const fitting = exact.length > 0 ? exact : within;
  return fitting.find((i) => suspects[i].rank === row.rank) ?? fitting.find((i) => !decisions.has(i)) ?? fitting[0];
}

function decisionOf(row, i) {
  const { start, end, tags } = row;
  const exact = start === suspects[i].start && end === suspects[i].end;
  if (row.decision === "reject" && same(tags, row.given)) {
    return exact ? rejecting(i) : null;
  }
  if (row.decision === "accept" && exact && same(tags, suspects[i].suggested)) {
    return accepting(i);
  }
  return row.decision === "accept" || row.decision === "edit" ? { decision: "edit", start, end, tags } : null;
}

// Takes what it can from a file's text. What was decided here stays. Throws a sentence if the text is no such file.
function take(text) {
  let file;
  try {
    file = JSON.parse(text);
  } catch {
    throw new Error("This is no file of decisions: it is not JSON.");
  }
  if (file?.tool !== "memoscope" || !Array.isArray(file.decisions)) {
    throw new Error("This is no file of decisions.");
  }
  if (file.schema !== 1) {
    throw new Error(`These decisions are in schema ${plain(file.schema)}; this page reads schema 1.`);
  }
  if (file.fingerprint !== data.fingerprint) {
    throw new Error(`These decisions are about another file, or another version of ${plain(data.file)}.`);
  }
  const counts = { taken: 0, there: 0, kept: 0, unfit: 0 };
  let waiting = [];
  for (const row of file.decisions) {
    const i = row && suspectOf(row);
    const proposed = i === undefined || i === null ? null : decisionOf(row, i);
    const present = proposed && decisions.get(i);
    if (!proposed) {
      counts.unfit += 1;
    } else if (present) {
      counts[present.start === proposed.start && same(present.tags, proposed.tags) ? "there" : "kept"] += 1;
    } else {
      waiting.push([i, proposed]);
    }
  }
  // As they would be decided from the top of the list.
  waiting.sort(([a], [b]) => suspects[a].rank - suspects[b].rank);
  // A decision may be possible only beside another one that comes later in the file.
  for (let before = -1; before !== waiting.length; ) {
    before = waiting.length;
    waiting = waiting.filter(([i, proposed]) => decisions.has(i) || decide(i, proposed) !== null);
    counts.taken += before - waiting.length;
  }
  counts.unfit += waiting.length;
  // Undoing step by step is for what was done here.
  history.length = 0;
  return counts;
}

function save() {
  exported = decisions.size === 0;
  try {
    localStorage.setItem(STORE, exportText());
    localStorage.setItem(STORE_ORDER, JSON.stringify([...decisions.keys()]));
    localStorage.setItem(STORE_EXPORTED, String(exported));
  } catch {
    canStore = false;
  }
  $("not-kept").hidden = canStore;
}

function markExported() {
  exported = true;
  try {
    localStorage.setItem(STORE_EXPORTED, "true");
  } catch {
    // Said already, by `save`.
  }
}

function restore() {
  try {
    const text = localStorage.getItem(STORE);
    if (text !== null) {
      take(text);
      reorder(JSON.parse(localStorage.getItem(STORE_ORDER) ?? "[]"));
      exported = decisions.size === 0 || localStorage.getItem(STORE_EXPORTED) === "true";
    }
    localStorage.setItem(STORE_EXPORTED, String(exported));
  } catch (error) {
    canStore = !(error instanceof DOMException);
  }
  $("not-kept").hidden = canStore;
}

function download() {
  const url = URL.createObjectURL(new Blob([exportText()], { type: "application/json" }));
  element("a", { href: url, download: EXPORT_NAME }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  markExported();
  say(`${number(decisions.size)} decisions written to ${EXPORT_NAME}, where your browser puts downloads.`);
}

async function copy() {
  const area = $("export-text");
  try {
    await navigator.clipboard.writeText(area.value);
  } catch {
    area.select();
    if (!document.execCommand("copy")) {
      say("The browser does not allow copying: the text is selected, copy it with your keys.");
      return;
    }
  }
  markExported();
  say("Decisions copied.");
}
