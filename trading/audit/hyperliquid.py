"""Hyperliquid's raw answers as accounts to audit (Hyperliquid 2.1, 2.3, 2.7, 3.9).

Only what the margin engine needs is asked for, so a payload trimmed to its positions is enough for isolated ones.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import msgspec

from trading.audit.judging import AuditedAccount, Finding, Outside, findings, quoted
from trading.margin.cross import maintenance
from trading.margin.types import Account, AccountMode, MarginMode, Position, TierTable
from trading.venues.decoding import Decoder, Record
from trading.venues.errors import Malformed, UnknownState
from trading.venues.hyperliquid.markets import FIRST_LISTED_MARGIN_TABLE, MAIN_COLLATERAL
from trading.venues.hyperliquid.parse import ACCOUNT_MODE, PositionRow, position

MAIN_COLLATERAL_TOKEN = 0
# Discontinued, and says nothing of where the collateral lies (Hyperliquid 3.9).
UNTOLD_MODE = "dexAbstraction"


class _Tier(Record, frozen=True):
    lower_bound: Decimal
    max_leverage: int


class _Table(Record, frozen=True):
    margin_tiers: list[_Tier]


class _Market(Record, frozen=True):
    name: str
    margin_table_id: int


class _Meta(Record, frozen=True):
    universe: list[_Market]
    margin_tables: list[tuple[int, _Table]] = []
    collateral_token: int = MAIN_COLLATERAL_TOKEN


class _Held(Record, frozen=True):
    position: PositionRow


class _Summary(Record, frozen=True):
    account_value: Decimal
    total_margin_used: Decimal | None = None


class _State(Record, frozen=True):
    asset_positions: list[_Held]
    cross_margin_summary: _Summary | None = None
    cross_maintenance_margin_used: Decimal | None = None


class _Balance(Record, frozen=True):
    coin: str
    total: Decimal
    token: int | None = None


class _Spot(Record, frozen=True):
    balances: list[_Balance]
    token_to_available_after_maintenance: list[tuple[int, Decimal]] = []


class _Answers(Record, frozen=True):
    clearinghouse_state: _State | None = None
    spot_clearinghouse_state: _Spot | None = None
    user_abstraction: str | None = None


_decode_meta = Decoder(_Meta, "meta")
_decode_meta_and_contexts = Decoder(tuple[_Meta, msgspec.Raw], "metaAndAssetCtxs")
_decode_answers = Decoder(_Answers, "account")
_decode_state = Decoder(_State, "clearinghouseState")


def audit(market_data: bytes, account: bytes) -> tuple[Finding, ...]:
    """The finding of every position.

    ``market_data`` is a ``meta`` or ``metaAndAssetCtxs`` answer; ``account`` a ``clearinghouseState`` answer, or an
    object with ``clearinghouseState`` and optionally ``spotClearinghouseState`` and ``userAbstraction``. Raises
    ``Malformed`` or ``MarginInputError`` for what makes no sense.
    """
    meta = _meta(market_data)
    answers = _decode_answers(account)
    state = answers.clearinghouse_state or _decode_state(account)
    bare = _bare(state, tier_tables(meta))
    spot = answers.spot_clearinghouse_state
    with_spot = () if spot is None else _spot_readings(bare, spot, meta.collateral_token)
    has_summary = state.cross_margin_summary is not None
    return findings(_audited(bare, account_mode(answers.user_abstraction), with_spot, has_summary=has_summary))


def account_mode(text: str | None) -> AccountMode:
    """The account's mode; UNKNOWN where the payload does not say, ``UnknownState`` for a word nobody knows."""
    if text is None or text == UNTOLD_MODE:
        return AccountMode.UNKNOWN
    if text not in ACCOUNT_MODE:
        raise UnknownState(f"userAbstraction {text!r} is not known")
    return ACCOUNT_MODE[text]


def _meta(market_data: bytes) -> _Meta:
    if market_data.lstrip().startswith(b"["):
        return _decode_meta_and_contexts(market_data)[0]
    return _decode_meta(market_data)


def tier_tables(meta: _Meta) -> dict[str, TierTable]:
    """The tiers of every market; a table below 50 need not be listed, its number is the leverage (Hyperliquid 2.1)."""
    listed = {
        number: TierTable.from_max_leverages((tier.lower_bound, tier.max_leverage) for tier in table.margin_tiers)
        for number, table in meta.margin_tables
    }
    return {market.name: _table(market, listed) for market in meta.universe}


def _table(market: _Market, listed: Mapping[int, TierTable]) -> TierTable:
    number = market.margin_table_id
    if number in listed:
        return listed[number]
    if number >= FIRST_LISTED_MARGIN_TABLE:
        raise Malformed(f"meta: margin table {number} of {market.name} is missing")
    return TierTable.single(number)


def _bare(state: _State, tables: Mapping[str, TierTable]) -> Account:
    """The account with what the payload itself says of its collateral."""
    summary = state.cross_margin_summary
    return Account(
        positions=tuple(_position(held.position, tables) for held in state.asset_positions),
        cross_equity=Decimal(0) if summary is None else summary.account_value,
        cross_maintenance=state.cross_maintenance_margin_used,
        cross_initial_margin=None if summary is None else summary.total_margin_used,
    )


def _position(row: PositionRow, tables: Mapping[str, TierTable]) -> Position:
    """A row as the engine takes it; a market that is not in the market data has the row's own leverage."""
    held = position(row)
    shown = held.max_leverage
    tiers = tables[held.market].as_shown(shown, held.notional) if held.market in tables else TierTable.single(shown)
    return Position(
        market=held.market,
        size=held.size,
        entry_price=held.entry_price,
        mark_price=held.mark_price,
        mode=held.mode,
        leverage=held.leverage,
        tiers=tiers,
        cash=held.cash,
        venue_liquidation=quoted(held.liquidation_price),
    )


def _spot_readings(bare: Account, spot: _Spot, token: int) -> tuple[Account, ...]:
    """The account backed by its spot balance (Hyperliquid 3.4), which may also back other books of the venue.

    Then what the venue calls available after maintenance, with this book's own maintenance and isolated equity put
    back, is the balance as this book sees it.
    """
    total = sum((row.total for row in spot.balances if _is_collateral(row, token)), Decimal(0))
    balances = [total]
    for held_token, available in spot.token_to_available_after_maintenance:
        if held_token == token:
            buckets = sum((held.equity for held in bare.of_mode(MarginMode.ISOLATED)), Decimal(0))
            balances.append(available + maintenance(bare) + buckets)
    return tuple(replace(bare, mode=AccountMode.UNIFIED, spot_collateral=balance) for balance in balances)


def _is_collateral(row: _Balance, token: int) -> bool:
    if row.token is None:
        return token == MAIN_COLLATERAL_TOKEN and row.coin == MAIN_COLLATERAL
    return row.token == token


def _audited(bare: Account, mode: AccountMode, with_spot: tuple[Account, ...], *, has_summary: bool) -> AuditedAccount:
    """Which readings of the collateral a mode allows (Hyperliquid 3.9)."""
    own = (bare,) if has_summary else ()
    if mode is AccountMode.STANDARD:
        return AuditedAccount(bare, own, Outside.NOTHING if own else Outside.ANYTHING)
    if mode is AccountMode.UNIFIED:
        return AuditedAccount(bare, with_spot, Outside.NOTHING if with_spot else Outside.ANYTHING)
    if mode is AccountMode.PORTFOLIO:
        return AuditedAccount(bare, (), Outside.ANYTHING)
    return AuditedAccount(bare, (*own, *with_spot), Outside.PERHAPS_MORE if own else Outside.ANYTHING)
