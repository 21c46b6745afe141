// How old figures are. It is worked out here, for it must stay true exactly when the server is silent; what follows from
// it is the pages' own.
"use strict";

(() => {
  const body = document.body;
  const say = body.dataset;
  const isKept = performance.getEntriesByType("navigation")[0]?.type === "back_forward";
  // A kept page was drawn long before it is shown: until the stream tells the server's clock, the device's has to do.
  let clockOffset = isKept ? 0 : offsetOf(say.now);

  document.addEventListener("clock:told", (event) => {
    clockOffset = offsetOf(event.detail);
  });

  function offsetOf(moment) {
    return Date.parse(moment) - Date.now();
  }

  // The limits of the nearest that has some: a list of many accounts allows more than a page of one.
  function stateOf(element, milliseconds) {
    const { staleAfter, closedAfter } = element.closest("[data-stale-after]").dataset;
    if (milliseconds > Number(closedAfter) * 1000) return "closed";
    return milliseconds > Number(staleAfter) * 1000 ? "stale" : "live";
  }

  function spanText(milliseconds) {
    const seconds = Math.max(milliseconds, 0) / 1000;
    if (seconds < 10) return say.wordsSeconds.replace("{n}", seconds.toFixed(1));
    if (seconds < 60) return say.wordsSeconds.replace("{n}", Math.round(seconds));
    if (seconds < 3600) return say.wordsMinutes.replace("{n}", Math.floor(seconds / 60));
    if (seconds < 86400) return say.wordsHours.replace("{n}", Math.floor(seconds / 3600));
    return say.wordsDays.replace("{n}", Math.floor(seconds / 86400));
  }

  function reword(element, words) {
    if (element.textContent !== words) element.textContent = words;
  }

  function count() {
    const now = Date.now() + clockOffset;
    for (const element of document.querySelectorAll("time.age")) {
      const milliseconds = now - Date.parse(element.getAttribute("datetime"));
      element.className = `age age-${stateOf(element, milliseconds)}`;
      reword(element.querySelector("span") || element, say.wordsOld.replace("{span}", spanText(milliseconds)));
    }
    for (const element of document.querySelectorAll("time.lasts")) {
      reword(element, spanText(now - Date.parse(element.getAttribute("datetime"))));
    }
    document.dispatchEvent(new CustomEvent("ages:counted", { detail: now }));
  }

  setInterval(count, 250);
  count();
})();
