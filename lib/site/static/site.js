// Sorting of tables, filtering of lists, numbers to the right; everything is there without it.

function sortable(table) {
  const headings = [...table.querySelectorAll("th")];
  headings.forEach((heading, column) => {
    heading.querySelector("button")?.addEventListener("click", () => {
      const ascending = heading.getAttribute("aria-sort") !== "ascending";
      headings.forEach((other) => other.hasAttribute("aria-sort") && other.setAttribute("aria-sort", "none"));
      heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      const order = new Intl.Collator("en", { numeric: true });
      const text = (row) => row.cells[column].textContent;
      const rows = [...table.tBodies[0].rows].sort((a, b) => order.compare(text(a), text(b)));
      table.tBodies[0].append(...(ascending ? rows : rows.reverse()));
    });
  });
}

function filter(select) {
  const list = document.getElementById(select.dataset.filters);
  const count = document.getElementById(`${list.id}-count`);
  const apply = () => {
    const all = [...list.children];
    all.forEach((entry) => { entry.hidden = select.value !== "" && entry.dataset.group !== select.value; });
    count.textContent = `${all.filter((entry) => !entry.hidden).length} of ${all.length}`;
  };
  select.addEventListener("change", apply);
  apply();
}

// A column of numbers, with dashes where there is none, stands at the right under its heading.
function alignNumbers(table) {
  const number = /^([-−+]?[\d,]+(\.\d+)?(e[-+]?\d+)?( ?%)?( ± ?[\d.,]+)?|NaN|[-–]?)$/;
  const columns = table.tBodies[0]?.rows[0]?.cells.length ?? 0;
  for (let column = 0; column < columns; column += 1) {
    const texts = [...table.tBodies[0].rows].map((row) => row.cells[column]?.textContent.trim() ?? "");
    if (texts.every((text) => number.test(text)) && texts.some((text) => /\d/.test(text))) {
      [...table.rows].forEach((row) => row.cells[column]?.classList.add("number"));
    }
  }
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("table.sortable").forEach(sortable);
  document.querySelectorAll("table.dataframe, table.table").forEach(alignNumbers);
  document.querySelectorAll("select[data-filters]").forEach(filter);
});
