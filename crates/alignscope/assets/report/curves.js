// A panel of curves: score against depth.
(() => {
  const { svg } = page;
  const { INK, SOFT, GRID, CHANCE, REGIONS, n, text, line, marks, path, dark, head, noteAt, within }
    = page.pen;

  // The parts of a model along the axis of depth.
  const PARTS = [
    { from: -2, to: 1.25, at: 0, long: "image", short: "img", tone: 0 },
    { from: 1.25, to: 5, at: 2.5, long: "embedding", short: "emb", tone: 1 },
    { from: 98.75, to: 102, at: 100, long: "projection", short: "proj", tone: 0 },
    { from: 98.75, to: 102, at: 100, long: "output", short: "out", tone: 0 },
  ];
  const partsOf = (panel) => {
    const drawn = panel.series.filter((s) => s.kind !== "line");
    const stages = new Set(drawn.flatMap((s) => s.points.map((p) => p.stage)));
    const parts = PARTS.filter((part) => stages.has(part.long));
    // Models that end with a projection, and others without one, in one panel.
    return parts.filter((part) => part.long !== "output" || !stages.has("projection"));
  };

  const curves = (panel, width, height) => {
    const g = svg("g", {});
    const [low, high] = panel.range;
    const [from, to] = panel.depths;
    const top = 40, bottom = height - 52 - panel.noteRoom;
    const yTicks = page.ticks(low, high, (bottom - top) / 48)
      .filter((t) => t.value >= low && t.value <= high);
    const left = 26 + Math.max(...yTicks.map((t) => page.textWidth(t.text, 12)), 10);
    const right = width - 14;
    const edge = (to - from) * 0.02;
    const x = (depth) => left + (right - left) * (depth - from + edge) / (to - from + 2 * edge);
    const y = (value) => bottom - (bottom - top) * (value - low) / (high - low);
    head(g, panel, left, right - left);

    const parts = partsOf(panel).filter((part) => part.at >= from && part.at <= to);
    for (const part of parts) {
      const [a, b] = [Math.max(x(part.from), left), Math.min(x(part.to), right)];
      g.append(svg("rect", { x: n(a), y: top, width: n(b - a), height: n(bottom - top),
        fill: REGIONS[part.tone], class: part.tone === 0 ? "part" : "light" }));
    }
    for (const tick of yTicks) {
      g.append(line(left, y(tick.value), right, y(tick.value), "grid", GRID),
        text(left - 6, y(tick.value) + 4, tick.text, { anchor: "end" }));
    }

    for (const ceiling of panel.ceilings) {
      if (ceiling.low !== null && ceiling.low !== undefined && panel.bands !== "none") {
        const [a, b] = [y(within(panel, ceiling.high)), y(within(panel, ceiling.low))];
        g.append(svg("rect", { x: n(left), y: n(a), width: n(right - left), height: n(b - a),
          fill: INK, "fill-opacity": 0.1, class: "ink" }));
      }
      g.append(line(left, y(ceiling.value), right, y(ceiling.value), "line-ink ceiling", INK, 1.6));
    }
    if (panel.chance !== null) {
      g.append(line(left, y(panel.chance), right, y(panel.chance), "stroke chance", CHANCE, 1.2,
        { "stroke-dasharray": "6 5", style: "--dark:#9aa3ae" }));
    }

    const hits = [];
    const many = panel.series.filter((s) => s.kind === "curve").length;
    const r = many <= 4 ? 3.8 : many <= 10 ? 3 : many <= 24 ? 2.2 : 1.6;
    const thin = many <= 10 ? 1 : 0.8;
    const shade = many <= 1 ? 0.18 : many === 2 ? 0.14 : 0.1;
    const groups = panel.series.map((s, index) => {
      const own = svg("g", { class: `series ${s.kind}`, "data-model": s.model,
        "data-distance": s.distance, "data-dataset": s.dataset });
      const places = s.points.map((p) => [x(p.depth), y(p.value)]);
      if (s.kind === "line") {
        const at = y(s.points[0].value);
        own.append(path(s, `M${n(left)} ${n(at)}H${n(right)}`, 1.7));
        const middle = (left + right) / 2;
        hits.push({ series: s, index, point: s.points[0], x: middle, y: at, wide: true });
        return own;
      }
      const known = s.points.filter((p) => p.low !== null && p.high !== null);
      if (panel.bands !== "none" && known.length > 1 && s.kind === "curve") {
        const upper = known.map((p) => `${n(x(p.depth))} ${n(y(within(panel, p.high)))}`);
        const lower = known.map((p) => `${n(x(p.depth))} ${n(y(within(panel, p.low)))}`);
        own.append(panel.bands === "fill"
          ? svg("path", { d: `M${upper.join("L")}L${lower.reverse().join("L")}Z`,
            fill: s.light, "fill-opacity": shade, class: "fill band", style: dark(s) })
          : svg("path", { d: `M${upper.join("L")}M${lower.join("L")}`, fill: "none",
            stroke: s.light, "stroke-width": 0.8, "stroke-opacity": 0.5,
            class: "stroke band", style: dark(s) }));
      } else if (panel.bands !== "none") {
        for (const p of known) {
          own.append(line(x(p.depth), y(within(panel, p.low)), x(p.depth), y(within(panel, p.high)),
            "stroke band", s.light, 1.6, { style: dark(s) }));
        }
      }
      if (places.length > 1) {
        own.append(path(s, `M${places.map((p) => p.map(n).join(" ")).join("L")}`,
          s.width * thin));
      }
      own.append(marks(s, places, s.kind === "dot" ? Math.max(r, 3) : r));
      s.points.forEach((point, i) => {
        hits.push({ series: s, index, point, x: places[i][0], y: places[i][1], wide: false });
      });
      return own;
    });
    // Lines across lie under the curves, single marks above them.
    const rank = { line: 0, curve: 1, dot: 2 };
    const order = panel.series.map((s, i) => i)
      .sort((a, b) => rank[panel.series[a].kind] - rank[panel.series[b].kind] || a - b);
    g.append(...order.map((i) => groups[i]));

    g.append(line(left, top, left, bottom, "axis", SOFT), line(left, bottom, right, bottom,
      "axis", SOFT));
    const wanted = Math.min(5, (right - left) / 50);
    for (const tick of page.ticks(from, to, wanted)) {
      g.append(line(x(tick.value), bottom, x(tick.value), bottom + 4, "axis", SOFT),
        text(x(tick.value), bottom + 31, tick.text, { anchor: "middle" }));
    }
    regionNames(g, parts, x, left, right, bottom, panel);
    g.append(text((left + right) / 2, bottom + 46, "depth (%)", { anchor: "middle", soft: true }),
      text(13, (top + bottom) / 2, page.fit(panel.axis, 12, bottom - top + 40),
        { anchor: "middle", soft: true, rotate: true }));
    noteAt(g, panel, right, bottom + 62, right);
    return { g, hits, groups, box: { left, right, top, bottom } };
  };

  const regionNames = (g, parts, x, left, right, bottom, panel) => {
    const long = right - left > 300;
    const y = bottom + 17;
    const name = (part) => (long ? part.long : part.short);
    let next = left - 4, end = right + 4;
    for (const part of parts.filter((p) => p.at < 50)) {
      const wide = page.textWidth(name(part), 10);
      const at = Math.max(next, Math.min(x(part.at) - wide / 2, right - wide));
      g.append(text(at, y, name(part), { size: 10, soft: true }),
        line(x(part.at), bottom + 1, Math.min(at + wide / 2, at + 14), bottom + 8, "axis", SOFT,
          0.6));
      next = at + wide + 8;
    }
    const projection = parts.find((part) => part.at > 50);
    if (projection !== undefined) {
      end -= page.textWidth(name(projection), 10);
      g.append(text(end, y, name(projection), { size: 10, soft: true }));
    }
    const blocks = panel.series.some((s) => s.points.some((p) => p.stage.startsWith("block ")));
    const room = end - next;
    if (blocks && room > 44) {
      g.append(text((next + end) / 2, y, "blocks", { size: 10, soft: true, anchor: "middle" }));
    }
  };

  const height = (panel, width) => {
    const most = width > 560 ? 430 : 340;
    return Math.round(Math.min(Math.max(width * 0.78, 270), most)) + panel.noteRoom;
  };
  page.kinds.curves = { draw: curves, height, leastWidth: 270 };
})();
