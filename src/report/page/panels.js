
// A legend entry in a drawing of its own, as high as a line of text.
function copyOfKey(key) {
  const { x, y, width, height } = key.getBBox();
  const size = { height: 18, width: Math.max(18, (18 * width) / Math.max(1, height)) };
  return drawn("svg", { viewBox: `${x} ${y} ${width} ${height}`, role: "group", ...size }, key.cloneNode(true));
}

// On a small screen the panels of a figure stand below each other: each is copied into a drawing of its own,
// and the legend above them.
function stackPanels(drawing) {
  const svg = drawing.querySelector("svg");
  const panels = Array.from(svg?.querySelectorAll("g.panel[data-box]") ?? []);
  if (panels.length < 2) {
    return;
  }
  const stacked = element("div", { class: "stacked" });
  const keys = Array.from(svg.querySelectorAll("g.key")).filter((key) => key.closest(".panel") === null);
  if (keys.length > 0) {
    stacked.append(element("div", { class: "keys" }, ...keys.map(copyOfKey)));
  }
  for (const panel of panels) {
    const [x, y, width, height] = panel.dataset.box.trim().split(/\s+/).map(Number);
    if ([x, y, width, height].every(Number.isFinite) && width > 0 && height > 0) {
      stacked.append(drawn("svg", { viewBox: `${x} ${y} ${width} ${height}`, role: "group" }, panel.cloneNode(true)));
    }
  }
  drawing.append(stacked);
  drawing.classList.add("has-panels");
}
