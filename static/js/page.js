// What every page does: dialogs that arrive open themselves, notes can be dismissed, the newest answer wins.
"use strict";

(() => {
  const latest = new WeakMap();
  const waiting = new WeakMap();
  const refused = new WeakMap();
  const PATIENCE = 6000;
  const notices = () => document.getElementById("notices");

  document.documentElement.classList.add("has-scripts");

  const isStream = (ctx) => ctx.sourceElement.id === "live";

  // Where an answer goes, of which only the newest may land there: a dialog takes the place of any other.
  const placeOf = (ctx) => (ctx.target?.id === "dialogs" ? ctx.target : ctx.sourceElement);

  // What changes nothing: a GET, or a form too large for an address. Only such a request may be replaced by a newer one.
  function isReading(ctx) {
    return ctx.request.method === "GET" || ctx.sourceElement.getAttribute("hx-sync") === "this:replace";
  }

  // A dialog whose form is on its way: what it is about may be gone by now, and only the form's answer tells why.
  function isSending(ctx) {
    return isReading(ctx) && Boolean(ctx.sourceElement.closest("dialog form")?.dataset.busy);
  }

  // htmx's "replace" aborts the older request but forgets the newer one when the abort settles, so a third request can
  // run beside the second and be overtaken by it. Only the newest request for a place may land.
  document.addEventListener("htmx:config:request", (event) => {
    const { ctx } = event.detail;
    if (!isReading(ctx) || isStream(ctx)) return;
    ctx.fetch = async (address, options) => {
      try {
        const answer = await fetch(address, options);
        const body = [204, 304].includes(answer.status) ? null : await answer.text();
        return new Response(body, { status: answer.status, statusText: answer.statusText, headers: answer.headers });
      } catch (error) {
        if (error.name !== "AbortError") throw error;
        if (latest.get(placeOf(ctx)) === ctx) failed(ctx);
        return new Response(null, { status: 204 });
      }
    };
  });

  document.addEventListener("htmx:config:request", (event) => {
    if (isSending(event.detail.ctx)) event.preventDefault();
  });

  // A page that nobody sees has nothing read at the venue for it; seen again, it asks at once.
  document.addEventListener("htmx:config:request", (event) => {
    if (document.hidden && event.detail.ctx.sourceElement.id === "available") event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) document.getElementById("account")?.dispatchEvent(new CustomEvent("refresh"));
  });

  // Counted when it leaves: one that was queued behind another and then dropped never is, and overtakes nothing.
  document.addEventListener("htmx:before:request", (event) => {
    const { ctx } = event.detail;
    if (!isReading(ctx) || isStream(ctx)) return;
    latest.set(placeOf(ctx), ctx);
    waiting.set(ctx.sourceElement, performance.now());
  });

  // A poll waits for the answer that is on its way: where answers are slow it would call off each one, and none would land.
  document.addEventListener("htmx:config:request", (event) => {
    const { ctx } = event.detail;
    if (ctx.sourceEvent?.type !== "every" || !(performance.now() - waiting.get(ctx.sourceElement) < PATIENCE)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  });
  document.addEventListener("htmx:finally:request", (event) => {
    const { ctx } = event.detail;
    if (latest.get(placeOf(ctx)) === ctx) waiting.delete(ctx.sourceElement);
  });

  // Why a form was refused stays to be read: what asks by itself asks later, unless something is typed first.
  const wasRefused = (ctx) => refused.get(ctx.sourceElement.closest("form"));
  document.addEventListener("htmx:config:request", (event) => {
    const { ctx } = event.detail;
    if (!["every", "refresh"].includes(ctx.sourceEvent?.type) || !(performance.now() - wasRefused(ctx) < PATIENCE)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  });

  document.addEventListener("htmx:before:response", (event) => {
    const { ctx } = event.detail;
    if (isReading(ctx) && waiting.get(ctx.sourceElement) < wasRefused(ctx)) event.preventDefault();
  });
  document.addEventListener("htmx:before:response", (event) => {
    const { ctx } = event.detail;
    const newest = latest.get(placeOf(ctx));
    if (isGone(ctx) || isSending(ctx) || (newest && newest !== ctx)) event.preventDefault();
  });

  document.addEventListener("htmx:error", (event) => failed(event.detail.ctx));
  document.addEventListener("htmx:response:error", (event) => {
    const { ctx } = event.detail;
    if (ctx.response.status >= 500) failed(ctx);
  });

  // What has been taken off the page meanwhile has no place left for an answer of its own.
  function isGone(ctx) {
    return ctx.target === ctx.sourceElement && !ctx.sourceElement.isConnected;
  }

  // What was not made for a place is never put there; what it says is said.
  document.addEventListener("htmx:before:swap", (event) => {
    const { ctx } = event.detail;
    const isForeign = ctx.response && isUnfit(ctx);
    if (isForeign || isGone(ctx)) event.preventDefault();
    if (isForeign && ctx.response.status < 500 && !isStream(ctx)) tellRefusal(ctx);
  });

  // A form that was left while it was on its way: another dialog may stand there now, with the same names in it. What it
  // was answered is said with its name, and never put in the other's place.
  const isLeft = (ctx) => !ctx.sourceElement.isConnected && Boolean(ctx.sourceElement.closest("dialog"));
  document.addEventListener("htmx:before:swap", (event) => {
    const { ctx } = event.detail;
    if (event.defaultPrevented || !ctx.response || isReading(ctx) || !isLeft(ctx) || ctx.target === notices()) return;
    event.preventDefault();
    if (ctx.response.status < 500) say(reasonIn(pageOf(ctx.text)) || notices().dataset.wordsNoAnswer, ctx);
  });

  function reasonIn(answer) {
    const words = (places) => [...answer.querySelectorAll(places)].map((place) => place.textContent.trim()).filter(Boolean);
    const beside = words(".field-error, .why > span, .sweep-title");
    return (beside.length ? beside : words(".quote-warning")).join(" ");
  }

  function named(text, ctx) {
    return isLeft(ctx) ? `${ctx.sourceElement.closest("dialog").querySelector("h2").textContent.trim()}: ${text}` : text;
  }

  // A refusal, but for the two that forms are drawn with; a whole page without the part of it that was asked for.
  function isUnfit({ response, select, text }) {
    if (response.status >= 400 && ![409, 422].includes(response.status)) return true;
    return /^\s*<(!doctype|html)\b/i.test(text) && !(select && pageOf(text).querySelector(select));
  }

  function pageOf(text) {
    return new DOMParser().parseFromString(text, "text/html");
  }

  function tellRefusal(ctx) {
    if (isReading(ctx)) goWithout(ctx.sourceElement);
    say(sentenceOf(ctx), ctx);
  }

  // The page's own words; where it has none it was not ours, and what became of a form is not known.
  function sentenceOf(ctx) {
    const { wordsSignedOut, wordsNotLoaded, wordsNoAnswer } = notices().dataset;
    if (ctx.response.status < 400) return wordsSignedOut;
    const page = pageOf(ctx.text);
    const heading = page.querySelector("main h1")?.textContent.trim();
    if (!heading) return isReading(ctx) ? wordsNotLoaded : wordsNoAnswer;
    return `${heading}. ${page.querySelector("main h1 + p")?.textContent.trim() || ""}`.trim();
  }

  function failed(ctx) {
    if (!ctx || !ctx.request || isStream(ctx)) return;
    if (!isReading(ctx)) {
      say(notices().dataset.wordsNoAnswer, ctx);
      return;
    }
    if (ctx.sourceElement.matches("a, button")) say(notices().dataset.wordsNotLoaded, ctx);
    goWithout(ctx.sourceElement);
  }

  // A reading that did not come: figures that bear no age of their own are marked, until the next answer is put there.
  function goWithout(place) {
    place.dispatchEvent(new CustomEvent("quote:failed", { bubbles: true }));
    offerAgain(place);
    const late = place.querySelector(":scope > [data-late]");
    if (!late) return;
    late.hidden = false;
    place.classList.add("is-late");
  }

  // What has never been shown says that it could not be; anything that was shown stays, and its age tells the rest.
  function offerAgain(place) {
    if (place.querySelector(":scope > :is(.skeleton, .not-loaded)")) place.replaceChildren(document.getElementById("not_loaded").content.cloneNode(true));
  }
  document.addEventListener("click", (event) => {
    const again = event.target.closest("[data-retries]");
    if (!again) return;
    again.disabled = true;
    again.closest("[hx-get]").dispatchEvent(new CustomEvent("refresh"));
  });

  // Said again to whoever presses again; what asks by itself, time after time, says it once.
  function say(words, ctx) {
    const text = named(words, ctx);
    if (noteOf(text) && (isReading(ctx) || ctx.sourceEvent?.type === "every")) return;
    tell(text);
  }

  // Behind an open dialog nothing can be read or dismissed, so a note stands in it.
  const openDialog = () => [...document.querySelectorAll("dialog:modal")].at(-1);

  function noteOf(text) {
    const titles = [...(openDialog() || notices()).querySelectorAll(".toast-title")];
    return titles.find((title) => title.textContent === text)?.closest(".toast");
  }

  function tell(text) {
    noteOf(text)?.remove();
    const dialog = openDialog();
    const note = document.getElementById("note").content.firstElementChild.cloneNode(true);
    note.querySelector(".toast-title").textContent = text;
    if (!dialog) {
      notices().prepend(note);
      return;
    }
    dialog.querySelector(".dialog-head").after(note);
    note.scrollIntoView({ block: "nearest" });
  }

  // What is closed can be reached, by a finger and by a key, and says why.
  document.addEventListener("click", (event) => {
    const closed = event.target.closest('[aria-disabled="true"][title]');
    if (closed) tell(closed.title);
  });

  // Good news leaves by itself; what needs reading stays until it is dismissed.
  document.addEventListener("htmx:after:swap", () => {
    for (const note of document.querySelectorAll(".toast-accepted:not([data-leaves])")) {
      note.dataset.leaves = "true";
      setTimeout(() => note.matches(":hover, :focus-within") || note.remove(), 8000);
    }
  });

  // A form in flight takes no second press, whatever its button looks like after a swap.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.busy) {
      event.preventDefault();
      event.stopImmediatePropagation();
    } else if (form.hasAttribute("hx-post")) {
      form.dataset.busy = "true";
    }
  }, true);
  // The answer may be there between the two presses of a double click: the second one is never a second order.
  document.addEventListener("click", (event) => {
    if (event.detail > 1 && event.target.closest("[data-money]")) event.preventDefault();
  }, true);
  // A key that is held is one press: it neither sends a form again nor presses the button of a dialog that has just opened.
  document.addEventListener("keydown", (event) => {
    if (event.repeat && event.key === "Enter") event.preventDefault();
  }, true);
  document.addEventListener("htmx:finally:request", (event) => {
    const { ctx } = event.detail;
    if (isReading(ctx)) return;
    delete ctx.sourceElement.dataset.busy;
    if (ctx.response?.status === 422) refused.set(ctx.sourceElement, performance.now());
    else refused.delete(ctx.sourceElement);
    const status = ctx.response ? ctx.response.status : 0;
    // One that tells in its own place what became of the form stays.
    const dialog = ctx.sourceElement.closest("form:not([data-stays])")?.closest("dialog");
    if (dialog && status >= 200 && status < 300) dialog.close();
  });

  // What htmx closed for a request it opens again afterwards, also a button that the answer has drawn closed; one that
  // stands among the notices draws no button.
  document.addEventListener("htmx:after:swap", (event) => {
    const { ctx } = event.detail;
    if (![409, 422].includes(ctx.response?.status) || isReading(ctx) || ctx.target === notices()) return;
    const closed = ctx.sourceElement.querySelectorAll("[type=submit]:disabled");
    setTimeout(() => { for (const button of closed) button.disabled = true; });
  });

  document.addEventListener("htmx:after:swap", openDialogs);
  document.addEventListener("DOMContentLoaded", openDialogs);

  function openDialogs() {
    for (const dialog of document.querySelectorAll("dialog[data-opens]:not([open])")) {
      dialog.removeAttribute("data-opens");
      dialog.showModal();
      dialog.addEventListener("close", () => {
        dialog.remove();
        comeBack();
      }, { once: true });
    }
  }

  // Where the keyboard was on the page itself, and in which table: a dialog, also one that took another's place, leads
  // back there, and so does a row that is gone. Where the very place is gone too, to the table's tab.
  let place = null;
  let table = "";
  document.addEventListener("focusin", (event) => {
    if (event.target.closest("dialog")) return;
    place = event.target;
    table = place.closest(".table-panel")?.id || "";
  });
  document.addEventListener("htmx:after:swap", () => {
    if (place && !place.isConnected && table && !document.querySelector("dialog[open]")) comeBack();
  });

  function comeBack() {
    if (document.activeElement && document.activeElement !== document.body) return;
    const same = place?.isConnected ? place : place?.id && document.getElementById(place.id);
    (same || document.getElementById(`tab-${table}`))?.focus({ preventScroll: true });
  }

  // A press beside a dialog leaves it: one that began there too, and is not the second of a double click that opened it.
  let beganBeside = false;
  document.addEventListener("pointerdown", (event) => {
    beganBeside = isBesideDialog(event);
  });

  function isBesideDialog({ target, clientX, clientY }) {
    if (!target.matches("dialog")) return false;
    const { left, right, top, bottom } = target.getBoundingClientRect();
    return clientX < left || clientX > right || clientY < top || clientY > bottom;
  }

  document.addEventListener("click", (event) => {
    const target = event.target;
    if (target.closest("[data-dismiss]")) target.closest(".toast").remove();
    if (target.closest("[data-closes]") && target.closest("dialog")) {
      event.preventDefault();
      target.closest("dialog").close();
    }
    if (beganBeside && event.detail < 2 && isBesideDialog(event)) target.close();
    const filler = target.closest("[data-fills]");
    if (filler) fill(document.getElementById(filler.dataset.fills), filler.value);
    for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(target)) menu.open = false;
  });

  document.addEventListener("input", pressFillers);
  document.addEventListener("htmx:after:swap", pressFillers);

  function pressFillers() {
    for (const filler of document.querySelectorAll("[data-fills]")) {
      const value = document.getElementById(filler.dataset.fills).value.trim();
      filler.setAttribute("aria-pressed", String(value !== "" && (value === filler.value || Number(value) === Number(filler.value))));
    }
  }

  // A typed size and a chosen share exclude each other; what a share comes to stands in the field as a hint.
  document.addEventListener("input", (event) => {
    const { unchecks, empties } = event.target.dataset;
    if (unchecks) for (const choice of event.target.form.querySelectorAll(`[name="${unchecks}"]`)) choice.checked = false;
    if (empties) document.getElementById(empties).value = "";
  }, true);
  document.addEventListener("htmx:after:swap", () => {
    for (const answer of document.querySelectorAll("[data-tells]")) document.getElementById(answer.dataset.tells).placeholder = answer.dataset.size || "0";
  });

  function fill(input, value) {
    input.value = value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }

  document.addEventListener("input", (event) => {
    const list = event.target.dataset.filters && document.getElementById(event.target.dataset.filters);
    if (!list) return;
    const wanted = event.target.value.trim().toLowerCase();
    for (const item of list.children) item.hidden = !item.dataset.filter.includes(wanted);
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.dataset.filters) document.querySelector(`#${event.target.dataset.filters} > :not([hidden]) a`)?.click();
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
      menu.open = false;
    }
  });
})();
