// A panel of all models and stages, values as colours.
(() => {
  const { svg } = page;
  const { SOFT, n, text, line, head, rowNames, nameSpace } = page.pen;
  const mapRow = (rows) => (rows > 40 ? 14 : rows > 16 ? 17 : 22);

  // matplotlib's cividis, at seventeen equal steps.
  const CIVIDIS = [[0, 34, 78], [0, 46, 106], [26, 56, 111], [50, 67, 109], [67, 78, 108],
    [83, 90, 109], [97, 101, 111], [111, 112, 115], [125, 124, 120], [140, 136, 120],
    [155, 148, 118], [171, 160, 114], [188, 174, 108], [205, 187, 99], [222, 201, 88],
    [240, 216, 70], [254, 232, 56]];
  const shade = (part) => {
    const at = Math.min(Math.max(part, 0), 1) * 16;
    const i = Math.min(Math.floor(at), 15);
    return CIVIDIS[i].map((c, k) => Math.round(c + (CIVIDIS[i + 1][k] - c) * (at - i)));
  };
  const hex = (rgb) => `#${rgb.map((c) => c.toString(16).padStart(2, "0")).join("")}`;
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((c) => {
      const v = c / 255;
      return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  // Black or white, whichever is easier to read on a colour.
  const onShade = (rgb) => (luminance(rgb) > 0.179 ? "#000000" : "#ffffff");

  // Where the cells of a row begin and end, from 0 to 1: all alike if all rows have the same
  // stages; else by depth, the embedding and the last stage with a column of their own.
  const columnsOf = (panel) => {
    const rows = panel.series.filter((s) => s.kind === "curve");
    const names = (s) => s.points.map((p) => p.stage).join("\n");
    const first = rows[0];
    if (rows.every((s) => names(s) === names(first))) {
      const { length } = first.points;
      return {
        same: first.points,
        edges: () => Array.from({ length: length + 1 }, (_, i) => i / length),
      };
    }
    const [from, to] = panel.depths;
    const begins = rows.some((s) => s.points[0].stage === "embedding") ? 0.06 : 0;
    const ends = to === 100 ? 0.06 : 0;
    const low = begins > 0 ? 5 : from, high = ends > 0 ? 98.75 : to;
    const at = (depth) => (depth <= low ? begins : depth >= high ? 1 - ends
      : begins + (1 - begins - ends) * (depth - low) / (high - low));
    return {
      same: null, at, begins, ends,
      edges: (points) => [
        points[0].depth < low ? 0 : begins,
        ...points.slice(1).map((p, i) => at((p.depth + points[i].depth) / 2)),
        points.at(-1).depth > high ? 1 : 1 - ends,
      ],
    };
  };

  // Names under the columns of a map: the first and the last, and of the blocks as many as fit.
  const stageNames = (g, points, left, right, y) => {
    const each = (right - left) / points.length;
    const short = { embedding: "emb", projection: "proj", output: "out" };
    const placed = points.map(({ stage }, i) => {
      const block = Number(/^block (\d+)$/.exec(stage)?.[1] ?? NaN);
      const name = short[stage] ?? stage.replace(/^block /, "");
      const half = page.textWidth(name, 11) / 2;
      const middle = left + (i + 0.5) * each;
      return { name, block, half, at: Math.min(Math.max(middle, left + half), right - half) };
    });
    const widest = 2 * Math.max(...placed.filter((p) => !Number.isNaN(p.block))
      .map((p) => p.half), 4) + 6;
    const step = [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 48].find((s) => s * each >= widest) ?? 48;
    const taken = [];
    const add = ({ name, half, at }) => {
      if (taken.some((other) => Math.abs(other.at - at) < other.half + half + 4)) return;
      taken.push({ at, half });
      g.append(text(at, y, name, { size: 11, anchor: "middle" }));
    };
    add(placed[0]);
    add(placed.at(-1));
    for (const one of placed) if (Number.isNaN(one.block) || one.block % step === 0) add(one);
  };

  // The scale of the colours, drawn as one fill.
  let gradients = 0;
  const scaleOf = (x, y, width) => {
    gradients += 1;
    const id = `cividis-${gradients}`;
    const stops = CIVIDIS.map((rgb, i) => svg("stop", { offset: i / 16, "stop-color": hex(rgb) }));
    return svg("g", {}, svg("linearGradient", { id }, stops), svg("rect", {
      x: n(x), y: n(y), width: n(width), height: 10, fill: `url(#${id})`, class: "scale",
    }));
  };

  const heat = (panel, width) => {
    const g = svg("g", {});
    const rowHeight = mapRow(panel.series.length);
    const left = nameSpace(panel.series, rowHeight, width), right = width - 8;
    const top = 40, bottom = top + rowHeight * panel.series.length;
    const [low, high] = panel.range;
    const part = (value) => (value - low) / Math.max(high - low, 1e-9);
    head(g, panel, 4, right);
    rowNames(g, panel.series, left, rowHeight, top);
    const columns = columnsOf(panel);
    const x = (place) => left + (right - left) * place;
    const hits = [];
    const groups = panel.series.map((s, row) => {
      const group = svg("g", { class: `series ${s.kind}`, "data-model": s.model,
        "data-distance": s.distance, "data-dataset": s.dataset });
      const y = top + row * rowHeight;
      const edges = s.kind === "curve" ? columns.edges(s.points) : [0, 1];
      s.points.forEach((point, i) => {
        const [a, b] = [x(edges[i]), x(edges[i + 1])];
        const rgb = shade(part(point.value));
        group.append(svg("rect", { x: n(a), y: n(y), width: n(b - a + 0.2),
          height: n(rowHeight - (s.kind === "curve" ? 0.5 : 1)), fill: hex(rgb), class: "cell" }));
        const value = page.digits(point.value);
        const size = [10, 9].find((s) => b - a > page.textWidth(value, s) + s - 7);
        if (size !== undefined && rowHeight >= 16) {
          const label = text((a + b) / 2, y + rowHeight / 2 + 3.5, value,
            { size, anchor: "middle" });
          label.setAttribute("fill", onShade(rgb));
          label.removeAttribute("class");
          group.append(label);
        }
        hits.push({
          series: s, index: row, point, row, x: (a + b) / 2, y: y + rowHeight / 2, wide: false,
          cell: { x: a, y, width: b - a, height: rowHeight },
        });
      });
      return group;
    });
    g.append(...groups);
    // The axis below.
    const y = bottom + 14;
    if (columns.same !== null) {
      stageNames(g, columns.same, left, right, y);
      const blocks = columns.same.some((p) => p.stage.startsWith("block "));
      g.append(text((left + right) / 2, y + 16, blocks ? "stage (numbers: blocks)" : "stage",
        { anchor: "middle", soft: true }));
    } else {
      const between = [25, 50, 75].filter((d) => d > panel.depths[0] && d < panel.depths[1]);
      if (columns.begins > 0) g.append(text(left, y, "emb", { size: 11 }));
      if (columns.ends > 0) g.append(text(right, y, "last", { size: 11, anchor: "end" }));
      for (const depth of between) {
        const at = x(columns.at(depth));
        g.append(line(at, bottom, at, bottom + 3, "axis", SOFT),
          text(at, y, String(depth), { size: 11, anchor: "middle" }));
      }
      g.append(text((left + right) / 2, y + 16, "depth (%)", { anchor: "middle", soft: true }));
    }
    // The scale of the colours.
    const scaleTop = y + 28;
    const wide = Math.min(170, (right - left) * 0.6);
    const begin = right - wide - page.textWidth(page.digits(high), 11) - 6;
    g.append(scaleOf(begin, scaleTop, wide));
    const atLow = begin - 6 - page.textWidth(page.digits(low), 11);
    g.append(text(begin - 6, scaleTop + 9, page.digits(low), { size: 11, anchor: "end" }),
      text(right, scaleTop + 9, page.digits(high), { size: 11, anchor: "end" }),
      text(atLow - 8, scaleTop + 9, page.fit(panel.axis, 11, atLow - 10),
        { size: 11, anchor: "end", soft: true }));
    return { g, hits, groups, rows: true, box: { left, right, top, bottom } };
  };

  const height = (panel) => 40 + mapRow(panel.series.length) * panel.series.length + 58;
  page.kinds.map = { draw: heat, height, leastWidth: 320 };
})();
