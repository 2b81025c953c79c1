// From what is chosen to what is drawn: panels with their curves, axes and notes. Nothing here
// touches the page.
(() => {
  const data = page.data;
  if (data === null) return;

  // Measures whose values compare between data sets.
  const ON_ONE_AXIS = ["bits", "explained"];
  const sorted = (set) => [...set].sort((a, b) => a - b);
  const isLine = (curve) => data.models[curve.model].kind === "baseline"
    && curve.points.length === 1;
  const isDot = (curve) => data.models[curve.model].kind === "pixels"
    || (curve.distance === null && curve.points.length === 1 && !isLine(curve));

  const measureOf = (state, dataset) => (state.measure === "main"
    ? data.mainMeasureOf(dataset)
    : data.measures.findIndex((measure) => measure.name === state.measure));
  const chosenDistances = (state) =>
    data.distanceOrder.filter((distance) => state.distances.has(distance));

  // The chosen curves of a data set, cut to the chosen depths, in the order of the models.
  const chosen = (state, dataset) => {
    const measure = measureOf(state, dataset);
    if (measure < 0) return [];
    const order = chosenDistances(state);
    const curves = data.curvesOf(dataset, measure)
      .filter((curve) => state.models.has(curve.model))
      .filter((curve) => curve.distance === null || state.distances.has(curve.distance))
      .map((curve) => ({
        ...curve,
        points: isLine(curve) || state.view === "stage"
          ? curve.points
          : curve.points.filter((p) => p.depth >= state.from && p.depth <= state.to),
      }))
      .filter((curve) => curve.points.length > 0);
    const rank = (curve) => (curve.distance === null ? -1 : order.indexOf(curve.distance));
    return curves.sort((a, b) => a.model - b.model || rank(a) - rank(b));
  };

  // How a curve looks.
  const looks = (curve, asDataset) => {
    const model = data.models[curve.model];
    const distance = curve.distance === null ? null : data.distances[curve.distance];
    const colours = asDataset ? data.colourOf(curve.dataset) : model;
    return {
      curve,
      model: curve.model,
      distance: curve.distance,
      dataset: curve.dataset,
      kind: isLine(curve) ? "line" : isDot(curve) ? "dot" : "curve",
      light: colours.light,
      dark: colours.dark,
      dashes: isLine(curve) ? model.dashes ?? [10, 3] : distance?.dashes ?? null,
      mark: isDot(curve) ? "diamond" : isLine(curve) ? "bar" : distance?.mark ?? "circle",
      hollow: model.kind === "control",
      width: model.kind === "control" ? 1.3 : 1.9,
      points: curve.points,
    };
  };

  // What layouts a view has.
  page.layoutsOf = (state) => {
    if (state.view === "map") return ["distance"];
    if (state.view === "stage") return ["dataset", "distance"];
    return ["dataset", "distance", "model", "levels"];
  };
  page.resolvedLayout = (state) => {
    const possible = page.layoutsOf(state);
    if (possible.includes(state.layout)) return state.layout;
    if (state.view === "map") return "distance";
    const datasets = sorted(state.datasets);
    const name = state.measure;
    const withStages = [...state.models].filter((model) => data.manyStages.has(model)).length;
    if (state.view === "curves" && ON_ONE_AXIS.includes(name)
      && datasets.length > 1 && withStages > 0 && withStages <= 12) return "levels";
    const most = Math.max(0, ...datasets.map((dataset) =>
      chosen(state, dataset).filter((curve) => !isLine(curve) && !isDot(curve)).length));
    return most > 6 && state.distances.size > 1 && state.view === "curves"
      ? "distance" : "dataset";
  };

  const about = (dataset) => {
    const { level, trials } = data.datasets[dataset];
    const told = level ? `${page.levelName(level)} · ` : "";
    return `${told}${page.count(trials, "trial")}`;
  };

  // The least and the greatest value to be shown.
  const extent = (all, intervals) => {
    let low = Infinity, high = -Infinity;
    for (const { points } of all) {
      for (const p of points) {
        low = Math.min(low, p.value, intervals ? p.low ?? p.value : p.value);
        high = Math.max(high, p.value, intervals ? p.high ?? p.value : p.value);
      }
    }
    if (low > high) return null;
    if (high - low < 1e-6) return [low - 0.05, high + 0.05];
    return [low, high];
  };
  // Takes in chance and ceilings that are near; says the others in a note.
  const withReferences = (range, chance, ceilings) => {
    let [low, high] = range;
    const span = Math.max(high - low, 1e-9);
    const notes = new Map(), shownCeilings = [];
    let shownChance = null;
    for (const ceiling of ceilings) {
      const grown = Math.max(high, ceiling.value) - Math.min(low, ceiling.value);
      if (grown <= 2.2 * span) {
        shownCeilings.push(ceiling);
        low = Math.min(low, ceiling.value);
        high = Math.max(high, ceiling.value);
      } else {
        const where = ceiling.value > high ? "above" : "below";
        notes.set(ceiling, `${ceiling.label} ${page.short(ceiling.value)} (${where})`);
      }
    }
    if (chance !== null) {
      const grown = Math.max(high, chance) - Math.min(low, chance);
      if (grown <= 1.5 * (high - low)) {
        shownChance = chance;
        low = Math.min(low, chance);
        high = Math.max(high, chance);
      } else {
        const where = chance > high ? "above" : "below";
        notes.set(chance, `chance ${page.short(chance)} (${where})`);
      }
    }
    const edge = 0.04 * (high - low);
    const padded = [low - edge, high + edge];
    return { range: padded, chance: shownChance, ceilings: shownCeilings, notes };
  };

  // 1 if more is better, else -1.
  const signOf = (curve) => (data.measures[curve.measure].less_is_better ? -1 : 1);
  // The point of a curve that stands for it in a ranking; null if it has none there.
  const pointAt = (state, curve) => {
    if (curve.points.length === 1 && !data.manyStages.has(curve.model)) return curve.points[0];
    if (state.stage === "last") return curve.points.at(-1);
    if (state.stage === "peak") {
      const sign = signOf(curve);
      return curve.points.reduce((best, p) => (sign * p.value > sign * best.value ? p : best));
    }
    return curve.points.find((p) => `at ${p.stage}` === state.stage) ?? null;
  };

  // All that is drawn for a state:
  // { view, layout, title, notes, groups: [{ title, distance, panels }], legend, curves, rows }
  page.viewOf = (state) => {
    const layout = page.resolvedLayout(state);
    const distances = chosenDistances(state);
    const notes = [], groups = [];
    const empty = [];
    const sets = [];
    for (const dataset of sorted(state.datasets)) {
      const measure = measureOf(state, dataset);
      const curves = chosen(state, dataset);
      if (measure < 0 || data.curvesOf(dataset, measure).length === 0) empty.push(dataset);
      else sets.push({ dataset, measure, curves });
    }
    if (empty.length > 0 && sets.length > 0) {
      const which = empty.map((dataset) => data.datasets[dataset].name).join(", ");
      notes.push(`${which} ${empty.length === 1 ? "has" : "have"} no score by this measure.`);
    }

    const panel = (set, all, more) => ({
      dataset: set.dataset,
      measure: set.measure,
      title: data.datasets[set.dataset].name,
      subtitle: about(set.dataset),
      axis: data.measures[set.measure].axis,
      series: all,
      ...more,
    });

    if (state.view === "stage") {
      rankings(state, layout, distances, sets, groups, panel);
      if (state.stage === "peak") {
        notes.push("A peak is the best of several scores, and so a little too good.");
      }
    } else if (state.view === "map") {
      maps(distances, sets, groups, panel);
    } else if (layout === "levels") {
      levels(distances, sets, groups, panel, notes);
    } else {
      curvePanels(layout, distances, sets, groups, panel);
    }
    scale(state, layout, groups);
    const panels = groups.flatMap((group) => group.panels);
    const inSight = new Set(panels.flatMap((p) => p.series.map((s) => s.curve)));
    return {
      state, layout, notes, groups,
      view: state.view,
      title: page.titleOf(state, panels, distances),
      legend: page.legendOf(state, layout, groups, panels),
      curves: inSight.size,
      rows: page.rowsOf(panels),
    };
  };

  const group = (title, panels, more = {}) => ({ title, panels, ...more });

  const curvePanels = (layout, distances, sets, groups, panel) => {
    const all = (set) => set.curves.map((curve) => looks(curve, false));
    if (layout === "dataset") {
      const panels = sets.map((set) => panel(set, all(set)));
      groups.push(group(null, panels.filter((p) => p.series.length > 0)));
    } else if (layout === "distance") {
      for (const distance of distances) {
        const of = (s) => s.distance === distance || s.distance === null;
        const panels = sets.map((set) => panel(set, all(set).filter(of), { distance }));
        const some = panels.filter((p) => p.series.some((s) => s.distance === distance));
        groups.push(group(data.distances[distance].name, some, { distance }));
      }
      if (groups.every((g) => g.panels.length === 0)) {
        groups.length = 0;
        const panels = sets.map((set) => panel(set, all(set)));
        groups.push(group(null, panels.filter((p) => p.series.length > 0)));
      }
    } else {
      const models = new Set(sets.flatMap((set) => set.curves)
        .filter((curve) => !isLine(curve) && !isDot(curve)).map((curve) => curve.model));
      for (const model of sorted(models)) {
        const of = (s) => s.model === model || s.kind !== "curve";
        const panels = sets.map((set) => panel(set, all(set).filter(of), { model }));
        const some = panels.filter((p) => p.series.some((s) => s.model === model));
        groups.push(group(data.models[model].short, some, { model }));
      }
    }
  };

  // A panel for each model, a line for each data set; of several distances, a row for each.
  const levels = (distances, sets, groups, panel, notes) => {
    const curves = sets.flatMap((set) => set.curves);
    const pixels = curves.filter(isDot).map((curve) => looks(curve, true));
    const encoders = curves.filter((curve) => !isLine(curve) && !isDot(curve));
    const used = distances.filter((distance) => encoders.some((c) => c.distance === distance));
    for (const distance of used.length > 1 ? used : [null]) {
      const here = encoders.filter((c) => distance === null || c.distance === distance);
      const panels = sorted(new Set(here.map((curve) => curve.model))).map((model) => {
        const own = here.filter((curve) => curve.model === model);
        const set = sets.find(({ dataset }) => dataset === own[0].dataset);
        const { kind, short } = data.models[model];
        return {
          ...panel(set, [...pixels, ...own.map((curve) => looks(curve, true))]),
          dataset: null,
          model,
          title: short,
          subtitle: kind === "control" && !short.includes("untrained") ? "untrained control" : "",
        };
      });
      groups.push(distance === null ? group(null, panels)
        : group(data.distances[distance].name, panels, { distance }));
    }
    const measures = new Set(sets.map((set) => set.measure));
    if (measures.size > 1) {
      notes.push("The data sets have different measures: the heights of their lines do not "
        + "compare.");
    }
    if (curves.some(isLine)) notes.push("Baselines are left out of this layout.");
  };

  const rankings = (state, layout, distances, sets, groups, panel) => {
    const rank = (set, keep, more) => {
      const all = set.curves.map((curve) => looks(curve, false)).filter(keep)
        .map((s) => ({ ...s, points: [pointAt(state, s.curve)].filter((p) => p !== null) }))
        .filter((s) => s.points.length > 0);
      const rows = new Map();
      for (const s of all) {
        if (!rows.has(s.model)) rows.set(s.model, []);
        rows.get(s.model).push(s);
      }
      const order = (own) => Math.min(...own.map((s) =>
        (s.distance === null ? -1 : distances.indexOf(s.distance))));
      // By the first of the distances; models that lack it stand where their own score is.
      const key = (own) => own.find((s) => s.distance === null
        || distances.indexOf(s.distance) === order(own)).points[0].value
        * signOf(own[0].curve);
      const ranked = [...rows.entries()].sort((a, b) => key(b[1]) - key(a[1]) || a[0] - b[0]);
      return panel(set, ranked.flatMap(([, own]) => own), {
        ...more, rowOrder: ranked.map(([model]) => model),
      });
    };
    if (layout === "dataset") {
      const panels = sets.map((set) => rank(set, () => true, {}));
      groups.push(group(null, panels.filter((p) => p.series.length > 0)));
    } else {
      for (const distance of distances) {
        const of = (s) => s.distance === null || s.distance === distance;
        const panels = sets.map((set) => rank(set, of, { distance }));
        const some = panels.filter((p) => p.series.some((s) => s.distance === distance));
        groups.push(group(data.distances[distance].name, some, { distance }));
      }
    }
  };

  const maps = (distances, sets, groups, panel) => {
    for (const distance of distances) {
      const panels = sets.map((set) => {
        const all = set.curves.map((curve) => looks(curve, false))
          .filter((s) => s.distance === distance || s.distance === null);
        // What has one value for the whole of a model stands below.
        const order = [...all.filter((s) => s.kind === "curve"),
          ...all.filter((s) => s.kind !== "curve")];
        return panel(set, order, { distance });
      });
      const some = panels.filter((p) => p.series.some((s) => s.distance === distance));
      groups.push(group(data.distances[distance].name, some, { distance }));
    }
  };

  // Axes: one for all panels of a data set, or of all panels that show several data sets.
  const scale = (state, layout, groups) => {
    const panels = groups.flatMap((g) => g.panels);
    for (const p of panels) {
      const n = p.series.filter((s) => s.kind === "curve").length;
      p.bands = !state.intervals || !p.series.some((s) => s.points.some((q) => q.low !== null))
        ? "none"
        : state.view === "stage" ? "whiskers" : n <= 4 ? "fill" : n <= 8 ? "outline" : "none";
    }
    const together = new Map();
    for (const p of panels) {
      const key = layout === "levels" || ON_ONE_AXIS.includes(state.measure)
        ? `m${p.measure}` : `${p.dataset}`;
      if (!together.has(key)) together.set(key, []);
      together.get(key).push(p);
    }
    for (const some of together.values()) {
      const intervals = state.view !== "map" && some.some((p) => p.bands !== "none");
      const range = extent(some.flatMap((p) => p.series), intervals);
      const bare = state.view === "map";
      const ceilings = bare || layout === "levels" ? []
        : some.flatMap((p) => data.ceilingsOf(p.dataset, p.measure));
      const chances = bare ? [null] : some.map((p) =>
        data.chanceOf(p.dataset ?? p.series[0].dataset, p.measure));
      const chance = chances.every((c) => c === chances[0]) ? chances[0] : null;
      const found = withReferences(range, chance, [...new Set(ceilings)]);
      for (const p of some) {
        const own = bare || layout === "levels" ? [] : data.ceilingsOf(p.dataset, p.measure);
        p.range = bare ? range : found.range;
        p.chance = found.chance;
        p.ceilings = found.ceilings.filter((ceiling) => own.includes(ceiling));
        p.note = [...own, chance].map((of) => found.notes.get(of)).filter((n) => n).join(" · ");
        p.depths = [state.from, state.to];
      }
    }
    // Panels side by side are of one height: a note in one makes room in all.
    const some = panels.some((p) => p.note !== "");
    for (const p of panels) p.noteRoom = some ? 15 : 0;
  };

  // The curve of a series, the stage and the value, in words.
  page.told = (series, point) => {
    const { short } = data.models[series.model];
    const depth = series.kind === "curve" ? `, depth ${page.percent(point.depth)}` : "";
    const distance = series.distance === null ? "" : data.distances[series.distance].name;
    const measure = data.measures[series.curve.measure].label;
    return {
      model: short,
      dataset: data.datasets[series.dataset].name,
      where: `${point.stage}${depth}`,
      distance,
      measure,
      value: page.withInterval(point),
    };
  };
})();
