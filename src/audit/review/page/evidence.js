// Why the stretch is suspect: its losses by epoch, and the same words elsewhere.

const WIDTH = 440;
const HEIGHT = 160;
const FRAME = { left: 44, right: 326, top: 22, bottom: 138 };

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

function lossText(name, losses) {
  const known = losses.map((loss, i) => [loss, i + 1]).filter(([loss]) => isNumber(loss));
  if (known.length === 0) {
    return "";
  }
  const [[first, from], [last, to]] = [known[0], known.at(-1)];
  return `${name}: ${first.toFixed(2)} nats in epoch ${from}, ${last.toFixed(2)} in epoch ${to}.`;
}

// Lines broken where a value is missing; a value without neighbours is a dot.
function lossLine(losses, x, y, name) {
  const runs = [];
  losses.forEach((loss, i) => {
    if (isNumber(loss)) {
      if (i > 0 && isNumber(losses[i - 1])) {
        runs.at(-1).push([x(i + 1), y(loss)]);
      } else {
        runs.push([[x(i + 1), y(loss)]]);
      }
    }
  });
  return runs.map((run) =>
    run.length === 1
      ? drawn("circle", { cx: run[0][0], cy: run[0][1], r: 3, class: `dot ${name}` })
      : drawn("polyline", { points: run.map((point) => point.map((v) => v.toFixed(1)).join(",")).join(" "), class: `line ${name}` }),
  );
}

function text(x, y, words, classes) {
  return drawn("text", { x, y, class: classes }, words);
}

// Null without a single loss.
function lossDrawing({ held_out_loss: heldOut, train_loss: train }) {
  const known = [...heldOut, ...train].filter(isNumber);
  if (known.length === 0) {
    return null;
  }
  const n = Math.max(heldOut.length, train.length);
  const most = Math.max(...known, 0.1);
  const x = (epoch) => (n === 1 ? (FRAME.left + FRAME.right) / 2 : FRAME.left + ((FRAME.right - FRAME.left) * (epoch - 1)) / (n - 1));
  const y = (loss) => FRAME.bottom - ((FRAME.bottom - FRAME.top) * Math.max(0, loss)) / most;
  const words = [lossText("Held-out loss", heldOut), lossText("Training loss", train)].filter(Boolean).join(" ");
  const svg = drawn("svg", { "viewBox": `0 0 ${WIDTH} ${HEIGHT}`, "role": "img", "aria-label": words, "class": "losses" });
  svg.append(
    drawn("path", { d: `M${FRAME.left} ${FRAME.top}V${FRAME.bottom}H${FRAME.right}`, class: "axis" }),
    text(FRAME.left - 6, FRAME.top + 4, most.toFixed(most < 1 ? 2 : 1), "end"),
    text(FRAME.left - 6, FRAME.bottom + 4, "0", "end"),
    text(FRAME.left, FRAME.top - 10, "nats", "end"),
    text(x(1), FRAME.bottom + 16, n === 1 ? "epoch 1" : "1", "middle"),
  );
  if (n > 1) {
    svg.append(text(x(n), FRAME.bottom + 16, String(n), "middle"), text((FRAME.left + FRAME.right) / 2, FRAME.bottom + 16, "epoch", "middle"));
  }
  const scored = data.scored_epoch;
  if (isNumber(scored) && scored >= 1 && scored <= n) {
    svg.append(
      drawn("line", { x1: x(scored), x2: x(scored), y1: FRAME.top - 4, y2: FRAME.bottom, class: "scored" }),
      text(Math.max(FRAME.left + 110, x(scored)), FRAME.top - 9, `scored up to epoch ${scored}`, "end"),
    );
  }
  const ends = [["training", train], ["held-out", heldOut]].filter(([, losses]) => losses.some(isNumber)).map(([name, losses]) => {
    svg.append(...lossLine(losses, x, y, name));
    const last = losses.findLastIndex(isNumber);
    return { name, x: x(last + 1), y: y(losses[last]), label: `${name} ${losses[last].toFixed(2)}` };
  });
  // Two labels at the lines' ends, kept a line's height apart.
  ends.sort((a, b) => a.y - b.y);
  if (ends.length === 2 && ends[1].y - ends[0].y < 15) {
    const middle = Math.min((ends[0].y + ends[1].y) / 2, FRAME.bottom - 7);
    [ends[0].y, ends[1].y] = [middle - 7.5, middle + 7.5];
  }
  svg.append(...ends.map((end) => text(FRAME.right + 8, end.y + 4, end.label, `start ${end.name}`)));
  return svg;
}

function elsewhereText({ elsewhere, elsewhere_as_given: asGiven, elsewhere_as_suggested: asSuggested, given, suggested, words }) {
  if (elsewhere === 0) {
    return "The same words occur nowhere else in the file.";
  }
  const others = elsewhere - asGiven - asSuggested;
  const parts = [`${number(asSuggested)} as ${describe(suggested, words)} (as suggested)`, `${number(asGiven)} as ${describe(given, words)} (as given)`];
  if (others > 0) {
    parts.push(`${number(others)} otherwise`);
  }
  return `The same words ${times(elsewhere)} elsewhere: ${parts.join(", ")}.`;
}

function occurrenceRow(occurrence, suspect) {
  const length = suspect.words.length;
  const as = same(occurrence.tags, suspect.suggested) ? "as suggested" : same(occurrence.tags, suspect.given) ? "as given" : "otherwise";
  const end = occurrence.start + length;
  const sentence = data.sentences[occurrence.sentence];
  const part = (from, to) => sentence.words.slice(from, to).flatMap((word) => [...visible(word), " "]);
  const shown = element("span", { class: "occurrence-words" });
  if (sentence) {
    shown.dir = direction(sentence.words);
    const from = Math.max(0, occurrence.start - 12);
    shown.append(from > 0 ? "… " : "", ...part(from, occurrence.start), element("mark", {}, ...part(occurrence.start, end)));
    shown.append(...part(end, end + 14), end + 14 < sentence.words.length ? "…" : "");
  } else {
    shown.append(...suspect.words.flatMap((word) => [...visible(word), " "]));
    shown.classList.add("alone");
  }
  const found = (inSentence.get(occurrence.sentence) ?? []).find((i) => suspects[i].start < end && suspects[i].end > occurrence.start);
  const link = element("span", { class: "occurrence-line" }, `line ${occurrence.line}`);
  if (found !== undefined) {
    const button = element("button", { type: "button", class: "link" }, `#${suspects[found].rank}`);
    button.addEventListener("click", () => go(found));
    link.append(" ", button);
  }
  return element("li", {}, link, element("span", { class: `occurrence-tags ${as === "as given" ? "is-given" : ""}` }, describe(occurrence.tags, suspect.words), element("small", {}, as)), shown);
}

function showEvidence(i) {
  const suspect = suspects[i];
  const drawing = lossDrawing(suspect);
  $("losses").replaceChildren(drawing ?? element("p", { class: "soft" }, "No losses are known."));
  $("elsewhere").replaceChildren(elsewhereText(suspect));
  $("occurrences").replaceChildren(...suspect.occurrences.map((occurrence) => occurrenceRow(occurrence, suspect)));
  const more = suspect.elsewhere - suspect.occurrences.length;
  $("more-occurrences").replaceChildren(suspect.occurrences.length > 0 && more > 0 ? `${number(more)} more are not listed.` : "");
}
