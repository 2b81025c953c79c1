// What panels are drawn with: text, lines, marks. Colours are written for white paper, as
// attributes; the style sheet turns them by their classes on a dark page, and a saved figure has
// none of these.
(() => {
  const { svg } = page;
  const INK = "#282828", SOFT = "#5a6470", GRID = "#e0e0e0", CHANCE = "#6e6e6e";
  const REGIONS = ["#e8e8e8", "#f4f4f4"];

  const n = (value) => String(Math.round(value * 100) / 100);
  const text = (x, y, content, { size = 12, anchor = "start", bold = false, soft = false,
    rotate = false } = {}) => svg("text", {
    x: n(x), y: n(y), "font-size": size, "text-anchor": anchor === "start" ? null : anchor,
    "font-weight": bold ? "bold" : null, "font-family": page.FONT, fill: soft ? SOFT : INK,
    class: soft ? "soft" : "ink",
    transform: rotate ? `rotate(-90 ${n(x)} ${n(y)})` : null,
  }, content);
  const line = (x1, y1, x2, y2, kind, stroke, width = 1, more = {}) => svg("line", {
    x1: n(x1), y1: n(y1), x2: n(x2), y2: n(y2), stroke, "stroke-width": width, class: kind, ...more,
  });

  // The outline of a mark of "radius" r.
  const outline = (mark, x, y, r) => {
    const place = ([a, b]) => `${n(x + a * r)} ${n(y + b * r)}`;
    const at = (points) => `M${points.map(place).join("L")}Z`;
    switch (mark) {
      case "square": return at([[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]]);
      case "triangle": return at([[0, -1.15], [1.1, 0.85], [-1.1, 0.85]]);
      case "triangle-down": return at([[0, 1.15], [1.1, -0.85], [-1.1, -0.85]]);
      case "diamond": return at([[0, -1.45], [1.45, 0], [0, 1.45], [-1.45, 0]]);
      case "bar": return at([[-0.5, -1.7], [0.5, -1.7], [0.5, 1.7], [-0.5, 1.7]]);
      case "cross": return at([[-1.2, -0.7], [-0.7, -1.2], [0, -0.5], [0.7, -1.2], [1.2, -0.7],
        [0.5, 0], [1.2, 0.7], [0.7, 1.2], [0, 0.5], [-0.7, 1.2], [-1.2, 0.7], [-0.5, 0]]);
      default:
        return `M${n(x - r)} ${n(y)}a${n(r)} ${n(r)} 0 1 0 ${n(2 * r)} 0`
          + `a${n(r)} ${n(r)} 0 1 0 ${n(-2 * r)} 0Z`;
    }
  };
  const dark = (look) => (look.ink ? null : `--dark:${look.dark}`);
  const colour = (look) => (look.ink ? INK : look.light);
  const strokeClass = (look) => (look.ink ? "line-ink" : "stroke");
  const marks = (look, places, r) => {
    const d = places.map(([x, y]) => outline(look.mark, x, y, r)).join("");
    return look.hollow
      ? svg("path", { d, fill: "#ffffff", stroke: colour(look), "stroke-width": 1.4,
        class: `hollow ${strokeClass(look)}`, style: dark(look) })
      : svg("path", { d, fill: colour(look), class: look.ink ? "ink" : "fill", style: dark(look) });
  };
  const path = (look, d, width) => svg("path", {
    d, fill: "none", stroke: colour(look), "stroke-width": width, "stroke-linejoin": "round",
    "stroke-dasharray": look.dashes?.join(" ") ?? null, class: strokeClass(look), style: dark(look),
  });

  // A legend's sample, 36 by 16.
  page.sample = (entry, x = 0, y = 0) => {
    const g = svg("g", { transform: x || y ? `translate(${n(x)} ${n(y)})` : null });
    if (entry.interval === "fill") {
      g.append(svg("rect", { x: 2, y: 3, width: 32, height: 10, fill: SOFT, "fill-opacity": 0.25,
        class: "soft" }));
    } else if (entry.interval === "outline") {
      g.append(line(2, 4, 34, 4, "axis", SOFT, 0.8), line(2, 12, 34, 12, "axis", SOFT, 0.8));
    } else if (entry.interval === "whiskers") {
      g.append(line(4, 8, 32, 8, "axis", SOFT, 1.4));
    } else if (entry.kind !== "words") {
      if (entry.line) g.append(path(entry, "M2 8H34", entry.width ?? 1.9));
      if (entry.mark) g.append(marks(entry, [[18, 8]], 4));
    }
    return g;
  };

  const head = (g, panel, x, width) => {
    g.append(text(x, 15, page.fit(panel.title, 14, width), { size: 14, bold: true }));
    if (panel.subtitle) {
      g.append(text(x, 31, page.fit(panel.subtitle, 12, width), { soft: true }));
    }
  };
  const noteAt = (g, panel, x, y, width) => {
    if (panel.note) {
      const words = page.fit(panel.note, 11, width);
      g.append(text(x, y, words, { size: 11, anchor: "end", soft: true }));
    }
  };
  const within = (panel, value) => Math.min(Math.max(value, panel.range[0]), panel.range[1]);

  // Names of models at the left of rows.
  const rowNames = (g, rows, left, rowHeight, top) => {
    const size = rowHeight < 16 ? 10 : 12;
    rows.forEach((look, i) => {
      const middle = top + (i + 0.5) * rowHeight;
      const { short } = page.data.models[look.model];
      g.append(text(left - 20, middle + size * 0.35, page.fitName(short, size, left - 24),
        { size, anchor: "end" }));
      const mark = look.kind === "curve" ? "circle" : look.mark;
      g.append(marks({ ...look, mark }, [[left - 11, middle]], Math.min(4, rowHeight / 4)));
    });
  };
  const nameSpace = (rows, rowHeight, width) => {
    const size = rowHeight < 16 ? 10 : 12;
    const { models } = page.data;
    const widths = rows.map((s) => page.textWidth(models[s.model].short, size));
    return Math.min(Math.max(...widths) + 28, width * 0.44);
  };

  page.pen = {
    INK, SOFT, GRID, CHANCE, REGIONS, n, text, line, marks, path, dark, head, noteAt, within,
    rowNames, nameSpace,
  };
  // The ways to draw a panel, each with { draw, height, leastWidth }: `draw(panel, width, height)`
  // gives { g, hits, groups, box }, the drawing, the places of its values, and a group for each
  // series.
  page.kinds = {};
})();
