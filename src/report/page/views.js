
// Views with an epoch slider: the loss histogram and the data map.

const SIZE = { width: 600, height: 360, left: 58, right: 14, top: 14, bottom: 46 };

function at(low, high, from, to) {
  return (value) => from + ((value - low) / (high - low)) * (to - from);
}

function words(text, x, y, anchor, more) {
  return drawn("text", { x, y, "text-anchor": anchor, class: "words", ...more }, text);
}

// A frame with ticks, [value, label] each, and the axes' titles.
function axes(svg, x, y, xTicks, yTicks, xTitle, yTitle) {
  const [right, bottom] = [SIZE.width - SIZE.right, SIZE.height - SIZE.bottom];
  for (const [value, label] of yTicks) {
    svg.append(drawn("line", { x1: SIZE.left, x2: right, y1: y(value), y2: y(value), class: "grid" }));
    svg.append(words(label, SIZE.left - 6, y(value) + 4, "end"));
  }
  for (const [value, label] of xTicks) {
    svg.append(drawn("line", { x1: x(value), x2: x(value), y1: bottom, y2: bottom + 4, class: "axis" }));
    svg.append(words(label, x(value), bottom + 18, "middle"));
  }
  svg.append(drawn("path", { d: `M${SIZE.left} ${SIZE.top}V${bottom}H${right}`, class: "axis" }));
  svg.append(words(xTitle, (SIZE.left + right) / 2, SIZE.height - 8, "middle"));
  const middle = (SIZE.top + bottom) / 2;
  svg.append(words(yTitle, 14, middle, "middle", { transform: `rotate(-90 14 ${middle})` }));
}

function share(value) {
  return `${(100 * value).toFixed(value < 0.1 ? 1 : 0)}\u00a0%`;
}

function sum(numbers) {
  return numbers.reduce((all, n) => all + n, 0);
}

function short(value) {
  return value >= 0.01 ? value.toPrecision(2) : value.toExponential(1);
}

function drawHistogram(svg, view, panel, entry) {
  const { edges, groups } = view;
  const logs = edges.map(Math.log10);
  const shares = (epoch) => epoch.counts.map((bins) => bins.map((n) => n / Math.max(1, sum(bins))));
  const most = Math.max(1e-9, ...panel.epochs.flatMap((epoch) => shares(epoch).flat()));
  const bottom = SIZE.height - SIZE.bottom;
  const x = at(logs[0], logs[logs.length - 1], SIZE.left, SIZE.width - SIZE.right);
  const y = at(0, most, bottom, SIZE.top);
  const decades = [0.0001, 0.001, 0.01, 0.1, 1, 10];
  const step = [0.01, 0.02, 0.05, 0.1, 0.2].find((size) => most / size <= 6) ?? 0.25;
  const ticks = Array.from({ length: Math.floor(most / step) + 1 }, (_, i) => [i * step, `${Math.round(100 * i * step)}\u00a0%`]);
  axes(svg, x, y, decades.map((tick) => [Math.log10(tick), String(tick)]), ticks, "Loss (nats, logarithmic)", "Share of the group's tokens");
  shares(entry).forEach((bins, group) => {
    const steps = bins.map((value, bin) => `V${y(value).toFixed(1)}H${x(logs[bin + 1]).toFixed(1)}`);
    svg.append(drawn("path", { d: `M${SIZE.left} ${bottom}${steps.join("")}V${bottom}`, class: `bar group-${group % 4}`, "data-line": groups[group] }));
  });
  for (let bin = 0; bin + 1 < edges.length; bin += 1) {
    const facts = groups.map((name, group) => {
      const n = entry.counts[group][bin];
      return `${name}: ${whole(n)} tokens (${share(n / Math.max(1, sum(entry.counts[group])))})`;
    });
    const label = [`loss ${short(edges[bin])} to ${short(edges[bin + 1])} nats`, ...facts].join("; ");
    const width = x(logs[bin + 1]) - x(logs[bin]);
    svg.append(drawn("rect", { x: x(logs[bin]), y: SIZE.top, width, height: bottom - SIZE.top, "fill-opacity": 0, "data-label": label }));
  }
}

function drawMap(svg, view, panel, entry) {
  const { groups, n_cells: n, most_variability: mostVariability } = view;
  const bottom = SIZE.height - SIZE.bottom;
  const x = at(0, mostVariability, SIZE.left, SIZE.width - SIZE.right);
  const y = at(0, 1, bottom, SIZE.top);
  const ticks = [0, 0.2, 0.4, 0.6, 0.8, 1];
  axes(svg, x, y, ticks.map((tick) => [tick * mostVariability, (tick * mostVariability).toFixed(1)]), ticks.map((tick) => [tick, tick.toFixed(1)]),
    "Variability (standard deviation of the probability)", "Confidence (mean probability)");
  const most = Math.max(1, ...panel.epochs.flatMap((epoch) => epoch.counts.flatMap((cells) => Object.values(cells))));
  const radius = (SIZE.height - SIZE.top - SIZE.bottom) / n / 2;
  const cells = new Set(entry.counts.flatMap((counts) => Object.keys(counts)));
  const middle = (cell) => [x((((cell % n) + 0.5) / n) * mostVariability), y((Math.floor(cell / n) + 0.5) / n)];
  entry.counts.forEach((counts, group) => {
    for (const [cell, count] of Object.entries(counts)) {
      const [cx, cy] = middle(Number(cell));
      const r = Math.max(0.8, radius * Math.sqrt(Math.log1p(count) / Math.log1p(most)));
      svg.append(drawn("circle", { cx, cy, r, class: `group-${group % 4}`, "fill-opacity": 0.55, "data-line": groups[group] }));
    }
  });
  for (const key of cells) {
    const cell = Number(key);
    const [row, column] = [Math.floor(cell / n), cell % n];
    const range = (i, scale) => `${((i / n) * scale).toFixed(2)} to ${(((i + 1) / n) * scale).toFixed(2)}`;
    const facts = groups.map((name, group) => `${name}: ${whole(entry.counts[group][cell] ?? 0)} tokens`);
    const label = [`confidence ${range(row, 1)}`, `variability ${range(column, mostVariability)}`, ...facts].join("; ");
    const [cx, cy] = middle(cell);
    const half = (SIZE.width - SIZE.left - SIZE.right) / n / 2;
    const mark = drawn("rect", { x: cx - half, y: cy - radius, width: 2 * half, height: 2 * radius, "fill-opacity": 0, "data-label": label });
    const examples = panel.examples.filter((example) => example.cells[entry.epoch] === cell);
    if (examples.length > 0) {
      const all = sum(entry.counts.map((counts) => counts[cell] ?? 0));
      setAttributes(mark, { role: "button", tabindex: 0, "aria-label": `List tokens: ${label}`, "data-sample": "" });
      listed.set(mark, () => showSample(`Confidence ${range(row, 1)}, variability ${range(column, mostVariability)}`, counted(examples.length, all), examples));
    }
    svg.append(mark);
  }
}

// What a click on a mark of a view does.
const listed = new WeakMap();

function makeView(figure, { title, view }) {
  const draw = { loss_histogram: drawHistogram, data_map: drawMap }[view.kind];
  const choice = element("select", {}, ...view.panels.map((panel, i) => element("option", { value: i }, plain(panel.name))));
  const slider = element("input", { type: "range", min: 0, step: 1, "aria-label": `Epoch: ${plain(title)}` });
  const output = element("output", {});
  const keys = element("div", { class: "tools" }, ...view.groups.map((name, group) =>
    element("span", {}, element("span", { class: `swatch group-${group % 4}` }), ...visible(name))));
  const svg = drawn("svg", { viewBox: `0 0 ${SIZE.width} ${SIZE.height}`, role: "group", "aria-label": plain(title) });
  const drawing = element("div", { class: "drawing", tabindex: 0, role: "group", "aria-label": plain(title) }, svg);
  const panel = () => view.panels[Number(choice.value)];
  const redraw = () => {
    const entry = panel().epochs[Number(slider.value)];
    const name = `epoch ${entry.epoch} of ${panel().epochs[panel().epochs.length - 1].epoch}`;
    output.textContent = name;
    slider.setAttribute("aria-valuetext", name);
    hideNumbers();
    svg.replaceChildren();
    draw(svg, view, panel(), entry);
  };
  const choose = () => {
    const last = panel().epochs.length - 1;
    slider.max = last;
    slider.value = Math.min(Number(slider.value), last);
    redraw();
  };
  choice.addEventListener("change", choose);
  slider.addEventListener("input", redraw);
  const tools = element("div", { class: "tools" }, element("label", { class: "slider" }, "Epoch ", slider, output));
  if (view.panels.length > 1) {
    tools.prepend(element("label", {}, "Show ", choice));
  }
  figure.prepend(tools, keys, drawing);
  slider.max = panel().epochs.length - 1;
  slider.value = slider.max;
  redraw();
  figure.hidden = false;
}
