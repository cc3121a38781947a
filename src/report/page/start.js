
// Puts the page in motion.

const data = JSON.parse($("data").textContent);

let answers = false;
for (const drawing of document.querySelectorAll(".drawing[data-figure]")) {
  const samples = new Map((data.samples[Number(drawing.dataset.figure) - 1] ?? []).map((sample) => [sample.key, sample]));
  stackPanels(drawing);
  for (const root of drawing.querySelectorAll("svg")) {
    const lines = makeReachable(root);
    const tokens = makeListable(root, samples);
    answers = answers || lines || tokens || root.querySelector("[data-label]") !== null;
  }
  const activate = (target) => {
    const sample = samples.get(target.closest("[data-sample]")?.dataset.sample);
    const line = target.closest("[data-line]")?.dataset.line;
    if (sample !== undefined) {
      showSample(sample.title, counted(sample.examples.length, sample.n), sample.examples);
    } else if (line !== undefined) {
      keep(drawing, line);
    }
    return sample !== undefined || line !== undefined;
  };
  drawing.addEventListener("click", (event) => activate(event.target));
  drawing.addEventListener("keydown", (event) => {
    if ((event.key === "Enter" || event.key === " ") && activate(event.target)) {
      event.preventDefault();
    }
    if (event.key === "Escape" && drawing.dataset.kept !== undefined) {
      keep(drawing);
    }
  });
}
if ($("how") !== null) {
  $("how").hidden = !answers;
}

for (const figure of document.querySelectorAll(".view")) {
  makeView(figure, data.views[Number(figure.dataset.view)]);
  const list = (target) => listed.get(target)?.();
  figure.addEventListener("click", (event) => list(event.target));
  figure.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      list(event.target);
    }
  });
}

for (const drawing of document.querySelectorAll(".drawing")) {
  drawing.addEventListener("pointermove", (event) => {
    const mark = event.target.closest("[data-label]");
    if (mark === null) {
      hideNumbers();
    } else {
      showNumbers(mark, event.clientX, event.clientY);
    }
  });
  drawing.addEventListener("pointerleave", hideNumbers);
  drawing.addEventListener("blur", hideNumbers);
  drawing.addEventListener("keydown", (event) => {
    if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
      stepTo(drawing, event.key === "ArrowRight" ? 1 : -1);
      event.preventDefault();
    } else if (event.key === "Escape") {
      hideNumbers();
    }
  });
}
