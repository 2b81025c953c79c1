// The numbers of the run, as the page holds them, with what is looked up often.
(() => {
  const holder = document.getElementById("run-data");
  let data = null;
  try {
    data = holder === null ? null : JSON.parse(holder.textContent);
  } catch (error) {
    console.error("the numbers of this page cannot be read", error);
  }
  page.data = data;
  if (data === null) return;

  const curves = data.curves.map((curve) => ({
    ...curve,
    points: curve.points
      .map(([stage, depth, value, low, high]) => ({
        stage, depth, value, low: low ?? null, high: high ?? null,
      }))
      .filter((point) => Number.isFinite(point.value)),
  })).filter((curve) => curve.points.length > 0);
  const byPlace = new Map();
  for (const curve of curves) {
    const place = `${curve.dataset} ${curve.measure}`;
    if (!byPlace.has(place)) byPlace.set(place, []);
    byPlace.get(place).push(curve);
  }
  // The curves of a data set by a measure, both by number.
  data.curvesOf = (dataset, measure) => byPlace.get(`${dataset} ${measure}`) ?? [];

  data.mainMeasureOf = (dataset) => {
    const name = data.datasets[dataset].main_measure;
    return data.measures.findIndex((measure) => measure.name === name);
  };
  const chances = new Map(data.chance.map((c) => [`${c.dataset} ${c.measure}`, c.value]));
  data.chanceOf = (dataset, measure) =>
    chances.get(`${dataset} ${measure}`) ?? data.measures[measure].chance ?? null;
  data.ceilingsOf = (dataset, measure) => {
    const all = data.datasets[dataset].ceilings ?? [];
    return all.filter((c) => c.measure === data.measures[measure].name);
  };

  // The main distance first, the others in their order.
  const main = data.distances.findIndex((d) => d.name === data.main_distance);
  const others = data.distances.keys();
  const used = new Set(curves.map((curve) => curve.distance));
  data.distanceOrder = [...(main < 0 ? [] : [main]), ...[...others].filter((d) => d !== main)]
    .filter((d) => used.has(d));
  data.mainDistance = data.distanceOrder[0] ?? null;
  data.measuresShown = data.measures.map((_, i) => i)
    .filter((i) => curves.some((curve) => curve.measure === i));
  data.manyStages = new Set(curves.filter((c) => c.points.length > 1).map((c) => c.model));

  // All stages, from the first to the last.
  const stages = new Map();
  for (const curve of curves) {
    if (!data.manyStages.has(curve.model)) continue;
    for (const { stage, depth } of curve.points) {
      const known = stages.get(stage) ?? { stage, sum: 0, n: 0 };
      known.sum += depth;
      known.n += 1;
      stages.set(stage, known);
    }
  }
  const number = (stage) => Number(/^block (\d+)$/.exec(stage)?.[1] ?? 0);
  data.stages = [...stages.values()]
    .sort((a, b) => (number(a.stage) && number(b.stage)
      ? number(a.stage) - number(b.stage) : a.sum / a.n - b.sum / b.n))
    .map((known) => known.stage);

  // Lines of data sets in one panel: their colours do not depend on what is chosen.
  const COLOURS = [
    ["#0b4f9e", "#79b0ff"], ["#c2410c", "#ff9a5c"], ["#0f766e", "#4fd1c1"],
    ["#7e22ce", "#c9a0ff"], ["#a16207", "#e6c04a"], ["#be185d", "#ff8dbd"],
  ];
  data.colourOf = (dataset) => {
    const [light, dark] = COLOURS[dataset % COLOURS.length];
    return { light, dark };
  };
})();
