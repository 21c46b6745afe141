// Asks the trader's wallet (EIP-1193, found by EIP-6963) and posts its answer. Every text and payload that is signed
// comes from the server; nothing is composed here, and no key is ever in this page.
"use strict";

(() => {
  const say = document.body.dataset;
  const announced = new Map();
  const DECLINED = 4001;
  const ALREADY_ASKING = -32002;

  window.addEventListener("eip6963:announceProvider", (event) => {
    announced.set(event.detail.info.uuid, event.detail);
  });
  window.dispatchEvent(new Event("eip6963:requestProvider"));

  class Words extends Error {}

  const actions = {
    async connect(form, wallet) {
      form.elements.address.value = (await accountsOf(wallet))[0];
    },
    async ask(form, wallet) {
      form.elements.chain_id.value = await wallet.request({ method: "eth_chainId" });
    },
    async sign(form, wallet) {
      const owner = form.dataset.owner;
      const accounts = await accountsOf(wallet);
      if (!accounts.some((account) => account.toLowerCase() === owner)) {
        throw new Words(say.wordsChoose.replace("{account}", `${owner.slice(0, 6)}…${owner.slice(-4)}`));
      }
      if (form.dataset.switches) await goTo(wallet, Number(form.dataset.chain));
      const chain = await wallet.request({ method: "eth_chainId" });
      if (Number(chain) !== Number(form.dataset.chain) || isTooOld(form)) {
        // Wallets refuse a payload for another chain, and venues one of long ago: the server writes it anew.
        form.elements.chain_id.value = chain;
        form.action = form.dataset.ask;
        return;
      }
      form.elements.signature.value = await wallet.request({ method: "eth_signTypedData_v4", params: [owner, form.dataset.payload] });
    },
    async "sign-in"(form, wallet) {
      const [address] = await accountsOf(wallet);
      const chain = await wallet.request({ method: "eth_chainId" });
      const message = await messageFor(form, address, chain);
      form.elements.signature.value = await wallet.request({ method: "personal_sign", params: [hex(message), address] });
      form.elements.message.value = message;
    },
  };

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.dataset.wallet) return;
    event.preventDefault();
    start(form);
  });

  // A page that comes back from the browser's memory is not waiting for anything.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) document.querySelectorAll("form[data-wallet]").forEach(rest);
  });

  function start(form) {
    const wallets = [...announced.values()];
    if (wallets.length > 1) return offer(form, wallets);
    const wallet = wallets.length ? wallets[0].provider : window.ethereum;
    if (!wallet) return tell(form, say.wordsNoWallet);
    return run(form, wallet);
  }

  async function run(form, wallet) {
    form.dataset.busy = "true";
    form.querySelector("button[type=submit]").disabled = true;
    tell(form, "");
    try {
      await actions[form.dataset.wallet](form, wallet);
      form.submit();
    } catch (error) {
      rest(form);
      tell(form, inWords(error));
    }
  }

  function rest(form) {
    delete form.dataset.busy;
    form.querySelector("button[type=submit]").disabled = false;
  }

  function offer(form, wallets) {
    const choice = form.querySelector("[data-wallet-choice]");
    choice.replaceChildren(...wallets.map(({ info, provider }) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "button";
      if (/^data:image\//.test(info.icon || "")) {
        const image = document.createElement("img");
        image.src = info.icon;
        image.alt = "";
        button.append(image);
      }
      button.append(info.name);
      button.addEventListener("click", () => {
        choice.hidden = true;
        run(form, provider);
      });
      return button;
    }));
    choice.hidden = false;
    choice.firstElementChild.focus();
  }

  // Ages are told by the page's own time, so a clock that is wrong does no harm.
  const loadedAt = performance.now();
  function isTooOld(form) {
    return performance.now() - loadedAt > Date.parse(form.dataset.freshUntil) - Date.parse(form.dataset.now);
  }

  async function goTo(wallet, chain) {
    const now = await wallet.request({ method: "eth_chainId" });
    if (Number(now) === chain) return;
    try {
      await wallet.request({ method: "wallet_switchEthereumChain", params: [{ chainId: `0x${chain.toString(16)}` }] });
    } catch (error) {
      if (error && error.code === DECLINED) throw error;
      throw new Words(say.wordsChain.replace("{chain}", chain));
    }
  }

  async function accountsOf(wallet) {
    const accounts = await wallet.request({ method: "eth_requestAccounts" });
    if (!Array.isArray(accounts) || !accounts.length) throw new Words(say.wordsNoAccount);
    return accounts;
  }

  async function messageFor(form, address, chain) {
    const body = new URLSearchParams({ address, chain_id: chain, csrfmiddlewaretoken: form.elements.csrfmiddlewaretoken.value });
    const answer = await fetch(form.dataset.message, { method: "POST", body, headers: { Accept: "application/json" } });
    const isJson = (answer.headers.get("Content-Type") || "").startsWith("application/json");
    const { message, problem } = isJson ? await answer.json() : {};
    if (!message) throw new Words(problem || say.wordsNoMessage);
    return message;
  }

  function hex(text) {
    return "0x" + [...new TextEncoder().encode(text)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  function inWords(error) {
    if (error instanceof Words) return error.message;
    if (error && error.code === DECLINED) return say.wordsDeclined;
    if (error && error.code === ALREADY_ASKING) return say.wordsAsking;
    return say.wordsWalletFailed;
  }

  function tell(form, words) {
    const place = form.querySelector("[data-wallet-says]");
    place.textContent = words;
    place.hidden = !words;
  }
})();
