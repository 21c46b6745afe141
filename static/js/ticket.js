// The ticket: slider, number field, steppers and marks say the same leverage. No estimate is made here; every movement
// asks the server, and what it answers is spoken by the slider and drawn on the chart.
"use strict";

(() => {
  const form = document.getElementById("ticket_form");
  if (!form) return;
  const slider = document.getElementById("leverage_slider");
  const field = document.getElementById("leverage");
  const size = document.getElementById("size");
  const marks = document.querySelector(".marks");
  const track = slider.closest(".slider");
  const lowest = Number(slider.min);
  const highest = Number(slider.max);
  const share = (leverage) => (highest > lowest ? (leverage - lowest) / (highest - lowest) : 0);

  function show(leverage, writer) {
    if (writer !== slider) slider.value = leverage;
    if (writer !== field) field.value = leverage;
    track.style.setProperty("--share", share(Number(slider.value)));
    for (const tick of track.querySelectorAll("[data-at]")) tick.classList.toggle("is-passed", Number(tick.dataset.at) <= leverage);
    for (const mark of marks.children) mark.setAttribute("aria-pressed", String(mark.dataset.at === String(leverage)));
    form.querySelector('[data-step="-1"]').disabled = leverage <= lowest;
    form.querySelector('[data-step="1"]').disabled = leverage >= highest;
  }

  function choose(leverage) {
    show(Math.min(Math.max(leverage, lowest), highest));
    slider.dispatchEvent(new Event("input", { bubbles: true }));
  }

  slider.addEventListener("input", () => show(Number(slider.value), slider));
  field.addEventListener("input", () => {
    const typed = Number(field.value);
    if (Number.isInteger(typed) && typed >= lowest && typed <= highest) show(typed, field);
  });
  field.addEventListener("blur", () => { if (!field.value.trim()) choose(Number(slider.value)); });
  field.addEventListener("focus", () => field.select());
  field.addEventListener("keydown", (event) => {
    const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    choose(Number(slider.value) + step);
  });
  form.addEventListener("click", (event) => {
    const step = event.target.closest("[data-step]");
    if (step) choose(Number(slider.value) + Number(step.dataset.step));
    const mark = event.target.closest(".marks [data-at]");
    if (mark) choose(Number(mark.dataset.at));
  });

  // Page keys go to the next mark; arrows, Home and End are the range's own.
  slider.addEventListener("keydown", (event) => {
    if (!["PageUp", "PageDown"].includes(event.key)) return;
    event.preventDefault();
    const values = [lowest, ...[...marks.children].map((mark) => Number(mark.dataset.at)), highest];
    const now = Number(slider.value);
    const next = event.key === "PageUp" ? values.find((value) => value > now) : values.findLast((value) => value < now);
    if (next !== undefined) choose(next);
  });

  // Labels stand under their place on the track; crowded ones move aside just enough to be read and pressed.
  function placeMarks() {
    for (const tick of track.querySelectorAll("[data-at]")) tick.style.setProperty("--at", share(Number(tick.dataset.at)));
    if (!marks.clientWidth) return;
    const thumb = parseFloat(getComputedStyle(track).getPropertyValue("--thumb"));
    const labels = [...marks.children];
    const widths = labels.map((label) => label.offsetWidth);
    const places = labels.map((label, index) => {
      const centre = thumb / 2 + (marks.clientWidth - thumb) * share(Number(label.dataset.at));
      return Math.min(Math.max(centre - widths[index] / 2, 0), marks.clientWidth - widths[index]);
    });
    for (let index = 1; index < places.length; index += 1) places[index] = Math.max(places[index], places[index - 1] + widths[index - 1] + 2);
    let limit = marks.clientWidth;
    for (let index = places.length - 1; index >= 0; index -= 1) {
      places[index] = Math.min(places[index], limit - widths[index]);
      limit = places[index] - 2;
    }
    labels.forEach((label, index) => label.style.setProperty("--x", `${places[index]}px`));
    marks.classList.add("is-placed");
  }
  new ResizeObserver(placeMarks).observe(marks);

  let hasMoved = false;
  form.addEventListener("input", () => {
    hasMoved = true;
    document.getElementById("quote").classList.add("is-pending");
  });
  document.addEventListener("htmx:config:request", (event) => { if (event.detail.ctx.sourceElement.id === "quote") asked(); });
  document.addEventListener("quote:asked", asked);
  document.addEventListener("quote:failed", (event) => {
    if (event.target.id === "quote") event.target.classList.add("is-old");
  });

  function asked() {
    hasMoved = false;
  }

  function settle() {
    const quote = document.getElementById("quote");
    quote.classList.toggle("is-pending", hasMoved);
    slider.setAttribute("aria-valuetext", quote.dataset.spoken);
    // A share of what is available lets the server fill the size in.
    if (form.querySelector('[name="percent"]:checked') && document.activeElement !== size) size.value = quote.dataset.size;
    for (const input of form.querySelectorAll('input[type="text"]')) {
      const problem = document.getElementById(`error_${input.id}`);
      input.setAttribute("aria-invalid", String(Boolean(problem && problem.textContent.trim())));
    }
    tryDays(150);
    document.dispatchEvent(new CustomEvent("numbers:changed"));
  }
  document.addEventListener("htmx:after:swap", (event) => {
    if (event.detail.ctx.sourceElement.id === "quote" || event.detail.ctx.sourceElement === form) settle();
  });

  document.addEventListener("quote:answered", settle);

  // Recent days are tried once the slider rests, and again only for another distance.
  let tried = "";
  let resting = 0;
  function tryDays(pause) {
    clearTimeout(resting);
    resting = setTimeout(() => {
      const distance = document.querySelector('#quote [name="distance"]')?.value ?? "";
      if (distance === tried) return;
      tried = distance;
      document.getElementById("survival").dispatchEvent(new CustomEvent("refresh"));
    }, pause);
  }
  document.addEventListener("quote:failed", (event) => { if (event.target.id === "survival") tried = ""; });

  // What is set elsewhere is followed, but for what the trader has chosen here himself; of that the mode alone can be
  // closed under him, by a position that has opened meanwhile.
  const setting = () => document.querySelector("#available [data-leverage]")?.dataset;
  const modeNow = () => form.querySelector('[name="mode"]:checked')?.value;
  let known = { ...setting() };
  let mode = modeNow();
  form.addEventListener("input", () => { mode = modeNow(); });
  document.addEventListener("htmx:after:swap", (event) => {
    if (event.detail.ctx.sourceElement.id === "available") follow(setting());
  });

  function follow(told) {
    if (!told) return;
    const before = known;
    const offered = (value) => form.querySelector(`[name="mode"][value="${value}"]:enabled`);
    const wanted = (mode !== before.mode && offered(mode)) || offered(told.mode) || offered(mode);
    known = { ...told };
    if (wanted) wanted.checked = true;
    if (told.leverage === before.leverage && modeNow() === mode) return;
    const isFree = field.value === before.leverage && document.activeElement !== field;
    choose(Number(isFree ? told.leverage : slider.value));
  }

  // A price of the book is the one that an order waits for; one at market becomes a limit at it.
  document.addEventListener("click", (event) => {
    const price = event.target.closest("#book .level")?.querySelector(".level-price");
    if (!price) return;
    if (document.getElementById("kind-market").checked) document.getElementById("kind-limit").click();
    if (!form.offsetParent) document.getElementById("view-trade").click();
    const place = document.getElementById(document.getElementById("kind-limit").checked ? "price" : "trigger");
    place.value = price.textContent.replace(/[^\d.]/g, "");
    place.dispatchEvent(new Event("input", { bubbles: true }));
  });

  // Unit changes keep the meaning of the field honest: the old figure is in the other unit, so it is asked for again.
  document.getElementById("unit").addEventListener("change", () => size.select());

  show(Number(slider.value));
  placeMarks();
  tryDays(0);
})();
