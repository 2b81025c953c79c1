// Panels beside each other.
(() => {
  page.GAP = 12;
  page.panelHeight = (view, panel, width) => page.kinds[view.view].height(panel, width);
  page.drawPanel = (view, panel, width, height) =>
    page.kinds[view.view].draw(panel, width, height);
  // How many stand in a row of this width; the rows are filled alike.
  page.columnsFor = (view, width) => {
    const most = Math.max(1, ...view.groups.map((group) => group.panels.length));
    const each = page.kinds[view.view].leastWidth + page.GAP;
    const fit = Math.max(1, Math.min(4, Math.floor((width + page.GAP) / each)));
    return most <= fit ? most : Math.ceil(most / Math.ceil(most / fit));
  };
})();
