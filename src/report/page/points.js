
// The numbers of a mark, beside the pointer or, with the arrow keys, beside the mark.

function say(text) {
  $("said").textContent = text;
}

let pointed = null;

function showNumbers(mark, x, y) {
  hideNumbers();
  pointed = mark;
  mark.classList.add("pointed");
  const hint = $("hint");
  hint.replaceChildren(...plain(mark.dataset.label).split("; ").map((fact) => element("span", {}, fact)));
  hint.hidden = false;
  const room = document.documentElement.clientWidth;
  const left = Math.max(4, Math.min(x + 14, room - hint.offsetWidth - 4));
  const above = y - hint.offsetHeight - 10;
  hint.style.left = `${left + window.scrollX}px`;
  hint.style.top = `${(above < 4 ? y + 18 : above) + window.scrollY}px`;
}

function hideNumbers() {
  pointed?.classList.remove("pointed");
  pointed = null;
  $("hint").hidden = true;
}

// The next mark with numbers, to the right (1) or the left (-1), among those that are seen.
function stepTo(drawing, direction) {
  const marks = Array.from(drawing.querySelectorAll("[data-label]")).filter(
    (mark) => !mark.classList.contains("faded") && mark.getBoundingClientRect().width > 0,
  );
  if (marks.length === 0) {
    return;
  }
  const now = marks.indexOf(pointed);
  const next = now < 0 ? (direction > 0 ? 0 : marks.length - 1) : (now + direction + marks.length) % marks.length;
  const mark = marks[next];
  mark.scrollIntoView({ block: "nearest", inline: "nearest" });
  const box = mark.getBoundingClientRect();
  showNumbers(mark, box.left + box.width / 2, box.top);
  say(plain(mark.dataset.label));
}
