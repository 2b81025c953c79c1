// What is said of a view: its title, its legend, and the rows of its CSV file.
(() => {
  const data = page.data;
  if (data === null) return;

  const LEVELS = { low: "low level", middle: "middle level", high: "high level" };
  page.levelName = (level) => LEVELS[level] ?? level;
  const stageWords = (state) => (state.stage === "peak" ? "at its peak"
    : state.stage === "last" ? "at its last stage" : `at ${state.stage.slice(3)}`);
  const sorted = (set) => [...set].sort((a, b) => a - b);

  page.titleOf = (state, panels, distances) => {
    const all = panels.flatMap((p) => p.series);
    const models = new Set(all.map((s) => s.model));
    const used = distances.filter((d) => all.some((s) => s.distance === d));
    const what = state.view === "map" ? "Scores of all stages"
      : state.view === "stage" ? `Scores of each model ${stageWords(state)}`
        : "Score against depth";
    const measures = [...new Set(panels.map((p) => data.measures[p.measure].label))];
    const by = measures.length === 0 ? "" : ` (${measures.join(", ")})`;
    const encoders = [...models].filter((model) =>
      !["pixels", "baseline"].includes(data.models[model].kind));
    const [one] = encoders.length === 0 ? models : encoders;
    const whom = encoders.length > 1 ? page.count(encoders.length, "model")
      : encoders.length === 0 && models.size > 1 ? page.count(models.size, "baseline")
        : one === undefined ? "nothing chosen" : data.models[one].short;
    const distance = used.length === 1 ? `, ${data.distances[used[0]].name}` : "";
    return `${what}${by}: ${whom}${distance}`;
  };

  page.legendOf = (state, layout, groups, panels) => {
    const all = panels.flatMap((p) => p.series);
    const entries = [];
    if (layout === "levels") {
      for (const dataset of new Set(all.map((s) => s.dataset))) {
        const { name, level } = data.datasets[dataset];
        const text = level ? `${name} (${page.levelName(level)})` : name;
        entries.push({ kind: "dataset", text, ...data.colourOf(dataset), line: true });
      }
    } else if (state.view !== "map") {
      for (const model of sorted(new Set(all.map((s) => s.model)))) {
        const look = all.find((s) => s.model === model);
        const text = data.models[model].short;
        const line = state.view === "curves" && look.kind !== "dot";
        const mark = look.kind === "line" && state.view === "curves" ? null
          : look.kind === "curve" ? "circle" : look.mark;
        const dashes = look.kind === "line" ? look.dashes : null;
        entries.push({
          kind: "model", model, text, light: look.light, dark: look.dark,
          line, mark, dashes, hollow: look.hollow, width: look.width,
        });
      }
    }
    if (state.view !== "map") {
      const used = data.distanceOrder.filter((d) => all.some((s) => s.distance === d));
      if (groups.every((g) => g.distance === undefined) || used.length === 1) {
        for (const distance of used) {
          const { name, mark, dashes } = data.distances[distance];
          const line = state.view === "curves";
          entries.push({ kind: "distance", text: name, ink: true, mark, dashes, line });
        }
      }
      if (all.some((s) => s.hollow)) {
        entries.push({
          kind: "control", text: "hollow: untrained control", ink: true, mark: "circle",
          hollow: true, line: state.view === "curves", width: 1.3,
        });
      }
      if (layout === "levels" && all.some((s) => s.kind === "dot")) {
        entries.push({ kind: "pixels", text: "pixels", ink: true, mark: "diamond" });
      }
      for (const label of new Set(panels.flatMap((p) => p.ceilings.map((c) => c.label)))) {
        entries.push({ kind: "ceiling", text: label, ink: true, line: true, width: 1.6 });
      }
      if (panels.some((p) => p.chance !== null)) {
        entries.push({
          kind: "chance", text: "chance", light: "#6e6e6e", dark: "#9aa3ae", line: true,
          dashes: [6, 5], width: 1.2,
        });
      }
      const bands = new Set(panels.map((p) => p.bands));
      const words = [["fill", "band: 95 % interval"], ["outline", "thin lines: 95 % interval"],
        ["whiskers", "whiskers: 95 % interval"]];
      for (const [kind, text] of words) {
        if (bands.has(kind)) entries.push({ kind: "interval", text, interval: kind });
      }
      if (state.intervals && bands.has("none") && state.view === "curves"
        && all.some((s) => s.points.some((p) => p.low !== null))) {
        entries.push({ kind: "words", text: "intervals are not drawn where curves are many" });
      }
    } else {
      if (all.some((s) => s.kind !== "curve")) {
        entries.push({ kind: "words", text: "pixels and baselines have one value each" });
      }
      if (all.some((s) => s.hollow)) {
        entries.push({ kind: "words", text: "○ untrained control" });
      }
    }
    return entries;
  };

  page.rowsOf = (panels) => {
    const head = ["dataset", "model", "distance", "measure", "stage", "depth_percent", "value",
      "ci_low", "ci_high"];
    const seen = new Map();
    for (const { series } of panels) {
      for (const s of series) {
        if (!seen.has(s.curve)) seen.set(s.curve, s.points);
      }
    }
    const rows = [];
    for (const [curve, points] of seen) {
      for (const p of points) {
        rows.push([
          data.datasets[curve.dataset].name, data.models[curve.model].name,
          curve.distance === null ? "" : data.distances[curve.distance].name,
          data.measures[curve.measure].name, p.stage, p.depth, p.value, p.low, p.high,
        ]);
      }
    }
    return [head, ...rows];
  };
})();
