// Text from the data: always put in as text, with what cannot be seen written out.

const $ = (id) => document.getElementById(id);

// Controls, format characters and unusual spaces: they hide, or turn the order of what stands beside them. The two
// joiners are left alone, for they shape visible letters, and so are the Arabic signs that have a form.
const HIDDEN =
  /[\p{Cc}\p{Zl}\p{Zp}\u00a0\u115f\u1160\u2000-\u200a\u202f\u205f\u2800\u3000\u3164\uffa0]|(?![\u200c\u200d\u0600-\u0605\u06dd\u070f\u08e2])\p{Cf}/gu;

function codePoint(character) {
  return character.codePointAt(0).toString(16).padStart(4, "0");
}

function written(character) {
  const digits = codePoint(character);
  return digits.length > 4 ? `\\u{${digits}}` : `\\u${digits}`;
}

// For attributes and options, which hold no elements.
function plain(text) {
  return String(text).replace(HIDDEN, written);
}

// Nodes for `text`, each hidden character in a marked span.
function visible(text) {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(HIDDEN)) {
    nodes.push(text.slice(from, match.index));
    const title = `U+${codePoint(match[0]).toUpperCase()}`;
    nodes.push(element("span", { class: "hidden-character", title }, written(match[0])));
    from = match.index + match[0].length;
  }
  nodes.push(text.slice(from));
  return nodes.filter((node) => node !== "");
}

// Attributes that are null or false are left out.
function element(name, attributes, ...children) {
  const made = document.createElement(name);
  setAttributes(made, attributes);
  made.append(...children);
  return made;
}

function drawn(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  setAttributes(made, attributes);
  made.append(...children);
  return made;
}

function setAttributes(made, attributes) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value !== null && value !== undefined && value !== false) {
      made.setAttribute(name, value === true ? "" : value);
    }
  }
}

function number(value) {
  return value.toLocaleString("en");
}

// An estimate is never certain: what would round to 100 % or to 0 % is shown as beyond 99 % or below 1 %.
function percent(share) {
  const rounded = Math.round(share * 100);
  const [sign, shown] = rounded >= 100 ? [">\u00a0", 99] : rounded <= 0 ? ["<\u00a0", 1] : ["", rounded];
  return `${sign}${shown}\u00a0%`;
}

function times(count) {
  return count === 1 ? "once" : count === 2 ? "twice" : `${number(count)} times`;
}

// The status line is read out, and stays until the next message.
function say(text, action) {
  const status = $("status");
  status.replaceChildren(text);
  if (action) {
    const button = element("button", { type: "button" }, action.label);
    button.addEventListener("click", action.run);
    status.append(" ", button);
  }
  status.classList.toggle("warning", Boolean(action));
}
