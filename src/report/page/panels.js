
// On a small screen the panels of a figure stand below each other: each is copied into a drawing of its own.
function stackPanels(drawing) {
  const svg = drawing.querySelector("svg");
  const panels = Array.from(svg?.querySelectorAll("g.panel[data-box]") ?? []);
  if (panels.length < 2) {
    return;
  }
  const stacked = element("div", { class: "stacked" });
  for (const panel of panels) {
    const [x, y, width, height] = panel.dataset.box.trim().split(/\s+/).map(Number);
    if ([x, y, width, height].every(Number.isFinite) && width > 0 && height > 0) {
      stacked.append(drawn("svg", { viewBox: `${x} ${y} ${width} ${height}`, role: "group" }, panel.cloneNode(true)));
    }
  }
  drawing.append(stacked);
  drawing.classList.add("has-panels");
}
