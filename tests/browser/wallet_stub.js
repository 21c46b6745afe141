// A browser wallet for tests: EIP-1193 announced by EIP-6963. The test itself holds the key and signs.
(() => {
  const provider = {
    async request({ method, params }) {
      const answer = await window.askWallet(method, JSON.stringify(params || []));
      if (answer.error) throw Object.assign(new Error("wallet"), { code: answer.error });
      return answer.result;
    },
  };
  const info = Object.freeze({ uuid: "5a1f6e0e-7d1c-4f1a-9d5b-0a4f3b7f2c11", name: "Test Wallet", icon: "", rdns: "example.test" });
  const announce = () => window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail: Object.freeze({ info, provider }) }));
  window.addEventListener("eip6963:requestProvider", announce);
  announce();
})();
