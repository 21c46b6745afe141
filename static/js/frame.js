// The console's example of the ticket: every movement asks the frame's own address what the example would come to.
"use strict";

(() => {
  const PAUSE = 120;
  const form = document.getElementById("ticket_form");
  let newest = 0;
  let timer = 0;

  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE);
  });

  async function ask() {
    newest += 1;
    const asked = newest;
    document.dispatchEvent(new CustomEvent("quote:asked"));
    const address = new URL(location.href);
    for (const [name, value] of new FormData(form)) address.searchParams.set(name, value);
    const answer = await fetch(address);
    if (!answer.ok || asked !== newest) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of page.querySelectorAll("#quote, .quote-part, .field-error, .exit-note")) document.getElementById(part.id)?.replaceWith(part);
    document.dispatchEvent(new CustomEvent("quote:answered"));
  }
})();
