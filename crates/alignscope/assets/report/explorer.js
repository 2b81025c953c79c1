// The explorer: puts choosers, panels and legend on the page, and shows values.
(() => {
  const data = page.data;
  const place = document.getElementById("explorer");
  if (data === null || place === null) return;
  const { html, svg } = page;

  let state = page.defaults();
  let view = null;
  let drawnWidth = 0;
  let panels = [];
  let printing = false;

  const caption = html("figcaption", {});
  const grid = html("div", { class: "groups" });
  const legend = html("ul", { class: "legend", "aria-label": "Legend" });
  const notes = html("p", { class: "note", hidden: true });
  const figure = html("figure", { class: "chart view" }, caption, grid, legend, notes);
  const numbers = html("details", { class: "numbers" },
    html("summary", {}, "The numbers of this figure"));
  const message = html("p", { class: "note", role: "status" });

  // Shows values of a panel: by pointer, tap and arrow keys.
  const readable = (panel, drawn, frame, picture, readout) => {
    const ring = svg("g", { class: "ring", "aria-hidden": "true" });
    picture.append(ring);
    let shown = -1;
    const show = (i) => {
      if (i === shown) return;
      shown = i;
      ring.replaceChildren();
      if (i < 0) {
        readout.replaceChildren();
        readout.classList.remove("on");
        stress(null);
        return;
      }
      const hit = drawn.hits[i];
      const words = page.told(hit.series, hit.point);
      if (hit.cell) {
        ring.append(svg("rect", { ...hit.cell, class: "under" }), svg("rect", hit.cell));
      } else if (hit.wide) {
        ring.append(svg("line", { x1: drawn.box.left, x2: drawn.box.right, y1: hit.y, y2: hit.y,
          "stroke-opacity": 0.45, style: "stroke-width: 5" }));
      } else {
        ring.append(svg("circle", { cx: hit.x, cy: hit.y, r: 7 }));
      }
      readout.replaceChildren(
        html("span", { class: "who" }, panel.dataset === null
          ? `${words.model}, ${words.dataset}` : words.model), " ",
        html("span", {}, words.where), " ",
        words.distance === "" ? null : html("span", {}, words.distance), " ",
        html("span", {}, `${words.measure} `, html("b", {}, words.value)));
      readout.classList.add("on");
      // Beside the point, within the panel.
      const scale = picture.clientWidth / drawn.width;
      const [x, y] = [hit.x * scale, hit.y * scale];
      const { offsetWidth: wide, offsetHeight: high } = readout;
      const room = frame.clientWidth;
      const left = Math.max(0, Math.min(x + (x > room / 2 ? -wide - 14 : 14), room - wide));
      readout.style.left = `${left}px`;
      readout.style.top = `${y - high - 12 < 0 ? y + 14 : y - high - 12}px`;
      // Of many curves, the one that is read stands out.
      if (drawn.groups.length > 6 && view.view === "curves") stress((s) => s === hit.series);
    };
    // Makes some curves stand out: those that `keep` takes, or else the marked models.
    const stress = (keep) => {
      const marked = (s) => state.marked.size === 0 || state.marked.has(s.model);
      drawn.groups.forEach((group, i) => {
        if ((keep ?? marked)(panel.series[i])) group.removeAttribute("opacity");
        else group.setAttribute("opacity", 0.18);
      });
    };
    const nearest = (event, reach) => {
      const box = picture.getBoundingClientRect();
      const scale = drawn.width / box.width;
      const [x, y] = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
      let best = -1, least = reach;
      drawn.hits.forEach((hit, i) => {
        if (hit.cell) {
          const { cell } = hit;
          if (x >= cell.x && x < cell.x + cell.width && y >= cell.y && y < cell.y + cell.height) {
            best = i;
          }
          return;
        }
        const across = hit.wide
          ? (x < drawn.box.left || x > drawn.box.right ? Infinity : 0) : x - hit.x;
        const away = Math.hypot(across, y - hit.y) + (hit.wide ? 6 : 0);
        if (away < least) {
          least = away;
          best = i;
        }
      });
      return best;
    };
    picture.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "touch") show(nearest(event, 26));
    });
    picture.addEventListener("pointerdown", (event) => {
      if (event.pointerType !== "touch") return;
      for (const other of panels) if (other.show !== show) other.show(-1);
      show(nearest(event, 40));
    });
    picture.addEventListener("pointerleave", (event) => {
      if (event.pointerType !== "touch" && document.activeElement !== frame) show(-1);
    });
    frame.addEventListener("blur", () => show(-1));
    const { hits } = drawn;
    const step = (by) => show((Math.max(shown, by > 0 ? -1 : 0) + by + hits.length) % hits.length);
    // To the next or last curve: to its first value, or in a map to the stage above or below.
    const jump = (by) => {
      const count = panel.series.length;
      const now = shown < 0 ? (by > 0 ? -1 : 0) : hits[shown].index;
      const next = (now + by + count) % count;
      const own = hits.map((hit, i) => i).filter((i) => hits[i].index === next);
      if (view.view !== "map" || shown < 0) return show(own[0]);
      const away = (i) => Math.abs(hits[i].x - hits[shown].x);
      return show(own.reduce((best, i) => (away(i) < away(best) ? i : best)));
    };
    const keys = {
      ArrowRight: () => step(1), ArrowLeft: () => step(-1),
      ArrowDown: () => jump(1), ArrowUp: () => jump(-1),
      Home: () => show(0), End: () => show(hits.length - 1), Escape: () => show(-1),
    };
    frame.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || hits.length === 0) return;
      if (keys[event.key] === undefined) return;
      keys[event.key]();
      event.preventDefault();
    });
    stress(null);
    return { show, stress };
  };

  const panelOf = (panel, group, width) => {
    const height = page.panelHeight(view, panel, width);
    const drawn = { ...page.drawPanel(view, panel, width, height), width };
    const several = page.count(panel.series.length, view.view === "curves" ? "curve" : "row");
    const name = [panel.title, group.title, several].filter((part) => part).join(", ");
    const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height,
      "aria-hidden": "true" }, drawn.g);
    const readout = html("p", { class: "readout", role: "status", "aria-live": "polite" });
    const frame = html("div", {
      class: "plot", tabindex: 0, role: "group", "aria-label": `${name}: values by arrow keys`,
      "data-dataset": panel.dataset === null ? null : data.datasets[panel.dataset].name,
    }, picture, readout);
    panels.push(readable(panel, drawn, frame, picture, readout));
    return frame;
  };

  const groupTitle = (group) => {
    if (group.title === null) return null;
    const entry = group.distance !== undefined
      ? { ink: true, line: view.view === "curves", ...pick(data.distances[group.distance]) }
      : { ...pick(data.models[group.model]), line: true, mark: "circle",
        hollow: data.models[group.model].kind === "control" };
    const sample = view.view === "map" ? null
      : svg("svg", { class: "sample", viewBox: "0 0 36 16", "aria-hidden": "true" },
        page.sample(entry));
    return html("p", { class: "group-title" }, sample, html("span", {}, group.title));
  };
  const pick = ({ mark, dashes, light, dark }) => ({ mark, dashes, light, dark });

  const draw = (width = figure.clientWidth) => {
    if (width < 50) return;
    drawnWidth = width;
    panels = [];
    const columns = page.columnsFor(view, width);
    const each = Math.min(Math.floor((width - page.GAP * (columns - 1)) / columns), 760);
    const nodes = view.groups.filter((group) => group.panels.length > 0).map((group) => {
      const most = columns === 1 ? "760px" : "1fr";
      const row = html("div", { class: "plots",
        style: `grid-template-columns: repeat(${columns}, minmax(0, ${most}))`,
      }, group.panels.map((panel) => panelOf(panel, group, each)));
      return html("div", { class: "group" }, groupTitle(group), row);
    });
    if (nodes.length === 0) {
      nodes.push(html("p", { class: "nothing" }, view.state.models.size === 0
        || view.state.datasets.size === 0
        ? "Nothing is chosen. Tick at least one model and one data set."
        : "Nothing to show for what is chosen. Tick more models, distances or data sets, or "
          + "choose another score."));
    }
    grid.replaceChildren(...nodes);
    caption.replaceChildren(html("p", { class: "view-title" }, view.title));
    if (data.simulated) {
      caption.append(html("p", { class: "alert" }, "Simulated answers, not human data"));
    }
    legend.replaceChildren(...view.legend.map(legendItem));
    legend.classList.toggle("many", view.legend.length > 24);
    notes.textContent = view.notes.join(" ");
    notes.hidden = view.notes.length === 0;
  };

  const legendItem = (entry) => {
    const sample = entry.kind === "words" ? null
      : svg("svg", { class: "sample", viewBox: "0 0 36 16", "aria-hidden": "true" },
        page.sample(entry));
    const words = html("span", {}, entry.text);
    if (entry.kind !== "model") return html("li", {}, sample, words);
    const { model } = entry;
    const stress = (keep) => () => {
      for (const panel of panels) panel.stress(keep);
    };
    const own = (series) => series.model === model;
    const button = html("button", {
      type: "button", "aria-pressed": String(state.marked.has(model)),
      title: "Make it stand out", onclick: () => {
        if (state.marked.has(model)) state.marked.delete(model);
        else state.marked.add(model);
        button.setAttribute("aria-pressed", String(state.marked.has(model)));
        stress(null)();
        remember();
        controls.sync();
      },
      onpointerenter: stress(own), onpointerleave: stress(null), onfocus: (event) => {
        if (event.target.matches(":focus-visible")) stress(own)();
      },
      onblur: stress(null),
    }, sample, words);
    return html("li", {}, button);
  };
  const remember = () => {
    const hash = page.toHash(state);
    if (hash === "" && !location.hash.startsWith("#view=")) return;
    const address = hash === "" ? location.href.split("#")[0] : `#${hash}`;
    try {
      history.replaceState(null, "", address);
    } catch {
      // An address that cannot be changed (a page inside another): the view works without it.
    }
  };
  const update = () => {
    for (const model of state.marked) if (!state.models.has(model)) state.marked.delete(model);
    view = page.viewOf(state);
    controls.sync();
    draw();
    figure.dataset.curves = view.curves;
    if (numbers.open) listNumbers();
    else numbersFor = null;
  };
  const changed = () => {
    message.textContent = "";
    update();
    remember();
  };
  const reset = () => {
    state = page.defaults();
    changed();
  };
  const controls = page.controls(() => state, changed, reset);

  // The table of what is seen, made when it is asked for.
  let numbersFor = null;
  const MOST = 2000;
  const listNumbers = () => {
    if (numbersFor === view) return;
    numbersFor = view;
    const [, ...rows] = view.rows;
    const names = ["data set", "model", "distance", "measure", "stage", "depth (%)", "value",
      "low", "high"];
    const head = html("tr", {}, names.map((name, i) => html("th", {
      scope: "col", "aria-sort": "none", class: i > 4 ? "n" : null,
    }, html("button", { type: "button" }, name))));
    const number = (value, text) => html("td", { class: "n", "data-v": value },
      value === null ? "" : text(value));
    const shorts = new Map(data.models.map((model) => [model.name, model.short]));
    const lines = rows.slice(0, MOST).map(([dataset, model, distance, measure, stage, ...rest]) =>
      html("tr", {}, html("th", { scope: "row" }, dataset), html("td", {}, shorts.get(model)),
        html("td", {}, distance), html("td", {}, measure),
        html("td", { "data-v": rest[0] }, stage),
        number(rest[0], (v) => String(Number(v.toFixed(1)))),
        ...rest.slice(1).map((value) => number(value, page.digits))));
    const title = "The numbers of this figure";
    const region = { class: "scroll", tabindex: 0, role: "region", "aria-label": title };
    const scroll = html("div", region, html("table", {},
      html("caption", {}, html("span", {}, title)), html("thead", {}, head),
      html("tbody", {}, lines)));
    const more = rows.length > MOST
      ? html("p", { class: "note" }, `${page.thousands(rows.length - MOST)} more rows are left `
        + "out here; the CSV file has all.") : null;
    const inside = html("div", {}, scroll, more);
    numbers.replaceChildren(numbers.firstElementChild, inside);
    page.tables(inside);
  };
  numbers.addEventListener("toggle", () => { if (numbers.open) listNumbers(); });

  // What the exports need.
  page.explorer = {
    get view() { return view; },
    get marked() { return state.marked; },
    figure,
  };

  page.parts.push(() => {
    const fromAddress = () => {
      const found = page.fromHash(location.hash);
      if (found === undefined) {
        message.textContent = "The address is of a view of other results; this is the first view.";
      }
      return found;
    };
    state = fromAddress() ?? state;
    place.replaceChildren(
      controls.aside,
      html("div", { class: "stage" }, controls.bar, figure, page.exports(), message, numbers));
    place.classList.add("ready");
    update();
    new ResizeObserver(() => {
      if (Math.abs(figure.clientWidth - drawnWidth) > 2 && !printing) draw();
    }).observe(figure);
    addEventListener("hashchange", () => {
      const found = fromAddress();
      if (found) {
        state = found;
        update();
      }
    });
    document.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "touch" && !event.target.closest(".plot")) {
        for (const panel of panels) panel.show(-1);
      }
    });
    // On paper the figure is as wide as on a large screen, and is scaled to the sheet.
    addEventListener("beforeprint", () => {
      printing = true;
      draw(1060);
    });
    addEventListener("afterprint", () => {
      printing = false;
      draw();
    });
  });
})();
