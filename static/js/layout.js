// The height of the tables is the trader's own: dragged, or moved with the arrow keys, and kept on this device.
"use strict";

(() => {
  const handle = document.querySelector(".resizer");
  if (!handle) return;
  const terminal = document.querySelector(".terminal");
  const lowest = Number(handle.getAttribute("aria-valuemin"));
  const highest = Number(handle.getAttribute("aria-valuemax"));
  const step = 16;

  function set(height) {
    const room = terminal.clientHeight - 56 - 240;
    const kept = Math.round(Math.min(Math.max(height, lowest), highest, Math.max(room, lowest)));
    terminal.style.setProperty("--tables", `${kept}px`);
    handle.setAttribute("aria-valuenow", kept);
    return kept;
  }

  function keep(height) {
    try {
      localStorage.setItem("tables-height", set(height));
    } catch {
      set(height);
    }
  }

  handle.addEventListener("pointerdown", (event) => {
    handle.setPointerCapture(event.pointerId);
    const start = event.clientY + Number(handle.getAttribute("aria-valuenow"));
    const move = (moved) => set(start - moved.clientY);
    handle.addEventListener("pointermove", move);
    handle.addEventListener("pointerup", (ended) => {
      handle.removeEventListener("pointermove", move);
      keep(start - ended.clientY);
    }, { once: true });
  });
  handle.addEventListener("keydown", (event) => {
    const change = { ArrowUp: step, ArrowDown: -step }[event.key];
    if (!change) return;
    event.preventDefault();
    keep(Number(handle.getAttribute("aria-valuenow")) + change);
  });
  try {
    const kept = Number(localStorage.getItem("tables-height"));
    if (kept) set(kept);
  } catch {
    // Storage may be closed to us; the usual height stands.
  }
})();
