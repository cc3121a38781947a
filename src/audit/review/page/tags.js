// IOB2 tags and the spans they stand for.

const typeOf = (tag) => (tag === "O" ? null : tag.slice(2));

// An `I-` that continues nothing begins a span, as scorers read it.
function spansOf(tags) {
  const spans = [];
  tags.forEach((tag, i) => {
    const type = typeOf(tag);
    if (type === null) {
      return;
    }
    if (continues(tags, i)) {
      spans.at(-1).end = i + 1;
    } else {
      spans.push({ start: i, end: i + 1, type });
    }
  });
  return spans;
}

function tagsOf(spans, length) {
  const tags = new Array(length).fill("O");
  for (const { start, end, type } of spans) {
    for (let i = start; i < end; i++) {
      tags[i] = (i === start ? "B-" : "I-") + type;
    }
  }
  return tags;
}

function continues(tags, i) {
  return tags[i].startsWith("I-") && i > 0 && typeOf(tags[i - 1]) === typeOf(tags[i]);
}

function isValidAt(tags, i) {
  return !tags[i].startsWith("I-") || continues(tags, i);
}

// The words `start..end` get `type` (null: none); what an entity has beside them stays an entity.
function withSpan(spans, start, end, type) {
  const left = [];
  for (const span of spans) {
    if (span.start < start) {
      left.push({ ...span, end: Math.min(span.end, start) });
    }
    if (span.end > end) {
      left.push({ ...span, start: Math.max(span.start, end) });
    }
  }
  if (type !== null) {
    left.push({ start, end, type });
  }
  return left.sort((a, b) => a.start - b.start);
}

function replaced(tags, start, part) {
  return [...tags.slice(0, start), ...part, ...tags.slice(start + part.length)];
}

function same(a, b) {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}

// A stretch's tags in a few words: the type if it is one entity, else which words are which; … where one begins before.
function describe(tags, words) {
  const spans = spansOf(tags);
  if (spans.length === 0) {
    return "no entity";
  }
  const names = spans.map(({ start, end, type }) => {
    const before = tags[start].startsWith("I-") ? "…" : "";
    const part = end - start === tags.length ? "" : `“${plain(words.slice(start, end).join(" "))}” `;
    return before + part + plain(type);
  });
  return names.join(" + ");
}

// What is drawn over `from..to`: spans that reach into it, and its runs of words without an entity.
function piecesIn(tags, from, to) {
  const pieces = spansOf(tags).filter((span) => span.start < to && span.end > from);
  for (let i = from; i < to; i++) {
    if (tags[i] === "O") {
      if (i > from && tags[i - 1] === "O") {
        pieces.at(-1).end = i + 1;
      } else {
        pieces.push({ start: i, end: i + 1, type: null });
      }
    }
  }
  return pieces.sort((a, b) => a.start - b.start);
}
