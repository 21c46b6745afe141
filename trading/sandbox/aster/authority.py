"""Who may act for whom: agents with their nonces, wallets, API keys with their windows (Aster rules 1.2 to 1.5)."""

from dataclasses import dataclass

from trading.sandbox.aster import failures, signatures
from trading.sandbox.aster.parameters import Parameters, Signed
from trading.sandbox.curve import BadSignatureError
from trading.sandbox.state import Account, Agent, State

NONCE_WINDOW = 60_000_000
KEPT_NONCES = 100
USUAL_WINDOW, LONGEST_WINDOW = 5000, 60_000
AHEAD = 1000
# The raw text that a newcomer's wallet signs, in this order (rules 1.5).
_WHO = ("user", "nonce", "agentName", "agentAddress", "expired", "signatureChainId")
REGISTRATION = (*_WHO, "canSpotTrade", "canPerpTrade", "canWithdraw", "ipWhitelist")


@dataclass(frozen=True)
class Caller:
    """The account that a request acts for, the key that signed, and what the key may do."""

    account: Account
    signer: str
    may_trade: bool
    nonce: int


@dataclass(frozen=True)
class Authority:
    """Refusals raise. Times are the venue's own, in milliseconds."""

    state: State

    def by_agent(self, signed: Signed, parameters: Parameters, now: int) -> Caller:
        """An approved key acts for its account, and a main wallet for itself."""
        nonce, claimed = parameters.integer("nonce"), parameters.text("signer").lower()
        if not signed.signature:
            raise failures.missing("signature")
        if self._signer(signatures.text_digest(signed.text), signed.signature) != claimed:
            raise failures.bad_signature()
        user = parameters.optional("user")
        account, may_trade = self._acting(claimed, None if user is None else user.lower(), now)
        self.use_nonce(claimed, nonce, now)
        return Caller(account, claimed, may_trade, nonce)

    @staticmethod
    def _signer(digest: bytes, signature: str) -> str:
        try:
            return signatures.signer(digest, signature)
        except BadSignatureError:
            return ""

    def _acting(self, signer: str, user: str | None, now: int) -> tuple[Account, bool]:
        """A signer without a user names its account by itself (rules 1.3)."""
        if user is None or user == signer:
            own = self.state.accounts.get(signer)
            if own is not None:
                return own, True
            if user is not None:
                raise failures.undeposited()
        accounts = self.state.accounts.values()
        for account in accounts if user is None else [row for row in accounts if row.address == user]:
            agent = self.agent(account, signer)
            if agent is not None and agent.valid_until > now:
                return account, agent.trades_perpetuals
        raise failures.not_permitted()

    @staticmethod
    def agent(account: Account, address: str) -> Agent | None:
        return next((row for row in account.agents if row.address == address), None)

    def use_nonce(self, signer: str, nonce: int, now: int) -> None:
        """Remember a nonce; one that was used, is out of the window or below the hundred kept is refused."""
        kept = self.state.nonces.setdefault(signer, [])
        too_low = len(kept) == KEPT_NONCES and nonce < kept[0]
        if nonce in kept or too_low or abs(nonce - now * 1000) > NONCE_WINDOW:
            raise failures.nonce()
        kept.append(nonce)
        kept.sort()
        del kept[:-KEPT_NONCES]

    def by_wallet(self, kind: str, parameters: Parameters, signature: str, now: int) -> Account:
        """An approval that only the owner's wallet gives; its account comes into being with it."""
        user, nonce = parameters.text("user").lower(), parameters.integer("nonce")
        chain = parameters.integer("signatureChainId")
        fields = [name for name, _ in signatures.WALLET_SIGNED[kind]]
        values = {name: parameters.values.get(name, "") for name in (row[0].lower() + row[1:] for row in fields)}
        try:
            digest = signatures.typed_digest(kind, values, chain)
        except BadSignatureError as error:
            raise failures.check_failed() from error
        return self._owner(digest, signature, user, nonce, now, is_right_chain=values["asterChain"] == signatures.CHAIN)

    def by_registration(self, parameters: Parameters, signature: str, now: int) -> Account:
        """A new account and its agent in one call, signed as one raw text (rules 1.5)."""
        text = "&".join(f"{name}={parameters.values.get(name, '')}" for name in REGISTRATION)
        digest = signatures.text_digest(text, parameters.integer("signatureChainId"))
        user, nonce = parameters.text("user").lower(), parameters.integer("nonce")
        return self._owner(digest, signature, user, nonce, now, is_right_chain=True)

    def _owner(
        self, digest: bytes, signature: str, user: str, nonce: int, now: int, *, is_right_chain: bool
    ) -> Account:
        if not is_right_chain or self._signer(digest, signature) != user:
            raise failures.check_failed()
        self.use_nonce(user, nonce, now)
        return self.state.accounts.setdefault(user, Account(user))

    def by_key(self, key: str | None, signed: Signed, parameters: Parameters, now: int) -> Caller:
        """An API key of the older login: no nonce, so the same text passes again within its window."""
        account = self.of_key(key)
        time, window = parameters.integer("timestamp"), parameters.optional_integer("recvWindow") or USUAL_WINDOW
        if not signed.signature:
            raise failures.missing("signature")
        if window > LONGEST_WINDOW:
            raise failures.invalid("recvWindow")
        if not signatures.is_keyed(signed.text, self.state.api_keys[key or ""].secret, signed.signature):
            raise failures.bad_signature()
        if not now - window <= time < now + AHEAD:
            raise failures.outside_window()
        return Caller(account, key or "", may_trade=True, nonce=time)

    def of_key(self, key: str | None) -> Account:
        """Whose key it is."""
        if not key:
            raise failures.unknown_key()
        known = self.state.api_keys.get(key)
        account = self.state.accounts.get(known.address) if known is not None else None
        if account is None:
            raise failures.not_permitted()
        return account
