// The suspect's sentence, its spans drawn: what is given below the words, what is suggested or decided above.

// One word with its piece of each lane. Names of types stand where a piece begins.
function wordNode(form, i, above, below) {
  const at = ({ start, end }) => start <= i && i < end;
  const node = element("span", { "class": "word", "data-word": i }, element("span", { class: "form" }, ...visible(form)));
  const [over, under] = [above.find(at), below.find(at)];
  if (over || under) {
    node.prepend(laneNode("above", over, i));
    node.append(laneNode("below", under, i));
  }
  return node;
}

function laneNode(side, piece, i) {
  if (!piece) {
    return element("span", { "class": `lane ${side}`, "aria-hidden": "true" });
  }
  const classes = ["lane", side, "drawn"];
  classes.push(...(piece.type === null ? ["no-entity"] : []));
  classes.push(...(piece.start === i ? ["begin"] : []), ...(piece.end === i + 1 ? ["end"] : []));
  const name = piece.type === null ? "no entity" : plain(piece.type);
  const label = piece.start === i ? [element("span", { class: "lane-label", title: name }, name)] : [];
  return element("span", { "class": classes.join(" "), "aria-hidden": "true" }, ...label);
}

// `stretch`: the words in question.
function drawSentence(box, words, above, below, stretch) {
  const nodes = words.map((form, i) => {
    const node = wordNode(form, i, above, below);
    node.classList.toggle("in-stretch", i >= stretch.start && i < stretch.end);
    node.classList.toggle("stretch-begin", i === stretch.start);
    node.classList.toggle("stretch-end", i === stretch.end - 1);
    return node;
  });
  // Not by `dir=auto`: the names of types come before the words.
  box.dir = direction(words);
  box.replaceChildren(...nodes);
  // A sentence longer than its box begins at the words in question.
  const word = nodes[stretch.start];
  box.scrollTop = box.scrollHeight > box.clientHeight ? word.offsetTop - box.offsetTop - box.clientHeight / 3 : 0;
}

function direction(words) {
  const letter = /\p{L}/u.exec(words.join(" "))?.[0] ?? "";
  return /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/u.test(letter) ? "rtl" : "ltr";
}

// One line of words that says a lane: what, and which entities.
function laneInWords(name, side, words, pieces) {
  const entities = pieces.flatMap(({ start, end, type }) => [
    element(
      "span",
      { class: "said-piece" },
      element("bdi", {}, "“", ...words.slice(start, end).flatMap((form, i) => [...(i > 0 ? [" "] : []), ...visible(form)]), "”"),
      " ",
      element("strong", {}, type === null ? "no entity" : plain(type)),
    ),
  ]);
  return element("p", { class: `said ${side}` }, element("span", { class: "said-name" }, name), ...entities);
}

function aboveName(i) {
  return { accept: "accepted", reject: "kept", edit: "edited" }[decisions.get(i)?.decision] ?? "suggested";
}

function showSentence(i) {
  const { words, tags } = sentenceOf(i);
  const decision = decisions.get(i);
  const stretch = decision ?? suspects[i];
  const aboveTags = replaced(tags, stretch.start, decision?.tags ?? suspects[i].suggested);
  const above = piecesIn(aboveTags, stretch.start, stretch.end);
  const pieces = piecesIn(tags, stretch.start, stretch.end);
  const below = [...spansOf(tags), ...pieces.filter(({ type }) => type === null)];
  drawSentence($("sentence"), words, above, below, stretch);
  $("lanes").replaceChildren(
    laneInWords(aboveName(i), "above", words, above),
    laneInWords("given", "below", words, pieces),
  );
  showNeighbour($("before"), suspects[i].sentence - 1);
  showNeighbour($("after"), suspects[i].sentence + 1);
}

function showNeighbour(box, n) {
  const sentence = data.sentences[n];
  box.hidden = !sentence;
  if (sentence) {
    box.dir = direction(sentence.words);
    box.replaceChildren(...sentence.words.flatMap((word) => [...visible(word), " "]));
  }
}
