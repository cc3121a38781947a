
// The tokens behind a mark, from what the page holds of them.

function showSample(title, count, examples) {
  const heading = $("sample-heading");
  heading.replaceChildren(...visible(title));
  $("sample-count").textContent = count;
  const sentence = (example) => {
    const marked = element("mark", {}, ...visible(example.token));
    return element("td", { dir: "auto" }, ...visible(example.before), " ", marked, " ", ...visible(example.after));
  };
  const text = (words) => element("td", { dir: "auto" }, ...visible(words ?? "–"));
  $("sample-rows").replaceChildren(
    ...examples.map((example) =>
      element("tr", {}, text(example.token), text(example.given), text(example.gold), sentence(example), text(example.note)),
    ),
  );
  hideNumbers();
  $("sample").showModal();
}

function whole(n) {
  return n.toLocaleString("en");
}

function counted(shown, all) {
  return shown < all ? `${whole(shown)} of ${whole(all)} tokens` : `${whole(all)} ${all === 1 ? "token" : "tokens"}`;
}

// Marks whose tokens the page holds answer to a click.
function makeListable(root, samples) {
  let any = false;
  for (const mark of root.querySelectorAll("[data-sample]")) {
    if (samples.has(mark.dataset.sample)) {
      mark.setAttribute("role", "button");
      mark.setAttribute("tabindex", "0");
      mark.setAttribute("aria-label", `List tokens: ${plain(mark.dataset.label ?? mark.dataset.sample)}`);
      any = true;
    }
  }
  return any;
}
