"""Aster's accounts as typed records: bytes in, our words out, nothing else (Aster 3.1 to 3.4, 4.1).

An account is two answers, one with its money and one with its positions. Where they show different positions they are
of different moments and are not put together. Numbers stay exactly as the venue wrote them.
"""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Literal

from trading.margin.buckets import entry_price_held
from trading.margin.errors import MarginInputError
from trading.margin.types import AccountMode, FeeRates, MarginMode, TierTable
from trading.venues.base import AccountSnapshot, Agent, MarketSetting, MarketSpec, PositionSnapshot, SpotBalance
from trading.venues.decoding import Decoder, Record, moment
from trading.venues.errors import Malformed, UnknownState
from trading.venues.snapshots import Pool, PositionSide

logger = logging.getLogger(__name__)

ZERO = Decimal(0)
MAIN_COLLATERAL = "USDT"
# Requests, answers and streams spell the mode differently (Aster 3.3).
MODE = {"isolated": MarginMode.ISOLATED, "cross": MarginMode.CROSS, "crossed": MarginMode.CROSS}
ONE_WAY = "BOTH"


class PositionRow(Record, frozen=True):
    """One position as the venue writes it, flat ones included (Aster 3.3)."""

    symbol: str
    position_amt: Decimal
    entry_price: Decimal
    mark_price: Decimal
    un_realized_profit: Decimal
    liquidation_price: Decimal
    leverage: Decimal
    margin_type: str
    isolated_margin: Decimal
    isolated_wallet: Decimal
    notional: Decimal
    position_side: Literal["BOTH", "LONG", "SHORT"]
    update_time: int
    max_notional_value: Decimal | None = None
    max_notional: Decimal | None = None

    @property
    def mode(self) -> MarginMode:
        """Isolated or cross; ``UnknownState`` for another word."""
        try:
            return MODE[self.margin_type.lower()]
        except KeyError:
            raise UnknownState(f"margin type {self.margin_type!r} of {self.symbol}") from None

    @property
    def whole_leverage(self) -> int:
        """The leverage, which is a whole number."""
        if self.leverage != self.leverage.to_integral_value() or self.leverage < 1:
            raise Malformed(f"leverage {self.leverage} of {self.symbol}")
        return int(self.leverage)


class _Asset(Record, frozen=True):
    asset: str
    wallet_balance: Decimal
    margin_balance: Decimal
    initial_margin: Decimal
    cross_wallet_balance: Decimal
    cross_un_pnl: Decimal
    max_withdraw_amount: Decimal


class _Margins(Record, frozen=True):
    symbol: str
    position_side: str
    position_amt: Decimal
    isolated: bool
    isolated_wallet: Decimal
    maint_margin: Decimal
    position_initial_margin: Decimal


class AccountRow(Record, frozen=True):
    """An account's money as the venue writes it (Aster 3.1). The totals are in US dollars."""

    total_margin_balance: Decimal
    total_cross_wallet_balance: Decimal
    total_cross_un_pnl: Decimal
    max_withdraw_amount: Decimal
    assets: list[_Asset]
    positions: list[_Margins]


class _Balance(Record, frozen=True):
    asset: str
    available_balance: Decimal


class _MultiAssets(Record, frozen=True):
    multi_assets_margin: bool


class _Fees(Record, frozen=True):
    maker_commission_rate: Decimal
    taker_commission_rate: Decimal


class _Agent(Record, frozen=True):
    agent_name: str
    agent_address: str
    expired: int
    can_withdraw: bool = False


class _Builder(Record, frozen=True):
    builder_address: str
    max_fee_rate: Decimal


class _Time(Record, frozen=True):
    server_time: int


_decode_positions = Decoder(list[PositionRow], "positionRisk")
_decode_account = Decoder(AccountRow, "account")
_decode_balances = Decoder(list[_Balance], "balance")
_decode_multi_assets = Decoder(_MultiAssets, "multiAssetsMargin")
_decode_fees = Decoder(_Fees, "commissionRate")
_decode_agents = Decoder(list[_Agent], "agent")
_decode_builders = Decoder(list[_Builder], "builder")
_decode_time = Decoder(_Time, "time")


def positions(body: bytes) -> tuple[PositionRow, ...]:
    """Every row of ``positionRisk``."""
    return tuple(_decode_positions(body))


def money(body: bytes) -> AccountRow:
    """The answer of ``accountWithJoinMargin``."""
    return _decode_account(body)


def venue_time(body: bytes) -> datetime:
    """The venue's own clock."""
    return moment(_decode_time(body).server_time)


def account_mode(body: bytes) -> AccountMode:
    """How balances back positions: one collateral, or several assets together (Aster 3.2)."""
    return AccountMode.MULTI_ASSET if _decode_multi_assets(body).multi_assets_margin else AccountMode.STANDARD


def fits(row: AccountRow, held: Iterable[PositionRow]) -> bool:
    """Whether both answers show the same positions, so that they may be put together."""
    there = {(p.symbol, p.position_side): (p.position_amt, p.isolated_wallet) for p in row.positions if p.position_amt}
    here = {(p.symbol, p.position_side): (p.position_amt, p.isolated_wallet) for p in held if p.position_amt}
    return there == here


def position(row: PositionRow, tiers: Mapping[str, TierTable]) -> PositionSnapshot:
    """One open position, at the entry price that the venue's engine holds; the cash leg is the wallet less size times
    that entry (Aster 4.1, 4.3). Where the brackets do not name the symbol, the leverage stands for its maximum."""
    isolated = row.mode is MarginMode.ISOLATED
    leverage = row.whole_leverage
    if row.symbol not in tiers:
        logger.warning("Aster names no brackets for the open position in %s", row.symbol)
    try:
        entry = entry_price_held(row.position_amt, row.entry_price, row.mark_price, row.un_realized_profit)
    except MarginInputError as error:
        raise Malformed(f"the figures of {row.symbol}: {error}") from None
    return PositionSnapshot(
        market=row.symbol,
        size=row.position_amt,
        entry_price=entry,
        mark_price=row.mark_price,
        notional=abs(row.notional),
        mode=row.mode,
        leverage=leverage,
        margin=row.isolated_margin if isolated else abs(row.notional) / leverage,
        cash=row.isolated_wallet - row.position_amt * entry if isolated else None,
        unrealised_pnl=row.un_realized_profit,
        liquidation_price=row.liquidation_price if row.liquidation_price > 0 else None,
        max_leverage=tiers[row.symbol].max_leverage if row.symbol in tiers else leverage,
        side=PositionSide(row.position_side.lower()),
    )


def account(
    row: AccountRow,
    held: tuple[PositionRow, ...],
    tiers: Mapping[str, TierTable],
    *,
    mode: AccountMode,
    venue_time: datetime,
    received_at: datetime,
) -> AccountSnapshot:
    """Money and positions of one moment.

    A standard account is the pool of USDT, with a pool of its own for each other asset that markets are settled in. In
    multi-asset mode the venue's dollar totals are all there is, and the assets that back them are listed beside (Aster
    3.1, 4.7).
    """
    multi = mode is AccountMode.MULTI_ASSET
    equity, wallet, profit, withdrawable = _totals(row) if multi else _main(row)
    cross = [margins for margins in row.positions if not margins.isolated] if multi else _cross(row, MAIN_COLLATERAL)
    return AccountSnapshot(
        venue_time=venue_time,
        received_at=received_at,
        account_mode=mode,
        equity=equity,
        cross_equity=wallet + profit,
        cross_maintenance=sum((margins.maint_margin for margins in cross), ZERO),
        cross_margin_used=_margin_used(cross),
        withdrawable=withdrawable,
        positions=tuple(position(entry, tiers) for entry in held if entry.position_amt != 0),
        spot=_backing(row) if multi else (),
        hedge_mode=any(entry.position_side != ONE_WAY for entry in held),
        pools=() if multi else _pools(row),
    )


_Figures = tuple[Decimal, Decimal, Decimal, Decimal]


def _totals(row: AccountRow) -> _Figures:
    return row.total_margin_balance, row.total_cross_wallet_balance, row.total_cross_un_pnl, row.max_withdraw_amount


def _main(row: AccountRow) -> _Figures:
    """An account that never held the collateral has no row of it."""
    for asset in row.assets:
        if asset.asset == MAIN_COLLATERAL:
            return asset.margin_balance, asset.cross_wallet_balance, asset.cross_un_pnl, asset.max_withdraw_amount
    return ZERO, ZERO, ZERO, ZERO


def _pools(row: AccountRow) -> tuple[Pool, ...]:
    """What lies in other assets that markets are settled in: it backs positions in those markets, and no others."""
    apart = (asset for asset in row.assets if asset.asset != MAIN_COLLATERAL)
    return tuple(
        _pool(asset, _cross(row, asset.asset))
        for asset in apart
        if (asset.wallet_balance or asset.margin_balance)
        and any(_is_settled_in(asset.asset, margins.symbol, row.assets) for margins in row.positions)
    )


def _pool(asset: _Asset, cross: Iterable[_Margins]) -> Pool:
    equity = asset.cross_wallet_balance + asset.cross_un_pnl
    return Pool(
        dex="",
        equity=asset.margin_balance,
        free=equity - _margin_used(cross),
        cross_equity=equity,
        withdrawable=asset.max_withdraw_amount,
        collateral=asset.asset,
    )


def _cross(row: AccountRow, asset: str) -> list[_Margins]:
    """The open cross positions that one asset backs."""
    cross = (margins for margins in row.positions if margins.position_amt and not margins.isolated)
    return [margins for margins in cross if _is_settled_in(asset, margins.symbol, row.assets)]


def _is_settled_in(asset: str, symbol: str, known: Iterable[_Asset]) -> bool:
    """Whether an asset is the collateral of a symbol: its name ends with that asset's, and with no longer one."""
    if not symbol.endswith(asset):
        return False
    return not any(len(other.asset) > len(asset) and symbol.endswith(other.asset) for other in known)


def _margin_used(cross: Iterable[_Margins]) -> Decimal:
    return sum((margins.position_initial_margin for margins in cross), ZERO)


def _backing(row: AccountRow) -> tuple[SpotBalance, ...]:
    return tuple(
        SpotBalance(asset.asset, asset.wallet_balance, asset.initial_margin)
        for asset in row.assets
        if asset.wallet_balance != 0
    )


def available(body: bytes, asset: str) -> Decimal:
    """The free margin in one asset; zero where the account never held it."""
    return next((row.available_balance for row in _decode_balances(body) if row.asset == asset), ZERO)


def market_setting(held: tuple[PositionRow, ...], market: MarketSpec, free: Decimal) -> MarketSetting:
    """Mode and leverage of one market, and what they allow now.

    An order may be as large as the free margin allows at the chosen leverage, within the bracket's limit (Aster 3.4);
    one against the position may close that first. Fees and the spread still come off.
    """
    rows = [row for row in held if row.symbol == market.name]
    if not rows:
        raise Malformed(f"positionRisk does not name {market.name}")
    row = rows[0]
    leverage = row.whole_leverage
    long = sum((leg.position_amt for leg in rows if leg.position_amt > 0), ZERO)
    short = -sum((leg.position_amt for leg in rows if leg.position_amt < 0), ZERO)
    buy, sell = ZERO, ZERO
    if row.mark_price > 0:
        affordable = free * leverage / row.mark_price
        cap = row.max_notional_value if row.max_notional_value is not None else row.max_notional
        room = affordable if cap is None else min(affordable, max(ZERO, cap / row.mark_price - long - short))
        buy, sell = market.floor_size(room) + short, market.floor_size(room) + long
    return MarketSetting(market.name, row.mode, leverage, free, free, buy, sell, row.mark_price)


def fee_rates(body: bytes) -> FeeRates:
    """The account's own rates in one market (Aster 4.9)."""
    row = _decode_fees(body)
    return FeeRates(taker=row.taker_commission_rate, maker=row.maker_commission_rate)


def agents(body: bytes) -> tuple[Agent, ...]:
    """The trading keys of an account (Aster 1.5)."""
    return tuple(
        Agent(row.agent_name, row.agent_address, moment(row.expired), row.can_withdraw) for row in _decode_agents(body)
    )


def builder_fee(body: bytes, builder: str) -> Decimal:
    """The highest fee rate that an account allows a builder; zero when none was approved (Aster 1.6)."""
    wanted = builder.lower()
    return next((row.max_fee_rate for row in _decode_builders(body) if row.builder_address.lower() == wanted), ZERO)
