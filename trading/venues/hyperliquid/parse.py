"""Hyperliquid's accounts as typed records: bytes in, our words out, nothing else (Hyperliquid 2.3, 2.6, 2.7, 3.9).

Decoding is strict where money moves. Unknown fields are ignored; an unknown margin mode or position type raises
``UnknownState``; anything else that does not fit raises ``Malformed``. Numbers stay exactly as the venue wrote them.
"""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from trading.margin.types import AccountMode, FeeRates, MarginMode
from trading.venues.base import (
    AccountSnapshot,
    Agent,
    MarketSetting,
    PositionSnapshot,
    RequestAllowance,
    SpotBalance,
)
from trading.venues.decoding import Decoder, Record, moment
from trading.venues.errors import Malformed, UnknownState
from trading.venues.hyperliquid.markets import MAIN_COLLATERAL
from trading.venues.hyperliquid.wire import BUILDER_FEE_UNIT

ISOLATED = MarginMode.ISOLATED
ACCOUNT_MODE = {
    "default": AccountMode.STANDARD,
    "disabled": AccountMode.STANDARD,
    "unifiedAccount": AccountMode.UNIFIED,
    "portfolioMargin": AccountMode.PORTFOLIO,
}


class _Leverage(Record, frozen=True):
    type: MarginMode
    value: int
    raw_usd: Decimal | None = None


class _Funding(Record, frozen=True):
    since_open: Decimal


class PositionRow(Record, frozen=True, kw_only=True):
    """One position as the venue writes it (Hyperliquid 2.3), and in its order, which decodes fastest."""

    coin: str
    szi: Decimal
    leverage: _Leverage
    entry_px: Decimal
    position_value: Decimal
    unrealized_pnl: Decimal | None = None
    liquidation_px: Decimal | None
    margin_used: Decimal
    max_leverage: int
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


class _Fees(Record, frozen=True):
    user_cross_rate: Decimal
    user_add_rate: Decimal
    active_referral_discount: Decimal = Decimal(0)


class _Allowance(Record, frozen=True):
    n_requests_used: int
    n_requests_cap: int


class _Agent(Record, frozen=True):
    name: str
    address: str
    valid_until: int


_decode_account = Decoder(AccountRow, "clearinghouseState", checks_finite=False)
_decode_setting = Decoder(_Setting, "activeAssetData")
_decode_spot = Decoder(_SpotState, "spotClearinghouseState")
_decode_mode = Decoder(str, "userAbstraction")
_decode_fees = Decoder(_Fees, "userFees")
_decode_agents = Decoder(list[_Agent], "extraAgents")
_decode_allowance = Decoder(_Allowance, "userRateLimit")
_decode_builder_fee = Decoder(int, "maxBuilderFee")


def position(row: PositionRow) -> PositionSnapshot:
    """One position; the mark is ``positionValue / |szi|``, and a profit that the row leaves out is computed from it
    (Hyperliquid 2.3). ``Malformed`` for figures that contradict each other or are no numbers, and for a mark or an
    entry price that is not above zero."""
    leverage, size, entry, value = row.leverage, row.szi, row.entry_px, row.position_value
    margin, liquidation, mode, cash = row.margin_used, row.liquidation_px, leverage.type, leverage.raw_usd
    if (cash is None) is (mode is ISOLATED):
        raise Malformed(f"the cash leg of {row.coin} does not fit its margin mode")
    try:
        mark = value / size.copy_abs()
        profit = row.unrealized_pnl
        if profit is None:
            profit = size * (mark - entry)
    except ArithmeticError:
        raise Malformed(f"the figures of {row.coin} with size {size}") from None
    if not (mark.is_finite() and entry.is_finite() and margin.is_finite() and profit.is_finite()) or not (
        (cash is None or cash.is_finite()) and (liquidation is None or liquidation.is_finite())
    ):
        raise Malformed(f"a figure of {row.coin} that is not finite")
    if mark.is_signed() or entry.is_signed() or not (mark and entry):
        raise Malformed(f"the mark {mark} or the entry price {entry} of {row.coin} is not above zero")
    funding = row.cum_funding
    return PositionSnapshot(
        row.coin,
        size,
        entry,
        mark,
        value,
        mode,
        leverage.value,
        margin,
        cash,
        profit,
        liquidation,
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
    if not (
        summary.account_value.is_finite()
        and cross.account_value.is_finite()
        and cross.total_margin_used.is_finite()
        and row.cross_maintenance_margin_used.is_finite()
        and row.withdrawable.is_finite()
    ):
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


def request_allowance(body: bytes) -> RequestAllowance:
    """What an address may still send."""
    row = _decode_allowance(body)
    return RequestAllowance(row.n_requests_used, row.n_requests_cap)


def fee_rates(body: bytes) -> FeeRates:
    """The account's rates: tier and staking are in them, the referral discount still comes off (Hyperliquid 2.7)."""
    row = _decode_fees(body)
    kept = 1 - row.active_referral_discount
    maker = row.user_add_rate
    return FeeRates(taker=row.user_cross_rate * kept, maker=maker * kept if maker > 0 else maker)


def agents(body: bytes) -> tuple[Agent, ...]:
    """The named trading keys of an account."""
    return tuple(Agent(row.name, row.address, moment(row.valid_until)) for row in _decode_agents(body))


def builder_fee(body: bytes) -> Decimal:
    """The highest fee rate that an account allows a builder; zero when none was approved (Hyperliquid 8)."""
    return _decode_builder_fee(body) * BUILDER_FEE_UNIT
