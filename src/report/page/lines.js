
// A line that is clicked is shown alone, with its points and its legend entry; a second click shows all again.

function keep(drawing, line) {
  const kept = line === undefined || drawing.dataset.kept === line ? undefined : line;
  if (kept === undefined) {
    delete drawing.dataset.kept;
  } else {
    drawing.dataset.kept = kept;
  }
  for (const mark of drawing.querySelectorAll("[data-line]")) {
    mark.classList.toggle("faded", kept !== undefined && mark.dataset.line !== kept);
  }
  for (const button of drawing.querySelectorAll("[data-line][role=button]")) {
    button.setAttribute("aria-pressed", String(button.dataset.line === kept));
  }
  say(kept === undefined ? "All lines are shown." : `Only ${plain(kept)} is shown.`);
}

// One mark of each line can be reached with the keyboard: its legend entry, or the line itself.
function makeReachable(root) {
  const seen = new Set();
  for (const mark of [...root.querySelectorAll(".key[data-line]"), ...root.querySelectorAll(".line[data-line]")]) {
    mark.setAttribute("role", "button");
    mark.setAttribute("aria-pressed", "false");
    mark.setAttribute("aria-label", `Show ${plain(mark.dataset.line)} alone`);
    if (!seen.has(mark.dataset.line)) {
      seen.add(mark.dataset.line);
      mark.setAttribute("tabindex", "0");
    }
  }
  // An image hides what is in it from screen readers.
  if (seen.size > 0 && root.getAttribute("role") === "img") {
    root.setAttribute("role", "group");
  }
  return seen.size > 0;
}
