"use strict";
// The page's script. Each file adds its part to `page`, the one global name; the last file,
// start.js, runs the parts. Nothing is ever fetched.
const page = { parts: [] };
(() => {
  const fill = (element, attributes, children) => {
    for (const [name, value] of Object.entries(attributes ?? {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return element;
  };
  // A new HTML element. An attribute that is null or false is left out; `onclick` adds a listener.
  page.html = (name, attributes, ...children) =>
    fill(document.createElement(name), attributes, children);
  // The same for SVG.
  page.svg = (name, attributes, ...children) =>
    fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);

  // A value with three digits after the point and a true minus; fewer digits if it is large.
  page.digits = (value) => {
    const size = Math.abs(value);
    const text = value.toFixed(size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 3);
    return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
  };
  // The same without zeros at the end.
  page.short = (value) => page.digits(value).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
  page.withInterval = (point) => point.low === null || point.high === null
    ? page.digits(point.value)
    : `${page.digits(point.value)} [${page.digits(point.low)}, ${page.digits(point.high)}]`;
  page.percent = (depth) => `${Number(depth.toFixed(1))} %`;
  page.thousands = (n) => n.toLocaleString("en");
  page.count = (n, one, many = `${one}s`) => `${page.thousands(n)} ${n === 1 ? one : many}`;

  // Round numbers from at most `low` to at least `high`, about `wanted` of them.
  page.ticks = (low, high, wanted) => {
    const raw = Math.max((high - low) / Math.max(wanted, 1), 1e-9);
    const power = 10 ** Math.floor(Math.log10(raw));
    const off = (step) => Math.abs(Math.log(step / raw));
    const step = [1, 2, 5, 10].map((m) => m * power)
      .reduce((best, s) => (off(s) < off(best) ? s : best));
    const places = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    const ticks = [];
    for (let i = Math.ceil(low / step - 1e-6); i * step <= high + step * 1e-6; i += 1) {
      const text = (i * step).toFixed(places).replace("-", "−");
      ticks.push({ value: i * step, text: i === 0 ? text.replace("−", "") : text });
    }
    return ticks;
  };

  // The page's own letters; a saved figure has those that other programs know.
  const FONTS = {
    page: "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif",
    file: "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif",
  };
  page.FONT = FONTS.page;
  // What `make` gives, with the letters of a saved figure.
  page.withFileFont = (make) => {
    page.FONT = FONTS.file;
    try {
      return make();
    } finally {
      page.FONT = FONTS.page;
    }
  };
  let pen = null;
  // How wide a text is, in pixels.
  page.textWidth = (text, size, bold = false) => {
    pen ??= document.createElement("canvas").getContext("2d");
    pen.font = `${bold ? "bold " : ""}${size}px ${page.FONT}`;
    return pen.measureText(text).width;
  };
  // The text, cut so that it fits.
  page.fit = (text, size, width) => {
    if (page.textWidth(text, size) <= width) return text;
    let least = 0, most = text.length;
    while (least < most) {
      const half = (least + most + 1) >> 1;
      if (page.textWidth(`${text.slice(0, half)}…`, size) <= width) least = half;
      else most = half - 1;
    }
    return `${text.slice(0, least).trimEnd()}…`;
  };
  // A model's name, so that it fits: without owners, without the word that a hollow mark says, then
  // with a gap in its middle; what tells two names apart is more often at their ends.
  page.fitName = (name, size, width) => {
    const ownerless = name.replace(/[\w.-]+\//g, "");
    const bare = ownerless.replace(/^untrained | untrained$/, "");
    const fits = [name, ownerless, bare].find((text) => page.textWidth(text, size) <= width);
    if (fits !== undefined) return fits;
    for (let n = bare.length - 2; n > 2; n -= 1) {
      const text = `${bare.slice(0, Math.ceil(n / 2))}…${bare.slice(-Math.floor(n / 2))}`;
      if (page.textWidth(text, size) <= width) return text;
    }
    return "…";
  };

  page.slug = (text) =>
    text.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 60);

  // A table as CSV.
  page.csv = (rows) => {
    const field = (value) => {
      const text = value === null || value === undefined ? "" : String(value);
      return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    };
    return rows.map((row) => `${row.map(field).join(",")}\n`).join("");
  };
  // Hands the user a file.
  page.save = (name, content, type) => {
    const blob = content instanceof Blob ? content : new Blob([content], { type });
    const url = URL.createObjectURL(blob);
    const link = page.html("a", { href: url, download: name, hidden: true });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  };
})();
