// Files of what is seen: SVG, PNG, CSV, paper (PDF), and how to cite it.
(() => {
  const data = page.data;
  if (data === null) return;
  const { html, svg } = page;
  const WIDTH = 1200, EDGE = 28;

  // The view as one drawing on white paper: { svg, width, height }.
  page.wholeFigure = () => {
    const { view, marked } = page.explorer;
    const inner = WIDTH - 2 * EDGE;
    const columns = page.columnsFor(view, inner);
    const each = columns === 1 ? Math.min(inner, 820)
      : Math.floor((inner - page.GAP * (columns - 1)) / columns);
    const width = columns === 1 ? each + 2 * EDGE : WIDTH;
    const root = svg("g", {});
    let y = 36;
    const add = (x, at, content, more) => root.append(page.pen.text(x, at, content, more));
    add(EDGE, y, page.fit(data.title, 20, width - 2 * EDGE), { size: 20, bold: true });
    y += 22;
    for (const part of wrapped(view.title, 14, width - 2 * EDGE)) {
      add(EDGE, y, part, { size: 14, soft: true });
      y += 19;
    }
    if (data.simulated) {
      const alert = page.pen.text(EDGE, y + 2, "Simulated answers, not human data", { size: 14 });
      alert.setAttribute("fill", "#b00020");
      root.append(alert);
      y += 21;
    }
    y += 4;
    for (const group of view.groups.filter((g) => g.panels.length > 0)) {
      if (group.title !== null) {
        add(EDGE, y + 14, group.title, { size: 15, bold: true });
        y += 26;
      }
      for (let i = 0; i < group.panels.length; i += columns) {
        const row = group.panels.slice(i, i + columns);
        const heights = row.map((panel) => page.panelHeight(view, panel, each));
        row.forEach((panel, k) => {
          const { g, groups } = page.drawPanel(view, panel, each, heights[k]);
          groups.forEach((own, s) => {
            if (marked.size > 0 && !marked.has(panel.series[s].model)) {
              own.setAttribute("opacity", 0.18);
            }
          });
          const x = EDGE + k * (each + page.GAP);
          root.append(svg("g", { transform: `translate(${x} ${y})` }, g));
        });
        y += Math.max(...heights) + 12;
      }
    }
    let x = EDGE;
    y += 4;
    for (const entry of view.legend) {
      const sample = entry.kind === "words" ? 0 : 42;
      const text = page.fit(entry.text, 13, width - 2 * EDGE - sample);
      const wide = sample + page.textWidth(text, 13);
      if (x > EDGE && x + wide > width - EDGE) {
        x = EDGE;
        y += 22;
      }
      if (sample > 0) root.append(page.sample(entry, x, y - 2));
      add(x + sample, y + 11, text, { size: 13 });
      x += wide + 22;
    }
    y += 34;
    for (const note of [...view.notes, `alignscope ${data.version}`]) {
      for (const part of wrapped(note, 11, width - 2 * EDGE)) {
        add(EDGE, y, part, { size: 11, soft: true });
        y += 16;
      }
    }
    const height = Math.ceil(y + 8);
    const whole = svg("svg", {
      xmlns: "http://www.w3.org/2000/svg", width, height, viewBox: `0 0 ${width} ${height}`,
      role: "img",
    }, svg("title", {}, `${data.title}. ${view.title}`),
    svg("rect", { width, height, fill: "#ffffff" }), root);
    for (const element of whole.querySelectorAll("*")) {
      for (const name of [...element.getAttributeNames()]) {
        if (name === "class" || name === "style" || name.startsWith("data-")) {
          element.removeAttribute(name);
        }
      }
    }
    return { svg: whole, width, height };
  };
  const wrapped = (text, size, width) => {
    const lines = [""];
    for (const word of text.split(" ")) {
      const longer = lines.at(-1) === "" ? word : `${lines.at(-1)} ${word}`;
      if (page.textWidth(longer, size) <= width) lines[lines.length - 1] = longer;
      else lines.push(word);
    }
    return lines;
  };

  const fileName = (ending) => {
    const { view } = page.explorer;
    const what = view.view === "map" ? "heat-map" : view.view === "stage" ? "one-stage" : "curves";
    const measure = view.state.measure === "main" ? "" : `-${page.slug(view.state.measure)}`;
    return `${data.slug}-${what}${measure}.${ending}`;
  };
  const source = () => {
    const whole = page.withFileFont(page.wholeFigure);
    const text = new XMLSerializer().serializeToString(whole.svg);
    return { ...whole, text: `<?xml version="1.0" encoding="UTF-8"?>\n${text}\n` };
  };
  const saveSvg = () => page.save(fileName("svg"), source().text, "image/svg+xml");
  const saveCsv = () => page.save(fileName("csv"), page.csv(page.explorer.view.rows), "text/csv");

  const savePng = async () => {
    const { text, width, height } = source();
    const picture = new Image();
    // The page's policy lets pictures come from data: alone.
    picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
    await picture.decode();
    // Three dots a unit, within what browsers can draw.
    const scale = Math.min(3, 16000 / Math.max(width, height), Math.sqrt(1.2e8 / (width * height)));
    const canvas = html("canvas", { width: Math.round(width * scale),
      height: Math.round(height * scale) });
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((done) => { canvas.toBlob(done, "image/png"); });
    if (blob === null) throw new Error("the browser could not draw the picture");
    page.save(fileName("png"), blob, "image/png");
  };

  // Prints the figure alone, on a page of its size; the browser's window offers a PDF file.
  const print = () => {
    const { svg: drawing, width, height } = page.withFileFont(page.wholeFigure);
    const size = html("style", {}, `@page { size: ${width}px ${height}px; margin: 0 }`);
    const sheet = html("div", { class: "sheet", "aria-hidden": "true" }, drawing);
    document.head.append(size);
    document.body.append(sheet);
    document.documentElement.classList.add("figure-alone");
    addEventListener("afterprint", () => {
      size.remove();
      sheet.remove();
      document.documentElement.classList.remove("figure-alone");
    }, { once: true });
    window.print();
  };

  const citation = () => {
    const text = html("pre", { tabindex: 0 }, data.bibtex);
    const told = html("span", { role: "status", class: "note" });
    const copy = async () => {
      try {
        await navigator.clipboard.writeText(data.bibtex);
        told.textContent = "Copied.";
      } catch {
        getSelection().selectAllChildren(text);
        told.textContent = "Selected: press Ctrl+C or ⌘C.";
      }
    };
    const dialog = html("dialog", { class: "cite", "aria-labelledby": "cite-name" },
      html("p", { id: "cite-name", class: "dialog-name" }, "How to cite"), text,
      html("div", { class: "row" },
        html("button", { type: "button", autofocus: true, onclick: copy }, "Copy"),
        html("button", { type: "button", onclick: () =>
          page.save(`${data.slug}.bib`, `${data.bibtex.trim()}\n`, "text/plain") }, "Save .bib"),
        html("button", { type: "button", onclick: () => dialog.close() }, "Close"), told));
    return dialog;
  };

  // The row of buttons under the figure.
  page.exports = () => {
    const told = html("span", { role: "status", class: "note" });
    const button = (name, label, act) => html("button", {
      type: "button", "aria-label": label, onclick: async () => {
        told.textContent = "";
        try {
          await act();
        } catch (error) {
          told.textContent = `${name} was not saved: ${error.message}`;
        }
      },
    }, name);
    const row = html("div", { class: "exports", role: "group", "aria-label": "Save this view" },
      html("span", { "aria-hidden": "true" }, "Save this view:"),
      button("SVG", "Save this view as SVG", saveSvg),
      button("PNG", "Save this view as PNG", savePng),
      button("PDF", "Print this view, or save it as PDF", print),
      button("CSV", "Save the numbers of this view as CSV", saveCsv));
    if (data.bibtex) {
      const dialog = citation();
      row.append(html("button", { type: "button", "aria-haspopup": "dialog",
        onclick: () => dialog.showModal() }, "BibTeX"), dialog);
    }
    row.append(told);
    return row;
  };
})();
