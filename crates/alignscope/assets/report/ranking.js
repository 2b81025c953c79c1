// A panel of models by their value at one stage, the best above.
(() => {
  const { svg } = page;
  const { INK, SOFT, GRID, CHANCE, REGIONS, n, text, line, marks, dark, head, noteAt, within,
    rowNames, nameSpace } = page.pen;
  const rankRow = (rows) => (rows > 40 ? 15 : rows > 16 ? 18 : 22);
  const rankTop = (rows) => (rows > 16 ? 56 : 40);

  const ranking = (panel, width, height) => {
    const g = svg("g", {});
    const firsts = panel.rowOrder.map((model) => panel.series.find((s) => s.model === model));
    const rowHeight = rankRow(firsts.length);
    const left = nameSpace(firsts, rowHeight, width), right = width - 16;
    const top = rankTop(firsts.length), bottom = top + rowHeight * firsts.length;
    const [low, high] = panel.range;
    const x = (value) => left + (right - left) * (value - low) / (high - low);
    head(g, panel, 4, right);
    for (let i = 0; i < firsts.length; i += 2) {
      g.append(svg("rect", { x: 0, y: n(top + i * rowHeight), width: n(width), height: rowHeight,
        fill: REGIONS[1], class: "light" }));
    }
    for (const tick of page.ticks(low, high, (right - left) / 55)) {
      if (tick.value < low || tick.value > high) continue;
      g.append(line(x(tick.value), top, x(tick.value), bottom, "grid", GRID),
        text(x(tick.value), bottom + 16, tick.text, { anchor: "middle" }));
      // Over many rows, the numbers stand above as well.
      if (top > 40) g.append(text(x(tick.value), top - 5, tick.text, { anchor: "middle" }));
    }
    for (const ceiling of panel.ceilings) {
      g.append(line(x(ceiling.value), top, x(ceiling.value), bottom, "line-ink ceiling", INK, 1.6));
    }
    if (panel.chance !== null) {
      g.append(line(x(panel.chance), top, x(panel.chance), bottom, "stroke chance", CHANCE, 1.2,
        { "stroke-dasharray": "6 5", style: "--dark:#9aa3ae" }));
    }
    g.append(line(left, bottom, right, bottom, "axis", SOFT), line(left, top, left, bottom,
      "axis", SOFT));
    rowNames(g, firsts, left, rowHeight, top);
    const hits = [];
    const groups = panel.series.map((s, index) => {
      const own = panel.series.filter((other) => other.model === s.model);
      const spread = own.length > 1 ? Math.min(rowHeight / (own.length + 1), 5) : 0;
      const row = panel.rowOrder.indexOf(s.model);
      const aside = (own.indexOf(s) - (own.length - 1) / 2) * spread;
      const middle = top + (row + 0.5) * rowHeight + aside;
      const group = svg("g", { class: `series ${s.kind}`, "data-model": s.model,
        "data-distance": s.distance, "data-dataset": s.dataset });
      const [point] = s.points;
      if (panel.bands !== "none" && point.low !== null && point.high !== null) {
        group.append(line(x(within(panel, point.low)), middle, x(within(panel, point.high)), middle,
          "stroke band", s.light, 1.5, { style: dark(s) }));
      }
      group.append(marks(s, [[x(point.value), middle]], Math.min(4.2, rowHeight / 4 + 0.5)));
      hits.push({ series: s, index, point, x: x(point.value), y: middle, wide: false, row });
      return group;
    });
    g.append(...groups, text((left + right) / 2, bottom + 33, panel.axis,
      { anchor: "middle", soft: true }));
    noteAt(g, panel, right, bottom + 49, width - 20);
    return { g, hits, groups, rows: true, box: { left, right, top, bottom } };
  };

  const height = (panel) => {
    const { length } = panel.rowOrder;
    return rankTop(length) + rankRow(length) * length + 40 + panel.noteRoom;
  };
  page.kinds.stage = { draw: ranking, height, leastWidth: 320 };
})();
