"""Money on its way: between spot, the main book and the builder-deployed ones, to others, and out of the venue
(Hyperliquid rules 3.9, 4.2, 4.3). Every move leaves a row in the ledgers of those it concerns.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from trading.sandbox.engine import Engine
from trading.sandbox.hyperliquid import books
from trading.sandbox.hyperliquid.actions import DEFAULT, Json
from trading.sandbox.hyperliquid.markets import DEXES
from trading.sandbox.numbers import fits_size, parse, shown
from trading.sandbox.refusals import RefusedError
from trading.sandbox.state import Account

SPOT, USDC = "spot", "USDC"
PLACES = ("", SPOT, *(dex.name for dex in DEXES))
WITHDRAWAL_FEE = Decimal(1)
NO_TRANSFER = "Action disabled when unified account is active"


@dataclass(frozen=True)
class Transfers:
    engine: Engine

    def performers(self) -> Mapping[str, Callable[[Account, Json], Json]]:
        """The actions that this carries out."""
        return {
            "usdClassTransfer": self.class_transfer,
            "sendAsset": self.send_asset,
            "agentSendAsset": self.agent_send_asset,
            "usdSend": self.usd_send,
            "withdraw3": self.withdraw,
        }

    def class_transfer(self, account: Account, action: Json) -> Json:
        """Between spot and the main book."""
        if account.unified:
            raise RefusedError(NO_TRANSFER)
        amount = _amount(action)
        source, target = (SPOT, "") if action["toPerp"] else ("", SPOT)
        if amount > self._available(account, source):
            raise RefusedError("Insufficient balance for withdrawal")
        self._move(account, source, account, target, amount)
        row: Json = {"type": "accountClassTransfer", "usdc": shown(amount, 6), "toPerp": action["toPerp"]}
        self.engine.tape.record_update(account, row)
        return DEFAULT

    def send_asset(self, account: Account, action: Json) -> Json:
        """From one place of the account to another, or to somebody else's."""
        source, target = action["sourceDex"], action["destinationDex"]
        if source not in PLACES or target not in PLACES or action["token"].partition(":")[0] != USDC:
            raise RefusedError("Invalid send")
        is_own = action["destination"] == account.address
        if is_own and account.unified:
            raise RefusedError(NO_TRANSFER)
        if is_own and source == target:
            raise RefusedError("Invalid send")
        amount = _amount(action)
        if amount > self._available(account, source):
            raise RefusedError("Insufficient balance for token transfer")
        other = account if is_own else self._account(action["destination"])
        self._move(account, source, other, target, amount)
        row = _sent(account, action, amount)
        for concerned in (account,) if is_own else (account, other):
            self.engine.tape.record_update(concerned, row)
        return DEFAULT

    def agent_send_asset(self, account: Account, action: Json) -> Json:
        """The same by a trading key, which stays within the account."""
        if action["destination"] != account.address:
            raise RefusedError("Agent can only send asset to same user or their sub-accounts.")
        return self.send_asset(account, action)

    def usd_send(self, account: Account, action: Json) -> Json:
        """From one main book to another's."""
        amount = _amount(action)
        if amount > self._available(account, ""):
            raise RefusedError("Insufficient balance for withdrawal")
        other = self._account(action["destination"])
        self._move(account, "", other, "", amount)
        row: Json = {
            "type": "internalTransfer",
            "usdc": shown(amount, 6),
            "user": account.address,
            "destination": other.address,
            "fee": "0.0",
        }
        for concerned in (account, other):
            self.engine.tape.record_update(concerned, row)
        return DEFAULT

    def withdraw(self, account: Account, action: Json) -> Json:
        """Out of the venue, for a dollar."""
        amount = _amount(action)
        if amount <= WITHDRAWAL_FEE or amount > self._available(account, ""):
            raise RefusedError("Insufficient balance for withdrawal")
        account.cash -= amount
        self.engine.state.deposits -= amount - WITHDRAWAL_FEE
        self.engine.state.fees += WITHDRAWAL_FEE
        row: Json = {"type": "withdraw", "usdc": shown(amount, 6), "nonce": str(action["time"]), "fee": "1.0"}
        self.engine.tape.record_update(account, row)
        return DEFAULT

    def _available(self, account: Account, place: str) -> Decimal:
        if place == SPOT and not account.unified:
            return account.spot
        held = books.find(self.engine, account.address, "" if place == SPOT else place)
        return self.engine.ledger.withdrawable(held) if held else Decimal(0)

    def _account(self, address: str) -> Account:
        accounts = self.engine.state.accounts
        return accounts.setdefault(address, Account(address))

    def _move(self, giver: Account, source: str, taker: Account, target: str, amount: Decimal) -> None:
        for account, place, change in ((giver, source, -amount), (taker, target, amount)):
            if place == SPOT and not account.unified:
                account.spot += change
            else:
                books.opened(self.engine, account, "" if place == SPOT else place).cash += change


def _amount(action: Json) -> Decimal:
    try:
        amount = parse(action["amount"])
    except ValueError as error:
        raise RefusedError("Invalid send") from error
    if amount <= 0 or not fits_size(amount, 6):
        raise RefusedError("Invalid send")
    return amount


def _sent(account: Account, action: Json, amount: Decimal) -> Json:
    return {
        "type": "send",
        "user": account.address,
        "destination": action["destination"],
        "sourceDex": action["sourceDex"],
        "destinationDex": action["destinationDex"],
        "token": USDC,
        "amount": shown(amount, 6),
        "usdcValue": shown(amount, 6),
        "fee": "0.0",
        "nativeTokenFee": "0.0",
        "nonce": action["nonce"],
        "feeToken": "",
    }
