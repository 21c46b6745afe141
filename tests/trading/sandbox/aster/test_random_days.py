"""Whatever traders do at random, money is neither made nor lost, and the record adds up to the balance."""

import json
import random
from decimal import Decimal
from typing import Any

import pytest

from tests.trading.sandbox.aster.trader import Trader
from tests.trading.sandbox.conftest import Clock
from trading.sandbox.aster.doors import Doors
from trading.sandbox.state import Account

STEPS = 60
# Entry prices are kept to eight decimals, so that a wallet is known to as many.
DUST = Decimal("0.000001")
MARKETS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")


def act(chance: random.Random, trader: Trader, symbol: str) -> None:
    """One request at random; refusals are part of the day."""
    side, quantity = chance.choice(("BUY", "SELL")), chance.choice(("0.01", "0.05", "0.3", "2"))
    mark = trader.doors.engine.marks[symbol]
    price = trader.doors.engine.markets[symbol].to_tick(mark * Decimal(chance.choice(("0.995", "1.005"))))
    order = {"symbol": symbol, "side": side, "quantity": quantity}
    if is_hedged(trader):
        order["positionSide"] = chance.choice(("LONG", "SHORT"))
    requests = (
        ("POST", "order", order | {"type": "MARKET"}),
        ("POST", "order", order | {"type": "MARKET"}),
        ("POST", "order", order | {"type": "LIMIT", "timeInForce": "GTC", "price": price}),
        ("POST", "order", order | {"type": "STOP_MARKET", "stopPrice": price}),
        ("POST", "leverage", {"symbol": symbol, "leverage": chance.choice((5, 20, 50))}),
        ("POST", "marginType", {"symbol": symbol, "marginType": chance.choice(("ISOLATED", "CROSSED"))}),
        ("POST", "positionMargin", {"symbol": symbol, "amount": "3.3", "type": chance.choice((1, 2))}),
        ("DELETE", "allOpenOrders", {"symbol": symbol}),
    )
    method, name, fields = chance.choice(requests)
    answer = trader.send(method, name, trader.text(signer=trader.wallet, **fields))
    assert answer.status in (200, 400), answer.text


def is_hedged(trader: Trader) -> bool:
    account = trader.doors.engine.account(trader.address)
    return account is not None and account.hedged


def assert_it_adds_up(trader: Trader) -> None:
    engine = trader.doors.engine
    assert engine.state.money() == engine.state.deposits
    account = engine.account(trader.address)
    assert isinstance(account, Account)
    say = {name: trader.say("GET", name, signer=trader.wallet) for name in ("balance", "account", "positionRisk")}
    income = trader.say("GET", "income", signer=trader.wallet, limit=1000)
    balance = Decimal(say["balance"][0]["balance"])
    assert abs(sum(Decimal(row["income"]) for row in income) - balance) < DUST
    rows, usdt = say["positionRisk"], say["account"]["assets"][0]
    profit = sum(Decimal(row["unRealizedProfit"]) for row in rows)
    isolated = sum(Decimal(row["isolatedWallet"]) for row in rows)
    assert abs(Decimal(usdt["marginBalance"]) - balance - profit) < DUST
    assert abs(Decimal(usdt["crossWalletBalance"]) + isolated - balance) < DUST


@pytest.mark.parametrize("seed", range(4))
def test_the_record_adds_up_whatever_happens(doors: Doors, clock: Clock, seed: int) -> None:
    chance, engine = random.Random(seed), doors.engine
    traders = [Trader(doors) for _ in range(2)]
    for trader in traders:
        engine.fund(trader.address, Decimal(2000))
    hedged = engine.account(traders[1].address)
    assert hedged is not None
    hedged.hedged = True
    for _ in range(STEPS):
        clock.now += 1000
        symbol = chance.choice(MARKETS)
        act(chance, chance.choice(traders), symbol)
        if chance.random() < 0.4:
            market = engine.markets[symbol]
            moved = engine.marks[symbol] * Decimal(repr(chance.uniform(0.97, 1.03)))
            engine.set_mark(market, market.to_tick(moved))
        if chance.random() < 0.05:
            engine.fund_hour(clock(), engine.by_index)
            engine.settle()
    for trader in traders:
        assert_it_adds_up(trader)
    assert sum(len(account.fills) for account in engine.state.accounts.values()) > 5


NONSENSE = (
    "",
    "0",
    "-1",
    "1e5",
    "NaN",
    "9" * 18,
    "9" * 40,
    "0.00000001",
    "true",
    "x",
    "BTCUSDT",
    "[]",
    "[1]",
    "{}",
    "ä",
)
NAMES = (
    *("symbol", "side", "type", "quantity", "price", "stopPrice", "timeInForce", "reduceOnly", "closePosition"),
    *("newClientOrderId", "orderId", "leverage", "marginType", "amount", "positionSide", "clientTranId", "limit"),
    *(
        "batchOrders",
        "orderIdList",
        "countdownTime",
        "startTime",
        "endTime",
        "fromId",
        "interval",
        "feeRate",
        "builder",
    ),
)


@pytest.mark.parametrize("seed", range(2))
def test_no_nonsense_makes_the_doors_fall_over(doors: Doors, seed: int) -> None:
    chance, trader = random.Random(seed), Trader(doors)
    doors.engine.fund(trader.address, Decimal(2000))
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    statuses = set()
    for method, name in chance.choices(list(doors.routes), k=300):
        sensible: dict[str, Any] = {key: value for key, value in order.items() if chance.random() < 0.8}
        fields = sensible | {key: chance.choice(NONSENSE) for key in chance.sample(NAMES, chance.randint(0, 4))}
        answer = trader.send(method, name, trader.text(signer=trader.wallet, **fields))
        json.loads(answer.text)
        statuses.add(answer.status)
    assert statuses == {200, 400}
    assert doors.engine.state.money() == doors.engine.state.deposits
