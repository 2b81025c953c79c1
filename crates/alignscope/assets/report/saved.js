// The saved figures, which are drawn in the page: the value nearest to the pointer or to a tap, or
// the next one by the arrow keys.
page.parts.push(() => {
  const readable = (panel) => {
    const picture = panel.querySelector("svg");
    const readout = panel.querySelector(".readout");
    const points = [...picture.querySelectorAll(".pt")].map((element) => {
      const title = element.querySelector("title");
      const text = title.textContent;
      title.remove();
      return { element, text, series: element.closest(".series") };
    });
    // Where a point is, measured when it is asked for: what is folded has no place yet.
    const placed = () => {
      if (points[0]?.x === undefined) {
        for (const point of points) {
          const box = point.element.getBBox();
          point.line = box.width > 100;
          point.x = box.x + box.width / 2;
          point.y = box.y + box.height / 2;
        }
      }
      return points;
    };
    let shown = -1;
    const show = (i) => {
      if (i === shown) return;
      if (shown >= 0) points[shown].element.classList.remove("on");
      shown = i;
      if (i >= 0) points[i].element.classList.add("on");
      readout.textContent = i >= 0 ? points[i].text : "";
    };
    const nearest = (event) => {
      const place = new DOMPoint(event.clientX, event.clientY)
        .matrixTransform(picture.getScreenCTM().inverse());
      let best = -1, least = 24;
      placed().forEach((p, i) => {
        const away = p.line
          ? Math.abs(p.y - place.y) + 6
          : Math.hypot(p.x - place.x, p.y - place.y);
        if (away < least) {
          least = away;
          best = i;
        }
      });
      return best;
    };
    picture.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "touch") show(nearest(event));
    });
    picture.addEventListener("pointerdown", (event) => show(nearest(event)));
    picture.addEventListener("pointerleave", (event) => {
      if (event.pointerType !== "touch") show(-1);
    });
    panel.addEventListener("blur", () => show(-1));
    panel.addEventListener("keydown", (event) => {
      if (points.length === 0) return;
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const jump = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) {
        show((Math.max(shown, step > 0 ? -1 : 0) + step + points.length) % points.length);
      } else if (jump) {
        // To the first value of the next or the last curve.
        const here = shown >= 0 ? points[shown].series : null;
        let i = Math.max(shown, 0);
        do i = (i + jump + points.length) % points.length;
        while (points[i].series !== null && points[i].series === here && i !== shown);
        const { series } = points[i];
        if (series !== null) i = points.findIndex((p) => p.series === series);
        show(i);
      } else if (event.key === "Escape") {
        show(-1);
      } else {
        return;
      }
      event.preventDefault();
    });
  };
  for (const panel of document.querySelectorAll("figure.chart .panel")) readable(panel);
  // What is folded is shown on paper, but for the manifest and long tables.
  addEventListener("beforeprint", () => {
    for (const folded of document.querySelectorAll("#trials details")) folded.open = true;
  });
});
