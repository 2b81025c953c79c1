"use strict";
// Tables: a click on a column's name sorts by it, numbers as numbers; a second click turns the order.
for (const button of document.querySelectorAll("thead button")) {
  button.addEventListener("click", () => {
    const head = button.parentElement;
    const column = head.cellIndex;
    const body = head.closest("table").tBodies[0];
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of head.parentElement.cells) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = (row) => {
      const cell = row.cells[column];
      const number = cell.dataset.v === undefined ? NaN : Number(cell.dataset.v);
      return { number, text: cell.textContent };
    };
    const rows = Array.from(body.rows, (row) => ({ row, key: key(row) }));
    rows.sort((a, b) => {
      const [x, y] = [a.key.number, b.key.number];
      // Empty fields stay last.
      if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1;
      const order = Number.isNaN(x)
        ? a.key.text.localeCompare(b.key.text, "en", { numeric: true })
        : x - y;
      return down ? -order : order;
    });
    body.append(...rows.map((r) => r.row));
  });
}
// Figures: the value nearest to the pointer, or the next one by the arrow keys.
for (const panel of document.querySelectorAll(".panel")) {
  const svg = panel.querySelector("svg");
  const readout = panel.querySelector(".readout");
  const points = Array.from(svg.querySelectorAll(".pt"), (element) => {
    const title = element.querySelector("title");
    const text = title.textContent;
    title.remove();
    const box = element.getBBox();
    return {
      element, text, line: box.width > 100,
      series: element.closest(".series"),
      x: box.x + box.width / 2, y: box.y + box.height / 2,
    };
  });
  let shown = -1;
  const show = (i) => {
    if (i === shown) return;
    if (shown >= 0) points[shown].element.classList.remove("on");
    shown = i;
    if (i >= 0) points[i].element.classList.add("on");
    readout.textContent = i >= 0 ? points[i].text : "";
  };
  svg.addEventListener("pointermove", (event) => {
    const place = new DOMPoint(event.clientX, event.clientY)
      .matrixTransform(svg.getScreenCTM().inverse());
    let best = -1, least = 24;
    points.forEach((p, i) => {
      const away = p.line
        ? Math.abs(p.y - place.y) + 6
        : Math.hypot(p.x - place.x, p.y - place.y);
      if (away < least) { least = away; best = i; }
    });
    show(best);
  });
  svg.addEventListener("pointerleave", () => show(-1));
  panel.addEventListener("blur", () => show(-1));
  panel.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const jump = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      show((Math.max(shown, step > 0 ? -1 : 0) + step + points.length) % points.length);
    } else if (jump) {
      // To the first value of the next or the last curve.
      const here = shown >= 0 ? points[shown].series : null;
      let i = Math.max(shown, 0);
      do i = (i + jump + points.length) % points.length;
      while (points[i].series !== null && points[i].series === here && i !== shown);
      const series = points[i].series;
      if (series !== null) i = points.findIndex((p) => p.series === series);
      show(i);
    } else if (event.key === "Escape") {
      show(-1);
    } else {
      return;
    }
    event.preventDefault();
  });
}
// What is folded is shown on paper, but for the manifest and long tables.
addEventListener("beforeprint", () => {
  for (const d of document.querySelectorAll("#trials details")) d.open = true;
});
