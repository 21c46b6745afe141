// The console's forms: figures beside their tracks, a colour picker beside its text. Nothing is decided here.
"use strict";

(() => {
  // On a phone the sections are one line that scrolls: the one that is shown stands in sight.
  document.querySelector(".section-nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

  document.addEventListener("input", (event) => {
    const field = event.target;
    const shown = document.querySelector(`output[data-shows="${field.id}"]`);
    if (shown) shown.textContent = field.step === "0.001" ? Number(field.value).toFixed(3) : field.value;

    const picked = document.getElementById(field.dataset.picks || "");
    if (picked) picked.value = field.value;

    const picker = document.querySelector(`[data-picks="${field.id}"]`);
    if (picker && /^#[0-9a-f]{6}$/i.test(field.value)) picker.value = field.value;
  });

  // Every switch of the rows that a search has left, as if each had been pressed.
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-checks]");
    if (!button) return;
    const rows = document.getElementById(button.dataset.checks);
    for (const box of rows.querySelectorAll(":scope > :not([hidden]) input[type=checkbox]:enabled")) box.checked = button.value === "on";
    rows.dispatchEvent(new Event("input", { bubbles: true }));
  });
})();
