// What the person decided, and that decisions do not contradict each other.

const data = JSON.parse($("data").textContent);
const suspects = data.suspects;

const KINDS = {
  "missed": ["Missed", "This seems to be an entity that was not annotated."],
  "spurious": ["Spurious", "This is annotated as an entity and seems to be none."],
  "wrong-type": ["Wrong type", "The entity seems to be of another type."],
  "wrong-boundary": ["Wrong boundary", "The entity seems to begin or end elsewhere, or to be more than one, or fewer."],
  "inconsistent": ["Inconsistent", "Elsewhere the same words are almost always annotated otherwise, as suggested here."],
  "invalid-sequence": ["Invalid sequence", "These tags are no valid sequence."],
};
const kindName = (kind) => KINDS[kind]?.[0] ?? plain(kind);

const STATES = {
  accept: { mark: "✓", name: "accepted" },
  reject: { mark: "✗", name: "rejected" },
  edit: { mark: "✎", name: "edited" },
  undecided: { mark: "·", name: "undecided" },
};

// Index of a suspect → { decision, start, end, tags }, in the order in which they were decided.
const decisions = new Map();
// Indices of what was decided since the page was opened, the last one at the end.
const history = [];

const inSentence = new Map();
suspects.forEach((suspect, i) => {
  if (!inSentence.has(suspect.sentence)) {
    inSentence.set(suspect.sentence, []);
  }
  inSentence.get(suspect.sentence).push(i);
});

const sentenceOf = (i) => data.sentences[suspects[i].sentence];
const stateOf = (i) => STATES[decisions.get(i)?.decision ?? "undecided"];

// The sentence's tags with what was decided on its suspects, but for one of them.
function tagsWithout(i) {
  let tags = sentenceOf(i).tags;
  for (const other of inSentence.get(suspects[i].sentence)) {
    if (other !== i && decisions.has(other)) {
      tags = replaced(tags, decisions.get(other).start, decisions.get(other).tags);
    }
  }
  return tags;
}

// Why suspect `i` cannot be decided so beside the other decisions in its sentence (null: undecided); null if it can.
function objection(i, proposed) {
  const given = sentenceOf(i).tags;
  const others = inSentence.get(suspects[i].sentence).filter((other) => other !== i && decisions.has(other));
  let tags = tagsWithout(i);
  const made = others.map((other) => decisions.get(other));
  if (proposed) {
    for (const other of others) {
      const theirs = decisions.get(other);
      for (let word = Math.max(theirs.start, proposed.start); word < Math.min(theirs.end, proposed.end); word++) {
        const [one, two] = [theirs.tags[word - theirs.start], proposed.tags[word - proposed.start]];
        if (one !== two) {
          const form = plain(sentenceOf(i).words[word]);
          return { other, text: `Not possible: “${form}” is ${plain(one)} by what was decided on #${suspects[other].rank}, ${plain(two)} here.` };
        }
      }
    }
    tags = replaced(tags, proposed.start, proposed.tags);
    made.push(proposed);
  }
  for (const { start, end } of made) {
    for (let word = start; word <= end && word < tags.length; word++) {
      const untouched = tags[word] === given[word] && (word === 0 || tags[word - 1] === given[word - 1]);
      if (!isValidAt(tags, word) && !untouched) {
        const other = others.find((other) => decisions.get(other).end >= start && decisions.get(other).start <= end);
        const beside = other === undefined ? "" : ` beside what was decided on #${suspects[other].rank}`;
        return { other, text: `Not possible${beside}: ${plain(tags[word])} would continue nothing.` };
      }
    }
  }
  return null;
}

// Null if done, else the objection.
function decide(i, proposed) {
  const objected = objection(i, proposed);
  if (objected) {
    return objected;
  }
  const before = history.indexOf(i);
  if (before >= 0) {
    history.splice(before, 1);
  }
  decisions.delete(i);
  if (proposed) {
    decisions.set(i, proposed);
    history.push(i);
  }
  return null;
}

// Puts the decisions into the order of these indices; those that are not among them come first.
function reorder(indices) {
  for (const i of Array.isArray(indices) ? indices : []) {
    const decision = decisions.get(i);
    if (decision) {
      decisions.delete(i);
      decisions.set(i, decision);
    }
  }
}

function accepting(i) {
  const { start, end, suggested } = suspects[i];
  return { decision: "accept", start, end, tags: suggested };
}

function rejecting(i) {
  const { start, end, given } = suspects[i];
  return { decision: "reject", start, end, tags: given };
}

// What the words would be or were decided to be, in a few words.
function outcome(i) {
  const { start, end, tags } = decisions.get(i) ?? accepting(i);
  return describe(tags, sentenceOf(i).words.slice(start, end));
}

function countDecisions() {
  const counts = { accept: 0, reject: 0, edit: 0 };
  for (const { decision } of decisions.values()) {
    counts[decision] += 1;
  }
  return counts;
}

// How many of the last decisions found the given tags wrong: where it becomes few, the list may be left.
const RECENT = 20;

function recentText() {
  const recent = [...decisions.values()].slice(-RECENT).map(({ decision }) => decision);
  if (recent.length === 0) {
    return "none yet";
  }
  const count = (wanted) => recent.filter((decision) => decision === wanted).length;
  const edited = count("edit") > 0 ? ` and edited ${count("edit")}` : "";
  return `accepted ${count("accept")}${edited} of the last ${recent.length}`;
}
