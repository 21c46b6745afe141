"""Account data in the venue's shapes: the same keys, numbers as texts (Hyperliquid rules 2.3-2.6)."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from trading.sandbox.engine import Engine
from trading.sandbox.hyperliquid import books
from trading.sandbox.ledger import DEFAULT_LEVERAGE
from trading.sandbox.markets import MarginMode, Market, Tier
from trading.sandbox.numbers import PERP_PRICE_DECIMALS, ZERO, shown, wire
from trading.sandbox.state import Account, Fill, FundingPayment, LedgerUpdate, Order, Position

Json = dict[str, Any]
_ABSURD = Decimal(10) ** 15


def money(value: Decimal) -> str:
    """Money as the venue prints it, to a millionth (rules 2.3)."""
    return shown(value, 6)


def liquidation_price(engine: Engine, account: Account, position: Position) -> Decimal | None:
    """What the venue shows; nothing in the sandbox is liquidated by it (rules 3.4).

    The position's equity equals its maintenance there: tried tier by tier until the notional lies in the tier.
    """
    ledger, market = engine.ledger, engine.markets[position.market]
    if ledger.is_isolated(account, position.market):
        cash = position.cash
    else:
        others = ledger.cross_maintenance(account) - ledger.maintenance(position)
        cash = ledger.cross_equity(account) - others - position.size * engine.marks[market.name]
    tiers = market.tiers.tiers
    for tier, following in zip(tiers, (*tiers[1:], None), strict=True):
        price = _price_in(tier, position.size, cash)
        above = following is not None and abs(position.size) * price >= following.lower_bound
        if tier.lower_bound <= abs(position.size) * price and not above:
            return price if 0 < price < _ABSURD else None
    return None


def _price_in(tier: Tier, size: Decimal, cash: Decimal) -> Decimal:
    side = 1 if size > 0 else -1
    return -(cash + tier.deduction) / (size * (1 - side * tier.rate))


def leverage(engine: Engine, account: Account | None, market: Market) -> Json:
    """The setting of a market; an isolated one tells its cash leg, too (rules 2.3, 2.6)."""
    if account is None:
        kind = "cross" if market.mode is MarginMode.FREE else "isolated"
        return {"type": kind, "value": min(DEFAULT_LEVERAGE, market.max_leverage)} | (
            {"rawUsd": "0.0"} if kind == "isolated" else {}
        )
    setting = engine.ledger.setting(account, market)
    if not setting.isolated:
        return {"type": "cross", "value": setting.leverage}
    position = account.positions.get(market.name)
    return {"type": "isolated", "value": setting.leverage, "rawUsd": money(position.cash if position else ZERO)}


def position(engine: Engine, account: Account, row: Position) -> Json:
    """A row of ``assetPositions`` (rules 2.3)."""
    ledger, market = engine.ledger, engine.markets[row.market]
    notional, entry = ledger.notional(row), row.cost / row.size
    profit = row.size * engine.marks[row.market] - row.cost
    isolated = ledger.is_isolated(account, row.market)
    liquidation = liquidation_price(engine, account, row)
    return {
        "type": "oneWay",
        "position": {
            "coin": row.market,
            "szi": shown(row.size),
            "leverage": leverage(engine, account, market),
            "entryPx": shown(entry, PERP_PRICE_DECIMALS - market.size_decimals),
            "positionValue": money(notional),
            "unrealizedPnl": money(profit),
            "returnOnEquity": shown(profit * ledger.leverage(account, row.market) / abs(row.cost)),
            "liquidationPx": None if liquidation is None else shown(liquidation),
            "marginUsed": money(ledger.equity(row) if isolated else ledger.initial(account, row)),
            "maxLeverage": market.max_leverage,
            "cumFunding": {
                "allTime": money(account.funding.get(row.market, ZERO)),
                "sinceOpen": money(row.funding_since_open),
                "sinceChange": money(row.funding_since_change),
            },
        },
    }


def _summary(value: Decimal, notional: Decimal, cash: Decimal, used: Decimal) -> Json:
    return {
        "accountValue": money(value),
        "totalNtlPos": money(notional),
        "totalRawUsd": money(cash),
        "totalMarginUsed": money(used),
    }


def clearinghouse_state(engine: Engine, account: Account | None, dex: str = books.MAIN) -> Json:
    """One book's positions. In a unified account the free balance stands in the spot state, so these sums hold the
    positions' part alone."""
    ledger = engine.ledger
    account = account or Account("")
    held = [row for row in account.positions.values() if books.dex_of(row.market) == dex]
    isolated = [row for row in held if ledger.is_isolated(account, row.market)]
    cross = [row for row in held if not ledger.is_isolated(account, row.market)]
    value = sum((row.size * engine.marks[row.market] for row in cross), ZERO)
    used = sum((ledger.initial(account, row) for row in cross), ZERO)
    cash = used - value if account.unified else account.cash
    notional, buckets = sum(map(ledger.notional, cross), ZERO), sum(map(ledger.equity, isolated), ZERO)
    return {
        "marginSummary": _summary(
            cash + value + buckets,
            notional + sum(map(ledger.notional, isolated), ZERO),
            cash + sum((row.cash for row in isolated), ZERO),
            used + buckets,
        ),
        "crossMarginSummary": _summary(cash + value, notional, cash, used),
        "crossMaintenanceMarginUsed": money(sum(map(ledger.maintenance, cross), ZERO)),
        "withdrawable": money(ZERO if account.unified else ledger.withdrawable(account)),
        "assetPositions": [position(engine, account, row) for row in held],
        "time": engine.clock(),
    }


def spot_state(engine: Engine, account: Account | None) -> Json:
    """USDC outside the perp account; in a unified account all of it, isolated margins included (rules 3.9)."""
    if account is None:
        return {"balances": []}
    ledger = engine.ledger
    if not account.unified:
        row = {"coin": "USDC", "token": 0, "total": money(account.spot), "hold": "0.0", "entryNtl": "0.0"}
        return {"balances": [row] if account.spot else []}
    buckets = sum(map(ledger.equity, ledger.isolated(account)), ZERO)
    total = ledger.cross_equity(account) + buckets
    hold = buckets + ledger.cross_initial(account) + ledger.reserved(account)
    available = total - buckets - ledger.cross_maintenance(account)
    return {
        "balances": [{"coin": "USDC", "token": 0, "total": money(total), "hold": money(hold), "entryNtl": "0.0"}],
        "tokenToAvailableAfterMaintenance": [[0, money(available)]],
    }


def active_asset_data(engine: Engine, address: str, market: Market) -> Json:
    """What may be traded in a market; sizes are at the chosen leverage (rules 2.6)."""
    account, mark = books.find(engine, address, books.dex_of(market.name)), engine.marks[market.name]
    chosen = leverage(engine, account, market)
    margins = [engine.ledger.available(account, market, is_buy=is_buy) if account else ZERO for is_buy in (True, False)]
    return {
        "user": address,
        "coin": market.name,
        "leverage": chosen,
        "maxTradeSzs": [shown(market.to_lot(margin * chosen["value"] / mark)) for margin in margins],
        "availableToTrade": [money(margin) for margin in margins],
        "markPx": shown(mark),
    }


def order_type(order: Order) -> str:
    """The venue's word for what kind of order it is (rules 2.4)."""
    if order.trigger_price is not None:
        kind = "Stop" if order.trigger_kind == "sl" else "Take Profit"
        return f"{kind} {'Market' if order.trigger_is_market else 'Limit'}"
    return "Market" if order.time_in_force in ("FrontendMarket", "LiquidationMarket") else "Limit"


def order(engine: Engine, row: Order) -> Json:
    """An order with its trigger data and the children that wait for it."""
    above = (row.trigger_kind == "sl") == row.is_buy
    condition = "N/A"
    if row.trigger_price is not None:
        condition = f"Price {'above' if above else 'below'} {wire(row.trigger_price)}"
    children = [engine.state.orders[oid] for oid in row.children if oid in engine.state.orders]
    return {
        "coin": row.market,
        "side": "B" if row.is_buy else "A",
        "limitPx": shown(row.limit_price),
        "sz": shown(row.size),
        "oid": row.oid,
        "timestamp": row.timestamp,
        "triggerCondition": condition,
        "isTrigger": row.trigger_price is not None,
        "triggerPx": shown(row.trigger_price or ZERO),
        "children": [order(engine, child) for child in children if child.status == "waitingForFill"],
        "isPositionTpsl": row.follows_position,
        "reduceOnly": row.reduce_only,
        "orderType": order_type(row),
        "origSz": shown(row.original_size),
        "tif": row.time_in_force or None,
        "cloid": row.client_id,
    }


def plain_order(row: Order) -> Json:
    """The short form of openOrders and orderUpdates."""
    short: Json = {
        "coin": row.market,
        "side": "B" if row.is_buy else "A",
        "limitPx": shown(row.limit_price),
        "sz": shown(row.size),
        "oid": row.oid,
        "timestamp": row.timestamp,
        "origSz": shown(row.original_size),
    }
    return short | ({"cloid": row.client_id} if row.client_id is not None else {})


def open_orders(engine: Engine, account: Account | None, dex: str = books.MAIN) -> list[Order]:
    """What rests in one book, newest first."""
    rows = [engine.state.orders[oid] for oid in account.open_orders] if account else []
    return sorted((row for row in rows if books.dex_of(row.market) == dex), key=lambda row: -row.oid)


def order_with_status(engine: Engine, row: Order) -> Json:
    """A row of ``historicalOrders`` and the answer of ``orderStatus`` (rules 2.4)."""
    status = "open" if row.status == "waitingForFill" else row.status
    return {"order": order(engine, row), "status": status, "statusTimestamp": row.status_time}


def fill(row: Fill) -> Json:
    """An execution; what it does not have is left out (rules 2.5)."""
    result: Json = {
        "coin": row.market,
        "px": shown(row.price),
        "sz": shown(row.size),
        "side": "B" if row.is_buy else "A",
        "time": row.time,
        "startPosition": shown(row.start_position),
        "dir": row.direction,
        "closedPnl": money(row.closed_pnl),
        "hash": row.hash,
        "oid": row.oid,
        "crossed": row.crossed,
        "fee": money(row.fee),
        "tid": row.tid,
        "feeToken": "USDC",
        "twapId": None,
    }
    if row.builder_fee:
        result["builderFee"] = money(row.builder_fee)
    if row.client_id is not None:
        result["cloid"] = row.client_id
    if row.liquidation is not None:
        note = row.liquidation
        result["liquidation"] = {
            "liquidatedUser": books.owner(note.liquidated_user),
            "markPx": shown(note.mark),
            "method": note.method,
        }
    return result


def funding(row: FundingPayment) -> Json:
    """A payment as the stream tells it (rules 2.5, 6)."""
    return {
        "coin": row.market,
        "usdc": money(row.amount),
        "szi": shown(row.size),
        "fundingRate": shown(row.rate),
        "nSamples": None,
    }


def funding_row(row: FundingPayment) -> Json:
    """A row of ``userFunding`` (rules 2.5)."""
    return {"time": row.time, "hash": row.hash, "delta": {"type": "funding"} | funding(row)}


def aggregated(rows: Sequence[Fill]) -> list[Fill]:
    """Rows in which the parts of one order that crossed the book at one moment are a single fill."""
    merged: list[Fill] = []
    for row in rows:
        last = merged[-1] if merged else None
        if last is None or not row.crossed or (last.oid, last.time, last.crossed) != (row.oid, row.time, True):
            merged.append(row)
            continue
        size = last.size + row.size
        merged[-1] = replace(
            last,
            size=size,
            price=(last.price * last.size + row.price * row.size) / size,
            closed_pnl=last.closed_pnl + row.closed_pnl,
            fee=last.fee + row.fee,
            builder_fee=last.builder_fee + row.builder_fee,
        )
    return merged


def ledger_row(row: LedgerUpdate) -> Json:
    """A row of ``userNonFundingLedgerUpdates``: its ``delta`` is kept as it is shown (rules 2.5)."""
    return {"time": row.time, "hash": row.hash, "delta": row.delta}
