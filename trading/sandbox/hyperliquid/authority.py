"""Who may act for whom: signers, agents, nonces (Hyperliquid rules 5.3)."""

import re
from dataclasses import dataclass

from trading.sandbox.curve import BadSignatureError, recover
from trading.sandbox.hyperliquid.actions import USER, Json
from trading.sandbox.hyperliquid.signatures import (
    TESTNET_CHAIN,
    TESTNET_SOURCE,
    connection_id,
    l1_digest,
    user_signed_digest,
)
from trading.sandbox.refusals import RefusedError
from trading.sandbox.state import Account, Agent, State

DAY = 86_400_000
KEPT_NONCES = 100
NAMED_AGENTS = 3
NAME_LENGTH = 16
DEFAULT_VALIDITY = 90 * DAY
LONGEST_VALIDITY = 180 * DAY
NOBODY = "0x" + "0" * 40

_VALID_UNTIL = re.compile(r"(?P<name>.*?) ?valid_until (?P<until>[0-9]{1,16})")


@dataclass(frozen=True)
class Authority:
    state: State

    def signer(self, envelope: Json) -> str:
        """Address that signed, recovered from the action as understood."""
        action, nonce = envelope["action"], envelope["nonce"]
        if action["type"] in USER:
            message = {"agentName": ""} | action
            digest = user_signed_digest(
                action["type"], message, chain=TESTNET_CHAIN, chain_id=action["signatureChainId"]
            )
        else:
            connection = connection_id(action, nonce, envelope["vaultAddress"], envelope["expiresAfter"])
            digest = l1_digest(connection, TESTNET_SOURCE)
        signature = envelope["signature"]
        try:
            return recover(digest, signature["r"], signature["s"], signature["v"])
        except BadSignatureError:
            return NOBODY

    def account(self, signer: str, kind: str, now: int) -> Account:
        """Account that ``signer`` acts for; user-signed kinds are for the owner's own wallet alone."""
        own = self.state.accounts.get(signer)
        if kind in USER:
            if own is None:
                raise RefusedError(f"Must deposit before performing actions. User: {signer}")
            return own
        master = self.master(signer, now)
        if master is None and own is None:
            raise RefusedError(f"User or API Wallet {signer} does not exist.")
        return master or self.state.accounts[signer]

    def master(self, agent: str, now: int) -> Account | None:
        for account in self.state.accounts.values():
            if any(row.address == agent and row.valid_until > now for row in account.agents):
                return account
        return None

    def use_nonce(self, signer: str, nonce: int, now: int) -> None:
        """Remember a nonce; one that was used, fell out of the window or below the hundred kept is refused."""
        kept = self.state.nonces.setdefault(signer, [])
        if nonce in kept:
            raise RefusedError(f"Invalid nonce: duplicate nonce {nonce}")
        # The venue's words for these two are not recorded anywhere.
        if not now - 2 * DAY < nonce < now + DAY:
            raise RefusedError(f"Invalid nonce: {nonce} is out of the window around {now}")
        if len(kept) == KEPT_NONCES and nonce < kept[0]:
            raise RefusedError(f"Invalid nonce: {nonce} is too low")
        kept.append(nonce)
        kept.sort()
        del kept[:-KEPT_NONCES]

    def approve(self, account: Account, address: str, full_name: str, now: int) -> None:
        """Give ``address`` the right to trade; the same name (or no name) replaces, address zero revokes."""
        found = _VALID_UNTIL.fullmatch(full_name)
        name = found["name"] if found else full_name
        until = int(found["until"]) if found else now + DEFAULT_VALIDITY
        if not now < until <= now + LONGEST_VALIDITY:
            raise RefusedError("Agent valid_until already expired.")
        if len(name) > NAME_LENGTH:
            raise RefusedError("Agent name is longer than 16 characters.")
        others = [row for row in account.agents if row.name != name and row.valid_until > now]
        if address == NOBODY:
            account.agents = others
            return
        if address in self.state.used_agents or address in self.state.accounts:
            raise RefusedError("Extra agent already used.")
        if name and sum(1 for row in others if row.name) >= NAMED_AGENTS:
            raise RefusedError("Too many extra agents for cumulative volume traded. Current limit is 3")
        self.state.used_agents.append(address)
        account.agents = [*others, Agent(address, name, until)]
