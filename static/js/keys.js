// Keys for a trader in a hurry: one letter each, never while something is typed, and off where he says so.
"use strict";

(() => {
  const help = document.getElementById("keys");
  if (!help) return;
  const choice = help.querySelector("[data-keys-choice]");
  const STORED = "keys-off";
  const press = (id) => document.getElementById(id)?.click();
  const enter = (id) => {
    const field = document.getElementById(id);
    field?.focus();
    field?.select?.();
  };
  const actions = {
    b: () => press("side-long"),
    s: () => press("side-short"),
    m: () => press("kind-market"),
    l: () => press("kind-limit"),
    q: () => enter("size"),
    p: () => enter("price"),
    x: () => enter("leverage_slider"),
    "/": openMarkets,
    "?": openHelp,
  };

  function openMarkets() {
    const menu = document.querySelector(".market-menu");
    menu.open = true;
    menu.querySelector("input").focus();
  }

  function openHelp() {
    choice.checked = isOn();
    help.showModal();
  }

  // Storage may be closed to us; then the keys are on.
  function isOn() {
    try {
      return localStorage.getItem(STORED) === null;
    } catch {
      return true;
    }
  }

  choice.addEventListener("change", () => {
    try {
      if (choice.checked) localStorage.removeItem(STORED);
      else localStorage.setItem(STORED, "yes");
    } catch {
      choice.checked = true;
    }
  });

  const isTyping = (target) => target.matches('textarea,select,input:not([type="radio"], [type="checkbox"], [type="range"])');

  document.addEventListener("keydown", (event) => {
    const action = actions[event.key.toLowerCase()];
    if (!action || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (document.querySelector("dialog[open]") || !isOn()) return;
    event.preventDefault();
    action();
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-opens-keys]")) openHelp();
  });
})();
