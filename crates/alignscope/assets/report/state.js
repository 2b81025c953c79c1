// What is chosen in the explorer, and how it stands in the page's address.
(() => {
  const data = page.data;
  if (data === null) return;

  const range = (n) => Array.from({ length: n }, (_, i) => i);
  const MANY = 20;
  page.defaults = () => {
    const many = data.manyStages.size > MANY;
    return {
      view: many ? "map" : "curves",
      models: new Set(range(data.models.length)),
      datasets: new Set(range(data.datasets.length)),
      distances: new Set(many ? data.distanceOrder.slice(0, 1) : data.distanceOrder),
      measure: "main",
      layout: "auto",
      stage: "peak",
      from: 0,
      to: 100,
      intervals: true,
      marked: new Set(),
    };
  };

  // {0, 1, 2, 5} is written 0-2.5
  const written = (set) => {
    const numbers = [...set].sort((a, b) => a - b);
    const parts = [];
    for (const n of numbers) {
      const last = parts.at(-1);
      if (last !== undefined && last[1] === n - 1) last[1] = n;
      else parts.push([n, n]);
    }
    return parts.map(([a, b]) => (a === b ? `${a}` : `${a}-${b}`)).join(".");
  };
  const read = (text, length) => {
    const set = new Set();
    for (const part of text.split(".")) {
      const found = /^(\d+)(?:-(\d+))?$/.exec(part);
      if (found === null) continue;
      const last = Math.min(Number(found[2] ?? found[1]), length - 1);
      for (let n = Number(found[1]); n <= last; n += 1) set.add(n);
    }
    return set;
  };

  // A sign of what the numbers in an address refer to: other models, other sign.
  const named = [data.models, data.datasets, data.distances, data.measures];
  let sign = 0;
  for (const letter of JSON.stringify(named.map((list) => list.map((item) => item.name)))) {
    sign = (Math.imul(sign, 31) + letter.codePointAt(0)) >>> 0;
  }
  sign = sign.toString(36);

  const SETS = [["m", "models"], ["d", "datasets"], ["k", "distances"], ["h", "marked"]];
  const VIEWS = ["curves", "map", "stage"];
  const LAYOUTS = ["auto", "dataset", "distance", "model", "levels"];

  // The state as the part of an address after #; empty for the default.
  page.toHash = (state) => {
    const base = page.defaults();
    const fields = [];
    if (state.view !== base.view) fields.push(["v", state.view]);
    for (const [key, name] of SETS) {
      if (written(state[name]) !== written(base[name])) fields.push([key, written(state[name])]);
    }
    if (state.measure !== base.measure) fields.push(["y", state.measure]);
    if (state.layout !== base.layout) fields.push(["l", state.layout]);
    if (state.stage !== base.stage) fields.push(["s", state.stage]);
    if (state.from !== base.from || state.to !== base.to) {
      fields.push(["x", `${state.from}-${state.to}`]);
    }
    if (!state.intervals) fields.push(["i", "0"]);
    if (fields.length === 0) return "";
    return `view=${sign}&${new URLSearchParams(fields)}`;
  };
  // The state of an address; null if it is no view, undefined if it is one of another page.
  page.fromHash = (hash) => {
    if (!hash.startsWith("#view=")) return null;
    const fields = new URLSearchParams(hash.slice(1));
    if (fields.get("view") !== sign) return undefined;
    const state = page.defaults();
    const of = (key, allowed) => (allowed.includes(fields.get(key)) ? fields.get(key) : null);
    const lengths = {
      models: data.models.length, marked: data.models.length,
      datasets: data.datasets.length, distances: data.distances.length,
    };
    for (const [key, name] of SETS) {
      if (fields.has(key)) state[name] = read(fields.get(key), lengths[name]);
    }
    state.view = of("v", VIEWS) ?? state.view;
    state.layout = of("l", LAYOUTS) ?? state.layout;
    state.measure = of("y", data.measures.map((measure) => measure.name)) ?? state.measure;
    state.stage = of("s", ["peak", "last", ...data.stages.map((s) => `at ${s}`)]) ?? state.stage;
    const depths = /^([\d.]+)-([\d.]+)$/.exec(fields.get("x") ?? "");
    if (depths !== null) {
      const [from, to] = depths.slice(1).map((text) => Math.min(Number(text), 100));
      if (from < to) Object.assign(state, { from, to });
    }
    state.intervals = fields.get("i") !== "0";
    return state;
  };
})();
