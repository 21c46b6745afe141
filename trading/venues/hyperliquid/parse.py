"""Hyperliquid's markets and accounts as typed records: bytes in, our words out, nothing else.

Decoding is strict where money moves and lenient where words are shown. Unknown fields are ignored; an unknown margin
mode or position type raises ``UnknownState``; anything else that does not fit raises ``Malformed``. A market whose
row is not understood is left out and logged, because it does no harm to the others. Numbers stay exactly as the venue
wrote them.
"""

import logging
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec

from trading.margin.errors import MarginInputError
from trading.margin.rounding import PriceRule
from trading.margin.types import AccountMode, MarginMode, MarginRestriction, TierTable
from trading.venues.base import (
    AccountSnapshot,
    Markets,
    MarketSetting,
    MarketSpec,
    MarketState,
    PositionSnapshot,
    SpotBalance,
    Venue,
)
from trading.venues.errors import Malformed, UnknownState
from trading.venues.hyperliquid.decoding import Decoder, Record, moment
from trading.venues.hyperliquid.rules import MIN_NOTIONAL, max_market_notional

logger = logging.getLogger(__name__)

FIRST_LISTED_MARGIN_TABLE = 50
MAIN_COLLATERAL = "USDC"
COLLATERAL = {0: MAIN_COLLATERAL}
ISOLATED = MarginMode.ISOLATED
DEX_STRIDE = 10_000
FIRST_DEX_ASSET = 100_000
RESTRICTION = {
    "noCross": MarginRestriction.ISOLATED_ONLY,
    "strictIsolated": MarginRestriction.STRICT_ISOLATED,
}
ACCOUNT_MODE = {
    "default": AccountMode.STANDARD,
    "disabled": AccountMode.STANDARD,
    "unifiedAccount": AccountMode.UNIFIED,
    "portfolioMargin": AccountMode.PORTFOLIO,
}


class _Tier(Record, frozen=True):
    lower_bound: Decimal
    max_leverage: int


class _MarginTable(Record, frozen=True):
    margin_tiers: list[_Tier]


class _Market(Record, frozen=True):
    name: str
    sz_decimals: int
    max_leverage: int
    margin_table_id: int
    margin_mode: str | None = None
    only_isolated: bool = False
    is_delisted: bool = False


class _Context(Record, frozen=True):
    funding: Decimal
    open_interest: Decimal
    prev_day_px: Decimal
    day_ntl_vlm: Decimal
    oracle_px: Decimal
    mark_px: Decimal
    mid_px: Decimal | None = None


class _Meta(Record, frozen=True):
    universe: list[msgspec.Raw]
    margin_tables: list[tuple[int, msgspec.Raw]]
    collateral_token: int = 0


class _Leverage(Record, frozen=True):
    type: MarginMode
    value: int
    raw_usd: Decimal | None = None


class _Funding(Record, frozen=True):
    since_open: Decimal


class PositionRow(Record, frozen=True):
    """One position as the venue writes it (Hyperliquid 2.3)."""

    coin: str
    szi: Decimal
    entry_px: Decimal
    position_value: Decimal
    liquidation_px: Decimal | None
    margin_used: Decimal
    max_leverage: int
    leverage: _Leverage
    unrealized_pnl: Decimal | None = None
    cum_funding: _Funding | None = None


class _AssetPosition(Record, frozen=True):
    type: Literal["oneWay"]
    position: PositionRow


class _Summary(Record, frozen=True):
    account_value: Decimal


class _CrossSummary(Record, frozen=True):
    account_value: Decimal
    total_margin_used: Decimal


class AccountRow(Record, frozen=True):
    """A perpetuals account as the venue writes it (Hyperliquid 2.3)."""

    margin_summary: _Summary
    cross_margin_summary: _CrossSummary
    cross_maintenance_margin_used: Decimal
    withdrawable: Decimal
    asset_positions: list[_AssetPosition]
    time: int


class _SpotBalance(Record, frozen=True):
    coin: str
    total: Decimal
    hold: Decimal


class _SpotState(Record, frozen=True):
    balances: list[_SpotBalance]


class _Setting(Record, frozen=True):
    coin: str
    leverage: _Leverage
    max_trade_szs: tuple[Decimal, Decimal]
    available_to_trade: tuple[Decimal, Decimal]
    mark_px: Decimal


class _Dex(Record, frozen=True):
    name: str


_decode_meta = Decoder(tuple[_Meta, list[msgspec.Raw]], "metaAndAssetCtxs")
_decode_market = Decoder(_Market, "universe")
_decode_context = Decoder(_Context, "context")
_decode_table = Decoder(_MarginTable, "marginTable")
_decode_account = Decoder(AccountRow, "clearinghouseState", checks_finite=False)
_decode_setting = Decoder(_Setting, "activeAssetData")
_decode_spot = Decoder(_SpotState, "spotClearinghouseState")
_decode_mode = Decoder(str, "userAbstraction")
_decode_dexes = Decoder(list[_Dex | None], "perpDexs")


class _MarginTables:
    """The margin tables of one answer, each decoded when a market first asks for it."""

    def __init__(self, listed: Mapping[int, msgspec.Raw]) -> None:
        self._listed = listed
        self._tables: dict[int, TierTable] = {}

    def __getitem__(self, number: int) -> TierTable:
        """Below 50 the number is itself the maximum leverage of a single tier (Hyperliquid 2.1)."""
        if number not in self._tables:
            self._tables[number] = self._read(number)
        return self._tables[number]

    def _read(self, number: int) -> TierTable:
        if number < FIRST_LISTED_MARGIN_TABLE:
            return TierTable.single(number)
        if number not in self._listed:
            raise Malformed(f"margin table {number} is missing")
        tiers = _decode_table(self._listed[number]).margin_tiers
        return TierTable.from_max_leverages((tier.lower_bound, tier.max_leverage) for tier in tiers)


def asset_id(dex_index: int, index: int) -> int:
    """The number that orders carry for a market (Hyperliquid 1.2); the main book has dex index 0."""
    return index if dex_index == 0 else FIRST_DEX_ASSET + DEX_STRIDE * dex_index + index


def markets(body: bytes, received_at: datetime, *, dex: str = "", dex_index: int = 0) -> Markets:
    """Every market of one book with its prices. The place in the list is the market's number, so rows that are skipped
    still count."""
    meta, contexts = _decode_meta(body)
    if len(meta.universe) != len(contexts):
        raise Malformed(f"{len(meta.universe)} markets but {len(contexts)} contexts")
    tables = _MarginTables(dict(meta.margin_tables))
    collateral = COLLATERAL.get(meta.collateral_token, f"token {meta.collateral_token}")
    specs, states = [], []
    for index, (row, context) in enumerate(zip(meta.universe, contexts, strict=True)):
        try:
            spec = _spec(_decode_market(row), asset_id(dex_index, index), tables, dex, collateral)
            state = _state(spec.name, _decode_context(context))
        except (Malformed, MarginInputError) as error:
            logger.warning("Hyperliquid market %s of %r is left out: %s", index, dex, error)
            continue
        specs.append(spec)
        states.append(state)
    return Markets(tuple(specs), tuple(states), None, received_at)


def _spec(row: _Market, index: int, tables: _MarginTables, dex: str, collateral: str) -> MarketSpec:
    return MarketSpec(
        venue=Venue.HYPERLIQUID,
        name=row.name,
        base=row.name.rpartition(":")[2],
        index=index,
        size_decimals=row.sz_decimals,
        price_rule=PriceRule.significant(row.sz_decimals),
        tiers=tables[row.margin_table_id],
        restriction=_restriction(row),
        max_leverage=row.max_leverage,
        min_notional=MIN_NOTIONAL,
        delisted=row.is_delisted,
        collateral=collateral,
        dex=dex,
        max_market_notional=max_market_notional(row.max_leverage),
    )


def _restriction(row: _Market) -> MarginRestriction:
    if row.margin_mode is None:
        return MarginRestriction.ISOLATED_ONLY if row.only_isolated else MarginRestriction.NONE
    try:
        return RESTRICTION[row.margin_mode]
    except KeyError:
        raise UnknownState(f"margin mode {row.margin_mode!r}") from None


def _state(name: str, row: _Context) -> MarketState:
    return MarketState(
        name=name,
        mark=row.mark_px,
        oracle=row.oracle_px,
        mid=row.mid_px,
        previous_day_price=row.prev_day_px,
        funding_rate=row.funding,
        open_interest=row.open_interest,
        day_volume=row.day_ntl_vlm,
    )


def position(row: PositionRow) -> PositionSnapshot:
    """One position; the mark is ``positionValue / |szi|``, and a profit that the row leaves out is computed from it
    (Hyperliquid 2.3)."""
    leverage = row.leverage
    cash = leverage.raw_usd
    if (cash is None) is (leverage.type is ISOLATED):
        raise Malformed(f"the cash leg of {row.coin} does not fit its margin mode")
    try:
        mark = row.position_value / abs(row.szi)
        profit = row.unrealized_pnl
        if profit is None:
            profit = row.szi * (mark - row.entry_px)
        figures = mark + row.entry_px + row.margin_used + profit
        if cash is not None:
            figures += cash
        if row.liquidation_px is not None:
            figures += row.liquidation_px
    except ArithmeticError:
        raise Malformed(f"the figures of {row.coin} with size {row.szi}") from None
    if not figures.is_finite():
        raise Malformed(f"a figure of {row.coin} that is not finite")
    funding = row.cum_funding
    return PositionSnapshot(
        row.coin,
        row.szi,
        row.entry_px,
        mark,
        row.position_value,
        leverage.type,
        leverage.value,
        row.margin_used,
        cash,
        profit,
        row.liquidation_px,
        row.max_leverage,
        None if funding is None else funding.since_open,
    )


def account(
    body: bytes,
    received_at: datetime,
    *,
    mode: AccountMode = AccountMode.STANDARD,
    spot: tuple[SpotBalance, ...] = (),
    dex: str = "",
    collateral: str = MAIN_COLLATERAL,
) -> AccountSnapshot:
    """The account's money and positions on one book.

    In a standard account the summaries are the truth. Otherwise they mean little (Hyperliquid 3.9): equity is then
    the spot total of the collateral, and cross equity what of it is not inside this book's isolated positions (3.4).
    """
    row = _decode_account(body)
    _check_totals(row)
    positions = tuple([position(held.position) for held in row.asset_positions])
    summary, cross = row.margin_summary, row.cross_margin_summary
    equity, cross_equity, withdrawable = summary.account_value, cross.account_value, row.withdrawable
    if mode is not AccountMode.STANDARD:
        pool = [balance for balance in spot if balance.token == collateral]
        equity = sum((balance.total for balance in pool), Decimal(0))
        isolated = (held.margin for held in positions if held.mode is MarginMode.ISOLATED)
        cross_equity = equity - sum(isolated, Decimal(0))
        withdrawable = equity - sum((balance.hold for balance in pool), Decimal(0))
    return AccountSnapshot(
        moment(row.time),
        received_at,
        mode,
        equity,
        cross_equity,
        row.cross_maintenance_margin_used,
        cross.total_margin_used,
        withdrawable,
        positions,
        dex,
        spot,
    )


def _check_totals(row: AccountRow) -> None:
    summary, cross = row.margin_summary, row.cross_margin_summary
    totals = (
        summary.account_value,
        cross.account_value,
        cross.total_margin_used,
        row.cross_maintenance_margin_used,
        row.withdrawable,
    )
    if not all(total.is_finite() for total in totals):
        raise Malformed("an account total that is not finite")


def spot_balances(body: bytes) -> tuple[SpotBalance, ...]:
    """The tokens of an account."""
    return tuple(SpotBalance(row.coin, row.total, row.hold) for row in _decode_spot(body).balances)


def account_mode(body: bytes) -> AccountMode:
    """The bare text of ``userAbstraction`` (Hyperliquid 3.9); ``UnknownState`` for one that is not known."""
    text = _decode_mode(body)
    try:
        return ACCOUNT_MODE[text]
    except KeyError:
        raise UnknownState(f"account mode {text!r}") from None


def market_setting(body: bytes) -> MarketSetting:
    """Margin mode, leverage and limits of one market (Hyperliquid 2.6)."""
    row = _decode_setting(body)
    buy, sell = row.available_to_trade
    largest_buy, largest_sell = row.max_trade_szs
    return MarketSetting(
        row.coin, row.leverage.type, row.leverage.value, buy, sell, largest_buy, largest_sell, row.mark_px
    )


def dex_indices(body: bytes) -> dict[str, int]:
    """The builder-deployed books by name; the main book is "" with index 0 (Hyperliquid 1.2)."""
    return {"" if row is None else row.name: index for index, row in enumerate(_decode_dexes(body))}
