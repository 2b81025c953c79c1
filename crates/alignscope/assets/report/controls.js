// The explorer's choosers: they change the state and say so.
(() => {
  const data = page.data;
  if (data === null) return;
  const { html, svg } = page;

  const swatch = (model) => {
    const { kind, light, dark, dashes } = data.models[model];
    const line = kind !== "pixels";
    const mark = { pixels: "diamond", baseline: null }[kind];
    const entry = {
      light, dark, line, mark: mark === undefined ? "circle" : mark,
      dashes: kind === "baseline" ? dashes ?? [10, 3] : null, hollow: kind === "control",
      width: kind === "control" ? 1.3 : 1.9,
    };
    return svg("svg", { class: "sample", viewBox: "0 0 36 16", "aria-hidden": "true" },
      page.sample(entry));
  };
  const distanceSwatch = (distance) => {
    const { mark, dashes } = data.distances[distance];
    return svg("svg", { class: "sample", viewBox: "0 0 36 16", "aria-hidden": "true" },
      page.sample({ ink: true, mark, dashes, line: true }));
  };

  // A fieldset of check boxes for a set of numbers.
  const boxes = (legend, name, items, state, changed) => {
    const inputs = new Map();
    const list = html("div", { class: "boxes" });
    for (const { value, text, title, sample } of items) {
      const input = html("input", {
        type: "checkbox", name, value, onchange: () => {
          if (input.checked) state()[name].add(value);
          else state()[name].delete(value);
          changed();
        },
      });
      inputs.set(value, input);
      list.append(html("label", { title: title ?? null }, input, sample ?? null,
        html("span", {}, text)));
    }
    const set = html("fieldset", { class: `choose ${name}` }, html("legend", {}, legend), list);
    const sync = () => {
      for (const [value, input] of inputs) input.checked = state()[name].has(value);
    };
    return { set, list, sync };
  };

  const modelBoxes = (state, changed) => {
    const items = data.models.map((model, i) => ({
      value: i, text: model.short, title: model.name, sample: swatch(i),
    }));
    const made = boxes("Models", "models", items, state, changed);
    const only = (keep) => () => {
      state().models = new Set(data.models.map((_, i) => i).filter((i) => keep(data.models[i])));
      changed();
    };
    const kinds = new Set(data.models.map((model) => model.kind));
    const buttons = [["all", "All", () => true], ["none", "None", () => false]];
    if (kinds.size > 1) {
      const names = [["model", "Models"], ["control", "Controls"], ["baseline", "Baselines"]];
      for (const [kind, name] of names) {
        if (kinds.has(kind)) buttons.push([kind, name, (model) => model.kind === kind]);
      }
    }
    if (data.models.length > 2) {
      const row = html("div", { class: "only", role: "group", "aria-label": "Choose only" });
      for (const [kind, name, keep] of buttons) {
        const label = { all: "All models and baselines", none: "No model" }[kind]
          ?? `Only ${name.toLowerCase()}`;
        row.append(html("button", { type: "button", "aria-label": label, onclick: only(keep) },
          name));
      }
      made.list.before(row);
    }
    if (data.models.length > 12) {
      const search = html("input", {
        type: "search", class: "find", placeholder: "Find a model", "aria-label": "Find a model",
        oninput: () => {
          const words = search.value.toLowerCase().split(/\s+/).filter((word) => word !== "");
          for (const label of made.list.children) {
            const name = `${label.textContent} ${label.title}`.toLowerCase();
            label.hidden = !words.every((word) => name.includes(word));
          }
        },
        onkeydown: (event) => {
          if (event.key !== "Escape") return;
          search.value = "";
          search.dispatchEvent(new Event("input"));
        },
      });
      made.list.before(search);
    }
    return made;
  };

  const depthFields = (state, changed) => {
    const field = (name, label, value) => {
      const input = html("input", {
        type: "number", min: 0, max: 100, step: 5, value, inputmode: "numeric", name,
        "aria-label": `${label} depth, in percent`,
        onchange: () => {
          const { from, to } = state();
          const entered = input.value === "" ? value
            : Math.min(Math.max(Number(input.value), 0), 100);
          const wanted = { from, to, [name]: entered };
          // A range that ends before it begins is not taken.
          if (wanted.from < wanted.to) Object.assign(state(), wanted);
          input.value = state()[name];
          changed();
        },
      });
      return input;
    };
    const from = field("from", "From", 0), to = field("to", "To", 100);
    const set = html("fieldset", { class: "choose depth" }, html("legend", {}, "Depth shown"),
      html("div", { class: "range" }, from, html("span", { "aria-hidden": "true" }, "to"), to,
        html("span", {}, "%")));
    const sync = () => {
      from.value = state().from;
      to.value = state().to;
      set.hidden = state().view === "stage";
    };
    return { set, sync };
  };

  const select = (label, name, options, state, changed) => {
    const input = html("select", { name, onchange: () => {
      state()[name] = input.value;
      changed();
    } });
    for (const [value, text] of options) input.append(html("option", { value }, text));
    const set = html("label", { class: `pick ${name}` }, html("span", {}, label), input);
    return { set, input, sync: () => { input.value = state()[name]; } };
  };

  // { aside, bar, sync }: the choosers beside the figure and above it. `state` gives the present
  // state, `changed` is told after each change.
  page.controls = (state, changed, reset) => {
    const parts = [modelBoxes(state, changed)];
    if (data.datasets.length > 1) {
      const items = data.datasets.map(({ name, level }, i) => ({
        value: i, text: level ? `${name} (${level})` : name,
      }));
      parts.push(boxes("Data sets", "datasets", items, state, changed));
    }
    if (data.distanceOrder.length > 1) {
      const items = data.distanceOrder.map((i) => ({
        value: i, text: data.distances[i].name, sample: distanceSwatch(i),
      }));
      parts.push(boxes("Distances", "distances", items, state, changed));
    }
    if (data.stages.length > 1) parts.push(depthFields(state, changed));
    const summary = html("summary", {}, "Choose what is shown");
    const aside = html("details", { class: "choosers" }, summary,
      html("div", { class: "sets" }, parts.map((part) => part.set)));
    // Beside the figure they are always open; above it, on a narrow screen, they are folded.
    const beside = matchMedia("(min-width: 60rem)");
    const fold = () => { aside.open = beside.matches; };
    beside.addEventListener("change", fold);
    fold();

    const views = html("fieldset", { class: "views" },
      html("legend", { class: "unseen" }, "View"));
    const radios = new Map();
    const names = [["curves", "Curves"], ["map", "Heat map"], ["stage", "One stage"]];
    for (const [value, text] of names) {
      const input = html("input", { type: "radio", name: "view", value, onchange: () => {
        state().view = value;
        changed();
      } });
      radios.set(value, input);
      views.append(html("label", {}, input, html("span", {}, text)));
    }

    const measures = [["main", "each data set's own"]];
    for (const i of data.measuresShown) {
      const { name, label } = data.measures[i];
      measures.push([name, name === "bits" && data.datasets.length > 1
        ? `${name}: levels on one axis` : label]);
    }
    const measure = select("Score", "measure", measures, state, changed);
    const layouts = [["auto", "automatic"], ["dataset", "data set"],
      ["distance", "data set × distance"], ["model", "data set × model"],
      ["levels", "model, data sets as lines"]];
    const layout = select("Panels", "layout", layouts, state, changed);
    const stages = [["peak", "at its peak"], ["last", "last stage"],
      ...data.stages.map((stage) => [`at ${stage}`, stage])];
    const stage = select("Stage", "stage", stages, state, changed);
    const intervals = html("input", { type: "checkbox", name: "intervals", onchange: () => {
      state().intervals = intervals.checked;
      changed();
    } });
    const toggle = html("label", { class: "toggle" }, intervals,
      html("span", {}, "95 % intervals"));
    const undo = html("button", { type: "button", class: "reset", onclick: reset }, "Reset");

    const bar = html("div", { class: "bar", role: "group", "aria-label": "How it is shown" },
      views, measure.set, stage.set, layout.set, toggle, undo);
    const sync = () => {
      for (const part of [...parts, measure, stage]) part.sync();
      for (const [value, input] of radios) input.checked = state().view === value;
      intervals.checked = state().intervals;
      stage.set.hidden = state().view !== "stage";
      toggle.hidden = state().view === "map";
      const possible = page.layoutsOf(state());
      layout.set.hidden = possible.length === 1;
      for (const option of layout.input.options) {
        option.hidden = option.disabled = option.value !== "auto"
          && !possible.includes(option.value);
      }
      const resolved = layouts.find(([value]) => value === page.resolvedLayout(state()))[1];
      layout.input.options[0].textContent = `automatic: ${resolved}`;
      layout.input.value = possible.includes(state().layout) ? state().layout : "auto";
      undo.disabled = page.toHash(state()) === "";
      summary.textContent = "Choose what is shown: "
        + `${state().models.size} of ${page.count(data.models.length, "model")}`;
    };
    return { aside, bar, sync };
  };
})();
