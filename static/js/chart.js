// The chart: candles from the server, lines for entries and liquidations, and for the estimate on the ticket.
"use strict";

(() => {
  const panel = document.getElementById("chart");
  if (!panel) return;
  const words = document.getElementById("chart_words");
  const below = document.getElementById("chart_below");
  const market = panel.dataset.market;
  const decimals = Number(panel.dataset.decimals);
  const say = panel.dataset;
  if (!window.LightweightCharts) {
    words.textContent = say.wordsMissing;
    return;
  }

  const style = getComputedStyle(document.documentElement);
  const painter = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  // The library reads colours as rgb only; the canvas turns whatever a token holds into that.
  function colour(token, strength = 1) {
    for (const [name, alpha] of [["s1", 1], [token, strength]]) {
      painter.globalAlpha = alpha;
      painter.fillStyle = style.getPropertyValue(`--${name}`).trim();
      painter.fillRect(0, 0, 1, 1);
    }
    const [red, green, blue] = painter.getImageData(0, 0, 1, 1).data;
    return `rgb(${red}, ${green}, ${blue})`;
  }

  function readable(price) {
    return price.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  }

  const chart = LightweightCharts.createChart(document.getElementById("chart_canvas"), {
    autoSize: true,
    layout: { background: { color: colour("s1") }, textColor: colour("ink3"), fontFamily: style.getPropertyValue("--font"), fontSize: 11.5, attributionLogo: false },
    grid: { vertLines: { visible: false }, horzLines: { color: colour("line", 0.6) } },
    rightPriceScale: { borderVisible: false, scaleMargins: { top: 0.16, bottom: 0.12 } },
    timeScale: { borderColor: colour("line"), timeVisible: true, rightOffset: 6, barSpacing: 9 },
    localization: { priceFormatter: readable },
    crosshair: { mode: 0, vertLine: { color: colour("ink3"), labelBackgroundColor: colour("s3") }, horzLine: { color: colour("ink3"), labelBackgroundColor: colour("s3") } },
  });
  const candles = chart.addSeries(LightweightCharts.CandlestickSeries, {
    upColor: colour("up"), downColor: colour("down"), wickUpColor: colour("up"), wickDownColor: colour("down"), borderVisible: false,
    priceFormat: { type: "price", precision: decimals, minMove: 10 ** -decimals }, priceLineStyle: LightweightCharts.LineStyle.Dotted,
    autoscaleInfoProvider: (original) => withLines(original()),
  });
  let lines = [];
  let last = null;
  const chosen = () => panel.querySelector('[name="interval"]:checked').value;
  let interval = chosen();
  let drawn = "";
  let asked = 0;
  let failed = false;
  let grown = 0;

  // Lines that are near enough come into view; far ones are named at the edge instead of flattening the candles.
  function withLines(info) {
    if (!info) return info;
    const { minValue, maxValue } = info.priceRange;
    const room = (maxValue - minValue) * (panel.clientHeight < 320 ? 2 : 4);
    const near = lines.map((line) => line.price).filter((price) => Math.max(maxValue, price) - Math.min(minValue, price) <= room);
    return { ...info, priceRange: { minValue: Math.min(minValue, ...near), maxValue: Math.max(maxValue, ...near) } };
  }

  function wantedLines() {
    const wanted = [];
    for (const row of document.querySelectorAll("tr[data-market]")) {
      if (row.dataset.market !== market) continue;
      if (row.dataset.entry) wanted.push({ price: Number(row.dataset.entry), title: `${say.wordsEntry} · ${row.dataset.side}`, color: colour("ink2"), lineStyle: 0 });
      if (row.dataset.liquidation) wanted.push({ price: Number(row.dataset.liquidation), title: `${say.wordsLiquidation} · ${row.dataset.label}`, color: colour("warn"), lineStyle: 0, isRisk: true });
    }
    const quote = document.getElementById("quote");
    if (quote && quote.dataset.liquidation) wanted.push({ price: Number(quote.dataset.liquidation), title: say.wordsEstimate, color: colour("down"), lineStyle: 2, isRisk: true, isEstimate: true });
    return wanted;
  }

  function draw() {
    const wanted = wantedLines();
    const key = (line) => `${line.price} ${line.title}`;
    if (wanted.map(key).join() !== lines.map(key).join()) {
      for (const line of lines) candles.removePriceLine(line.handle);
      lines = wanted.map((line) => ({ ...line, isShown: true, handle: candles.createPriceLine({ price: line.price, title: line.title, color: line.color, lineStyle: line.lineStyle, lineWidth: 1, axisLabelVisible: true, axisLabelTextColor: colour("s1") }) }));
      // The library asks for the range only when a candle changes; a scale that the trader has dragged is left alone.
      const scale = candles.priceScale();
      if (scale.options().autoScale) scale.applyOptions({ autoScale: true });
    }
    point();
  }

  // A line out of view has no label at the edge, as if it were there: it is named in words, with its side.
  function point() {
    const height = chart.paneSize().height;
    const outside = lines.filter((line) => {
      const place = candles.priceToCoordinate(line.price);
      const isShown = place !== null && place >= 0 && place <= height;
      if (isShown !== line.isShown) line.handle.applyOptions({ axisLabelVisible: isShown, title: isShown ? line.title : "" });
      line.isShown = isShown;
      return !isShown && line.isRisk;
    });
    below.hidden = !last || !outside.length;
    if (below.hidden) return;
    // One row on a phone: behind what is held, the estimate is named by one short word.
    const name = (line, place) => `${!line.isEstimate ? say.wordsLiquidation : place ? say.wordsAfter : say.wordsEstimate} ${readable(line.price)}`;
    const side = (arrow, rows, words) => (rows.length ? [`${arrow} ${rows.map(name).join(" · ")}, ${words}`] : []);
    const isBelow = (line) => line.price < last.close;
    below.textContent = [
      ...side("↑", outside.filter((line) => !isBelow(line)), say.wordsAbove),
      ...side("↓", outside.filter(isBelow), say.wordsBelow),
    ].join("\n");
  }

  // The venue's own bar as it grows; a bar that began later than the last one is appended.
  function grow([time, ...prices]) {
    if (!last || drawn !== interval || time < last.time) return;
    const [open, high, low, close] = prices.map(Number);
    last = { time, open, high, low, close };
    grown = performance.now();
    candles.update(last);
    point();
  }

  document.addEventListener("patch", (event) => {
    const key = `candle-${market}-${interval}`;
    if (!event.detail.data.includes(key)) return;
    const bar = JSON.parse(event.detail.data)[key];
    if (bar) grow(bar.candle);
  });

  words.textContent = say.wordsLoading;

  async function load() {
    const wanted = interval;
    asked = performance.now();
    try {
      const answer = await fetch(`${panel.dataset.candles}?interval=${wanted}`, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(`candles answered ${answer.status}`);
      const rows = (await answer.json()).candles;
      if (wanted !== interval) return;
      const bars = rows.map((row) => ({ time: row.time, open: Number(row.open), high: Number(row.high), low: Number(row.low), close: Number(row.close) }));
      candles.setData(bars);
      drawn = wanted;
      failed = false;
      last = bars.at(-1) || null;
      words.textContent = bars.length ? "" : say.wordsEmpty;
      draw();
    } catch {
      failed = true;
      words.textContent = say.wordsFailed;
    }
  }

  // Also a browser that comes back to the page chooses again what was chosen there, after this script has begun.
  function follow() {
    if (chosen() === interval) return;
    interval = chosen();
    load();
  }
  panel.addEventListener("change", follow);
  window.addEventListener("pageshow", follow);
  document.addEventListener("numbers:changed", draw);
  chart.timeScale().subscribeVisibleLogicalRangeChange(() => requestAnimationFrame(point));
  new ResizeObserver(() => requestAnimationFrame(point)).observe(panel);
  // A page without a stream asks more often.
  setInterval(() => {
    const now = performance.now();
    const pause = failed ? 5000 : now - grown < 10000 ? 60000 : 15000;
    if (!document.hidden && now - asked > pause) load();
  }, 1000);
  load();
})();
