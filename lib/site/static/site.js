// Sorting of tables and filtering of lists; everything is there without it.

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

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("table.sortable").forEach(sortable);
  document.querySelectorAll("select[data-filters]").forEach(filter);
});
