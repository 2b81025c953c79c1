// Where two models disagree: a pair of models, a data set, and trials on which they differ.
(() => {
  const data = page.data;
  const place = document.getElementById("disagree");
  if (data === null || place === null) return;
  const { html } = page;
  const entries = data.disagreements ?? [];

  const select = (label, values, text) => {
    const input = html("select", {});
    for (const value of values) input.append(html("option", { value }, text(value)));
    return { input, set: html("label", { class: "pick" }, html("span", {}, label), input) };
  };
  const unique = (values) => [...new Set(values)].sort((a, b) => a - b);
  const short = (model) => data.models[model].short;

  // What is said of the image that most people chose.
  const chosenName = (role) => {
    const whom = data.simulated ? "the observer" : "most";
    return ["left", "right"].includes(role) ? `chosen by ${whom}` : `the odd one for ${whom}`;
  };
  const picture = (image) => {
    const uri = image.thumb === null || image.thumb === undefined ? undefined
      : data.images[image.thumb];
    return html("figure", { class: image.chosen ? "chosen" : null },
      uri === undefined ? html("div", { class: "absent" }, "image not shown")
        : html("img", { src: uri, alt: image.id, loading: "lazy", decoding: "async" }),
      html("figcaption", {}, image.role ?? "",
        image.chosen ? `${image.role ? " · " : ""}${chosenName(image.role)}` : "",
        html("span", { class: "id" }, image.id)));
  };
  const card = (trial, a, b) => {
    const answer = ([model, text, agrees]) => html("li", {},
      agrees === true ? html("span", { class: "yes" }, "agrees")
        : agrees === false ? html("span", { class: "no" }, "differs") : null,
      ` ${short(model)}: ${text}`);
    // The two models, in the order in which they are named above.
    const order = (entry) => (entry[0] === a ? 0 : entry[0] === b ? 1 : 2);
    const answers = [...trial.answers].sort((x, y) => order(x) - order(y));
    return html("article", { class: "card" }, html("h4", {}, trial.title),
      html("div", { class: "images" }, trial.images.map(picture)),
      html("p", {}, trial.people), html("ul", { class: "answers" }, answers.map(answer)));
  };

  const groupsOf = (entry, a, b) => {
    const right = (trial, model) =>
      trial.answers.find((answer) => answer[0] === model)?.[2] ?? null;
    const agree = `with ${data.people}`;
    const groups = [
      { title: `${short(a)} agrees ${agree}, ${short(b)} does not`, trials: [] },
      { title: `${short(b)} agrees ${agree}, ${short(a)} does not`, trials: [] },
      { title: `Neither agrees ${agree}`, trials: [] },
      { title: "Where they differ most", trials: [] },
    ];
    for (const trial of entry.trials) {
      const [x, y] = [right(trial, a), right(trial, b)];
      const group = x === null || y === null || (x && y) ? 3 : x ? 0 : y ? 1 : 2;
      groups[group].trials.push(trial);
    }
    return groups.filter((group) => group.trials.length > 0);
  };

  page.parts.push(() => {
    if (entries.length === 0) {
      place.replaceChildren(html("p", {}, "This page has no trials of two models to lay side by "
        + "side."));
      return;
    }
    const models = unique(entries.flatMap((entry) => [entry.a, entry.b]));
    const first = select("First model", models, short);
    const second = select("Second model", models, short);
    const sets = unique(entries.map((entry) => entry.dataset));
    const dataset = select("Data set", sets, (d) => {
      const { name, level } = data.datasets[d];
      return level ? `${name} (${level})` : name;
    });
    first.input.value = entries[0].a;
    second.input.value = entries[0].b;
    dataset.input.value = entries[0].dataset;
    const sentence = html("p", { role: "status", "aria-live": "polite", class: "said" });
    const trials = html("div", {});
    const show = () => {
      const [a, b, d] = [first, second, dataset].map(({ input }) => Number(input.value));
      const of = (entry) => entry.dataset === d
        && ((entry.a === a && entry.b === b) || (entry.a === b && entry.b === a));
      const entry = entries.find(of);
      trials.replaceChildren();
      if (a === b) {
        sentence.textContent = "These are the same model: choose two.";
        return;
      }
      if (entry === undefined) {
        sentence.textContent = `The page has no trials of ${short(a)} and ${short(b)} on `
          + `${data.datasets[d].name}.`;
        return;
      }
      const groups = groupsOf(entry, a, b);
      const { differ, n } = entry;
      const shown = entry.trials.length === 0 ? "None of them is shown."
        : `Shown: ${page.count(entry.trials.length, "trial")}.`;
      const part = (100 * (differ ?? 0) / Math.max(n, 1)).toFixed(1);
      sentence.textContent = differ === null || differ === undefined
        ? `${page.count(n, "rated question")}. ${shown}`
        : `They answer ${page.thousands(differ)} of ${page.count(n, "question")} differently `
          + `(${part} %). ${differ === 0 ? "" : shown}`.trim();
      for (const { title, trials: own } of groups) {
        trials.append(html("h3", {}, title),
          html("div", { class: "cards" }, own.map((trial) => card(trial, a, b))));
      }
    };
    for (const { input } of [first, second, dataset]) input.addEventListener("change", show);
    place.replaceChildren(html("div", { class: "bar", role: "group",
      "aria-label": "Which models, on what" }, first.set, second.set, dataset.set),
    sentence, trials);
    show();
  });
})();
