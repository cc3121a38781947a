
// A click on a heading sorts its table by that column, a second click turns the order round. Missing values stay last.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const headings = Array.from(table.tHead.rows[0].cells);
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    const isNumber = heading.classList.contains("number");
    button.addEventListener("click", () => {
      const rising = heading.getAttribute("aria-sort") !== "ascending";
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", rising ? "ascending" : "descending");
      const key = (row) => row.cells[column]?.dataset.key;
      const rows = Array.from(body.rows).sort((a, b) => {
        const [left, right] = [key(a), key(b)];
        if (left === undefined || right === undefined) {
          return (left === undefined) - (right === undefined);
        }
        const order = isNumber ? Number(left) - Number(right) : left.localeCompare(right);
        return rising ? order : -order;
      });
      body.append(...rows);
    });
  });
}
