// Tables: sorted by a click on a column's name, filtered by words, saved as CSV.
(() => {
  const { html } = page;
  const FEW = 8;

  const sortable = (table) => {
    const body = table.tBodies[0];
    const first = [...body.rows];
    const heads = [...table.tHead.rows[0].cells];
    const key = (row, column) => {
      const cell = row.cells[column];
      const number = cell.dataset.v === undefined ? NaN : Number(cell.dataset.v);
      return { row, number, text: cell.textContent };
    };
    const sort = (head) => {
      // Up, down, and as it was at first.
      const next = { none: "ascending", ascending: "descending", descending: "none" };
      const order = next[head.getAttribute("aria-sort")] ?? "ascending";
      for (const other of heads) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", order);
      if (order === "none") {
        body.append(...first);
        return;
      }
      const down = order === "descending";
      const rows = first.map((row) => key(row, head.cellIndex));
      rows.sort((a, b) => {
        const [x, y] = [a.number, b.number];
        // Empty fields stay last.
        if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1;
        const difference = Number.isNaN(x)
          ? a.text.localeCompare(b.text, "en", { numeric: true }) : x - y;
        return down ? -difference : difference;
      });
      body.append(...rows.map(({ row }) => row));
    };
    for (const head of heads) {
      head.querySelector("button")?.addEventListener("click", () => sort(head));
    }
    return first;
  };

  const filter = (rows, name) => {
    const texts = rows.map((row) =>
      [...row.cells].map((cell) => cell.textContent).join(" ").toLowerCase());
    const told = html("span", { class: "told", role: "status", "aria-live": "polite" });
    const act = () => {
      const words = input.value.toLowerCase().split(/\s+/).filter((word) => word !== "");
      let shown = 0;
      rows.forEach((row, i) => {
        row.hidden = !words.every((word) => texts[i].includes(word));
        if (!row.hidden) shown += 1;
      });
      told.textContent = words.length === 0 ? ""
        : `${page.thousands(shown)} of ${page.count(rows.length, "row")}`;
    };
    const input = html("input", {
      type: "search", placeholder: "Filter rows", "aria-label": `Filter: ${name}`, oninput: act,
      onkeydown: (event) => {
        if (event.key !== "Escape" || input.value === "") return;
        input.value = "";
        act();
        event.preventDefault();
      },
    });
    return [input, told];
  };

  // What is seen, in full precision; an interval in brackets has columns of its own.
  const asCsv = (table) => {
    const heads = [...table.tHead.rows[0].cells];
    const rows = [...table.tBodies[0].rows].filter((row) => !row.hidden);
    const INTERVAL = /^(.*?) \[(.+), (.+)\]$/;
    const plain = (text) => text.trim().replace(/^−/, "-");
    const columns = heads.map((head, i) => {
      const cells = rows.map((row) => row.cells[i]);
      const isNumber = head.classList.contains("n");
      const split = isNumber && cells.some((cell) => INTERVAL.test(cell.textContent));
      const value = (cell) => {
        const found = INTERVAL.exec(cell.textContent);
        const text = found === null ? plain(cell.textContent) : plain(found[1]);
        const shown = isNumber && text !== "" && !text.startsWith("<")
          ? cell.dataset.v ?? text : text;
        if (!split) return [shown];
        return found === null ? [shown, "", ""] : [shown, plain(found[2]), plain(found[3])];
      };
      const name = head.textContent.trim();
      return { names: split ? [name, `${name} low`, `${name} high`] : [name],
        values: cells.map(value) };
    });
    return page.csv([columns.flatMap((column) => column.names),
      ...rows.map((_, i) => columns.flatMap((column) => column.values[i]))]);
  };

  // Makes all tables inside an element sortable, and gives each a filter and a CSV button.
  page.tables = (inside) => {
    for (const table of inside.querySelectorAll(".scroll > table")) {
      if (table.tHead === null || table.tBodies.length === 0) continue;
      const rows = sortable(table);
      const name = table.caption?.textContent ?? "table";
      const slug = `${page.data?.slug ?? "alignscope"}-${page.slug(name)}`;
      const tools = html("div", { class: "tools" },
        rows.length > FEW ? filter(rows, name) : null,
        html("button", { type: "button", "aria-label": `Save as CSV: ${name}`,
          onclick: () => page.save(`${slug}.csv`, asCsv(table), "text/csv") }, "CSV"));
      table.parentElement.before(tools);
    }
  };
  page.parts.push(() => page.tables(document));
})();
