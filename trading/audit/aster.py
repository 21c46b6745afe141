"""Aster's raw answers as accounts to audit (Aster 3.1, 3.3, 3.4, 4.3, 4.7).

Each isolated leg has a wallet and a price of its own. Cross positions share the cross wallet of their margin asset,
which only ``account`` tells, and two open legs of one symbol would share one price, which a one-way engine does not
work out: what cannot be known is listed with its reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

import msgspec

from trading.audit.judging import AuditedAccount, Finding, Outside, findings, not_knowable, quoted
from trading.margin.buckets import cash_of_wallet, entry_price_held
from trading.margin.rounding import whole_positive
from trading.margin.types import Account, AccountMode, MarginMode, Position, TierTable
from trading.venues.aster.parse import (
    AccountRow,
    Decoder,
    PositionRow,
    Record,
    account,
    margin_assets,
    positions,
    tier_tables,
)

MAIN_COLLATERAL = "USDT"
NO_BRACKETS = "the market data has no brackets for this market."
NO_BRACKETS_BESIDE = "the market data has no brackets for another cross position of the account."
TWO_LEGS = "the two open legs of hedge mode share one price, and legs are worked out one by one."


ABSENT = msgspec.Raw(b"null")


class _MarketData(Record, frozen=True):
    leverage_bracket: msgspec.Raw
    exchange_info: msgspec.Raw = ABSENT


class _Answers(Record, frozen=True):
    position_risk: msgspec.Raw
    account: msgspec.Raw = ABSENT
    multi_assets_margin: bool = False


_decode_markets = Decoder(_MarketData, "market data")
_decode_answers = Decoder(_Answers, "account")


def audit(market_data: bytes, account_data: bytes) -> tuple[Finding, ...]:
    """The finding of every open position, in the payload's order.

    ``market_data`` is an object with ``leverageBracket`` and optionally ``exchangeInfo``; ``account_data`` one with
    ``positionRisk`` and optionally ``account``. Raises ``Malformed`` or ``MarginInputError`` for what makes no sense.
    """
    markets, answers = _decode_markets(market_data), _decode_answers(account_data)
    tables = tier_tables(markets.leverage_bracket)
    listed = {} if _is_absent(markets.exchange_info) else margin_assets(markets.exchange_info)
    told = None if _is_absent(answers.account) else account(answers.account)
    is_multi_asset = answers.multi_assets_margin or (told is not None and told.is_multi_asset)
    open_rows = [row for row in positions(answers.position_risk) if row.position_amt != 0]
    found: dict[int, Finding] = {}
    for row in open_rows:
        if row.mode is MarginMode.ISOLATED:
            found[id(row)] = _isolated(row, tables)
    cross = [row for row in open_rows if row.mode is MarginMode.CROSS]
    for asset in {_margin_asset(row.symbol, listed, told) for row in cross}:
        pool = [row for row in cross if _margin_asset(row.symbol, listed, told) == asset]
        found |= _pool(pool, tables, _wallet(told, asset), is_multi_asset=is_multi_asset)
    return tuple(found[id(row)] for row in open_rows)


def _is_absent(body: msgspec.Raw) -> bool:
    return bytes(body) == bytes(ABSENT)


def _isolated(row: PositionRow, tables: Mapping[str, TierTable]) -> Finding:
    """Each isolated position answers with its own wallet, whatever else the account holds."""
    if row.symbol not in tables:
        return not_knowable(row.symbol, row.mode, quoted(row.liquidation_price), NO_BRACKETS)
    alone = Account((_position(row, tables[row.symbol]),))
    return findings(AuditedAccount(alone, (alone,)))[0]


def _pool(
    rows: Sequence[PositionRow], tables: Mapping[str, TierTable], wallet: Decimal | None, *, is_multi_asset: bool
) -> dict[int, Finding]:
    """The cross positions of one margin asset; ``wallet`` is None where the payload does not tell it."""
    if any(row.symbol not in tables for row in rows):
        return {id(row): _without_brackets(row, tables) for row in rows}
    held = {id(row): _position(row, tables[row.symbol]) for row in rows}
    symbols = [row.symbol for row in rows]
    single = [row for row in rows if symbols.count(row.symbol) == 1]
    profit = sum((position.unrealised_profit for position in held.values()), Decimal(0))
    bare = Account(
        positions=tuple(held[id(row)] for row in single),
        cross_equity=(wallet or Decimal(0)) + profit,
        cross_maintenance=sum((position.maintenance for position in held.values()), Decimal(0)),
    )
    found = dict(zip((id(row) for row in single), findings(_audited(bare, wallet, is_multi_asset)), strict=True))
    legs = (row for row in rows if id(row) not in found)
    return found | {
        id(row): not_knowable(row.symbol, row.mode, quoted(row.liquidation_price), TWO_LEGS) for row in legs
    }


def _audited(bare: Account, wallet: Decimal | None, is_multi_asset: bool) -> AuditedAccount:
    if is_multi_asset:
        return AuditedAccount(bare, (replace(bare, mode=AccountMode.MULTI_ASSET),))
    if wallet is None:
        return AuditedAccount(bare, outside=Outside.ANYTHING)
    return AuditedAccount(bare, (bare,))


def _without_brackets(row: PositionRow, tables: Mapping[str, TierTable]) -> Finding:
    reason = NO_BRACKETS_BESIDE if row.symbol in tables else NO_BRACKETS
    return not_knowable(row.symbol, row.mode, quoted(row.liquidation_price), reason)


def _position(row: PositionRow, tiers: TierTable) -> Position:
    """A row as the engine takes it, at the entry price that the venue's own engine holds (Aster 4.3)."""
    size, mark = row.position_amt, row.mark_price
    entry = entry_price_held(size, row.entry_price, mark, row.un_realized_profit)
    return Position(
        market=row.symbol,
        size=size,
        entry_price=entry,
        mark_price=mark,
        mode=row.mode,
        leverage=whole_positive(row.leverage, "leverage"),
        tiers=tiers,
        cash=cash_of_wallet(size, entry, row.isolated_wallet) if row.mode is MarginMode.ISOLATED else None,
        venue_liquidation=quoted(row.liquidation_price),
    )


def _margin_asset(symbol: str, listed: Mapping[str, str], told: AccountRow | None) -> str:
    """The collateral of a symbol: as exchangeInfo says, else the asset of the account that its name ends with."""
    if symbol in listed:
        return listed[symbol]
    endings = [] if told is None else [row.asset for row in told.assets if symbol.endswith(row.asset)]
    return max(endings, key=len, default=MAIN_COLLATERAL)


def _wallet(told: AccountRow | None, asset: str) -> Decimal | None:
    if told is None:
        return None
    return next((row.cross_wallet_balance for row in told.assets if row.asset == asset), None)
