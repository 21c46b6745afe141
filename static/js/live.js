// Live numbers: patches write text into place, fragments change structure.
//
// patch: {key: text} or {key: {text, class, value, datetime, data}}; class replaces what shares its first word; a key is
// an id or a data-live name. "now" carries the server's clock. fragment: HTML whose roots are swapped by their ids. refresh:
// names of fragments to fetch again.
"use strict";

(() => {
  const SILENCE = 10000;
  const SHORTEST_DOUBT = 2000;
  const LONGEST_DOUBT = 32000;
  const FRAGMENTS = ["account", "positions", "orders", "fills", "margin_changes", "funding", "transfers", "liquidations", "liquidation_notices", "quote"];
  const say = document.body.dataset;
  const VENUE_WORDS = { live: say.wordsLive, stale: say.wordsLate, closed: say.wordsSilent };
  const stream = () => document.getElementById("live");
  const patched = new Map();
  const asked = new WeakMap();
  let heard = performance.now();
  const doubts = new Map();

  document.addEventListener("patch", (event) => {
    arrived();
    for (const [key, change] of Object.entries(JSON.parse(event.detail.data))) {
      if (key === "now") document.dispatchEvent(new CustomEvent("clock:told", { detail: change }));
      else put(key, typeof change === "object" ? change : { text: change });
    }
    document.dispatchEvent(new CustomEvent("numbers:changed"));
  });

  function put(key, change) {
    patched.set(key, { change, at: performance.now() });
    for (const element of places(key)) write(element, change);
  }

  // Numbers that arrived while a fragment was on its way are newer than the fragment, and are not sent again.
  document.addEventListener("htmx:before:request", (event) => asked.set(event.detail.ctx, performance.now()));
  document.addEventListener("htmx:after:swap", (event) => {
    const { ctx } = event.detail;
    if (!FRAGMENTS.includes(ctx.sourceElement.id)) return;
    for (const [key, { change, at }] of patched) if (at >= asked.get(ctx)) for (const element of places(key)) write(element, change);
  });

  document.addEventListener("fragment", (event) => {
    arrived();
    const holder = document.createElement("template");
    holder.innerHTML = event.detail.data;
    for (const root of [...holder.content.children]) {
      const target = root.id && document.getElementById(root.id);
      if (!target || target.contains(document.activeElement?.closest("form"))) continue;
      htmx.swap({ sourceElement: target, target, swap: "outerMorph", text: root.outerHTML }).then(afterFragment);
    }
  });

  document.addEventListener("refresh", (event) => {
    arrived();
    refresh((event.detail?.data || FRAGMENTS.join(" ")).split(" "));
  });

  // An account that changed changes the estimate on the ticket too.
  function refresh(names) {
    for (const name of new Set([...names, "quote"])) document.getElementById(name)?.dispatchEvent(new CustomEvent("refresh"));
  }

  function places(key) {
    const named = document.querySelectorAll(`[data-live="${CSS.escape(key)}"]`);
    const byId = document.getElementById(key);
    return byId ? [byId, ...named] : named;
  }

  function write(element, change) {
    for (const name of (change.class || "").split(" ").filter(Boolean)) repaint(element, name);
    if (change.datetime !== undefined) element.setAttribute("datetime", change.datetime);
    if (change.value !== undefined) element.querySelector(".bar-fill")?.setAttribute("width", `${change.value}%`);
    Object.assign(element.dataset, change.data);
    if (change.text === undefined || element.textContent === change.text) return;
    element.textContent = change.text;
    element.classList.remove("flash");
    void element.offsetWidth;
    element.classList.add("flash");
  }

  // "tone-down" takes the place of "tone-up" and leaves every other class alone.
  function repaint(element, name) {
    if (element.classList.contains(name)) return;
    const family = name.slice(0, name.indexOf("-") + 1);
    element.classList.remove(...[...element.classList].filter((other) => family && other.startsWith(family)));
    element.classList.add(name);
  }

  function arrived() {
    heard = performance.now();
    document.getElementById("stream_lost").hidden = true;
  }

  function afterFragment() {
    count();
    document.dispatchEvent(new CustomEvent("numbers:changed"));
  }

  function count() {
    for (const place of document.querySelectorAll("[data-counts]")) {
      const rows = document.querySelectorAll(`#${place.dataset.counts} [data-row]`).length;
      if (["positions", "orders"].includes(place.dataset.counts)) place.textContent = rows || "";
    }
  }

  // What an age speaks for: whatever bears its name without the ending, and the market bar around it. The server's own
  // word on a panel stands beside this one, for its sentences and buttons go with it.
  function agedBy(element) {
    const [, key] = (element.dataset.live || "").match(/^(.+)-age$/) || [];
    const bar = element.closest("#market_bar");
    return [...(key ? places(key) : []), ...(bar ? [bar] : [])];
  }

  function stateOf(age) {
    return Object.keys(VENUE_WORDS).find((name) => age.classList.contains(`age-${name}`));
  }

  document.addEventListener("ages:counted", (event) => {
    for (const age of document.querySelectorAll("time.age")) for (const panel of agedBy(age)) repaint(panel, `aged-${stateOf(age)}`);
    countDown(event.detail);
    const title = document.getElementById("mark_price");
    if (title) document.title = `${title.textContent} ${document.querySelector("#market_bar h1").textContent}`;
    tellVenue();
    closeWhenOld();
    takeBackOldClaims();
    if (stream() && !document.hidden && performance.now() - heard > SILENCE) tellSilence();
  });

  function countDown(now) {
    for (const element of document.querySelectorAll("time.countdown")) {
      const left = Math.max(Date.parse(element.getAttribute("datetime")) - now, 0) / 1000;
      const hours = Math.floor(left / 3600);
      const pair = [Math.floor((left % 3600) / 60), Math.floor(left % 60)].map((part) => String(part).padStart(2, "0")).join(":");
      element.textContent = hours ? `${hours}:${pair}` : pair;
    }
  }

  // A connection that failed before this script was there has told nobody, and nothing tries it again.
  function tellSilence() {
    document.getElementById("stream_lost").hidden = false;
    if (!stream()._htmx?.sse) renew();
  }

  // The chip claims no more than the age of the prices beside it.
  function tellVenue() {
    const chip = document.getElementById("venue_state");
    const age = document.querySelector("#market_bar time.age");
    if (!chip || !age) return;
    const state = stateOf(age);
    const book = document.getElementById("book");
    if (book) repaint(book, `aged-${state}`);
    const words = `${chip.textContent.split(" · ")[0]} · ${VENUE_WORDS[state]}`;
    if (chip.textContent === words) return;
    chip.className = `chip venue-chip is-${state}`;
    chip.lastChild.textContent = words;
  }

  // That numbers are too old, or cannot be read, is said by a sentence and by closed buttons, which are drawn by the
  // server. Where it stands beside numbers that are current, however they came, it was drawn before them and is asked for
  // again: ever more rarely, for what is true (no account, figures that make no sense) comes back each time. Each account
  // is doubted by itself, so that one which stays unreadable keeps no other waiting.
  function takeBackOldClaims() {
    const claims = new Set([...document.querySelectorAll("#positions [data-old]")].map((claim) => claim.dataset.old));
    for (const name of doubts.keys()) if (!claims.has(name)) doubts.delete(name);
    if (document.hidden) return;
    const now = performance.now();
    const isPast = (name) => [...places(name)].some((panel) => panel.classList.contains("aged-live"));
    const due = [...claims].filter((name) => isPast(name) && !(now < doubts.get(name)?.until));
    for (const name of due) {
      const pause = Math.min((doubts.get(name)?.pause ?? SHORTEST_DOUBT) * 2, LONGEST_DOUBT);
      doubts.set(name, { pause, until: now + pause });
    }
    if (due.length) refresh(["positions", "account"]);
  }

  // Opening on old numbers is closed with its reason; what protects a position stays open, and so does a way elsewhere.
  function closeWhenOld() {
    const age = document.getElementById("quote_age");
    if (!age || stateOf(age) !== "closed") return;
    document.getElementById("quote").classList.add("is-old");
    const opens = document.querySelector('#place_order[data-money=""]:enabled');
    if (!opens) return;
    opens.disabled = true;
    document.querySelector("#place_order_why > span").textContent = say.wordsTooOld;
  }

  // A ticket of admission lives briefly. When the stream refuses it, or is not reached the first time, the page is asked
  // for a fresh one: ever more slowly until one connects, and not while nobody looks.
  const SHORTEST_PAUSE = 1000;
  const LONGEST_PAUSE = 32000;
  let renewal = 0;
  let pause = SHORTEST_PAUSE;
  let hasMissed = false;
  function renew() {
    hasMissed = true;
    if (renewal) return;
    renewal = setTimeout(askForTicket, pause * (1 + 2 * Math.random()));
    pause = Math.min(pause * 2, LONGEST_PAUSE);
  }
  async function askForTicket() {
    const refused = stream();
    if (!refused) return;
    if (!document.hidden) await htmx.ajax("GET", location.href, { source: "#main", target: refused, select: "#live", swap: "outerHTML" });
    renewal = 0;
    if (stream() === refused) renew();
    else heard = performance.now();
  }
  document.addEventListener("visibilitychange", () => {
    if (document.hidden || !renewal) return;
    clearTimeout(renewal);
    renewal = 0;
    pause = SHORTEST_PAUSE;
    renew();
  });
  document.addEventListener("htmx:sse:error", (event) => {
    if ([401, 403].includes(event.detail.status)) renew();
  });
  for (const name of ["htmx:error", "htmx:response:error"]) {
    document.addEventListener(name, (event) => {
      if (event.detail.ctx?.sourceElement.id === "live") renew();
    });
  }
  // Whatever changed between the page and its stream, or between two streams, is read once more.
  document.addEventListener("htmx:after:sse:connection", () => {
    pause = SHORTEST_PAUSE;
    if (hasMissed) refresh(FRAGMENTS);
    hasMissed = true;
  });

  document.addEventListener("htmx:after:swap", count);
})();
