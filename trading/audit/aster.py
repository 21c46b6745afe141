"""Aster's raw answers as accounts to audit (Aster 2.1, 3.1, 3.3, 3.4, 4.3, 4.7).

Each isolated leg has a wallet and a price of its own. Cross positions share the cross wallet of their margin asset,
which only ``account`` tells, and two open legs of one symbol would share one price, which a one-way engine does not
work out: what cannot be known is listed with its reason. Only what the margin engine needs is asked for, and unlike
the adapter, which leaves out a market it cannot read, the audit refuses it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from trading.audit.judging import AuditedAccount, Finding, Outside, findings, not_knowable, quoted
from trading.margin.buckets import cash_of_wallet, entry_price_held
from trading.margin.rounding import whole_positive
from trading.margin.types import Account, AccountMode, Bracket, MarginMode, Position, TierTable
from trading.venues.aster.accounts import MAIN_COLLATERAL, MODE
from trading.venues.decoding import Decoder, Record
from trading.venues.errors import Malformed, UnknownState

NO_BRACKETS = "the market data has no brackets for this market."
NO_BRACKETS_BESIDE = "the market data has no brackets for another cross position of the account."
TWO_LEGS = "the two open legs of hedge mode share one price, and legs are worked out one by one."


class _Row(Record, frozen=True):
    symbol: str
    position_amt: Decimal
    entry_price: Decimal
    mark_price: Decimal
    un_realized_profit: Decimal
    liquidation_price: Decimal
    leverage: Decimal
    margin_type: str
    isolated_wallet: Decimal | None = None

    @property
    def mode(self) -> MarginMode:
        """Isolated or cross; ``UnknownState`` for another word."""
        if self.margin_type.lower() not in MODE:
            raise UnknownState(f"margin type {self.margin_type!r} of {self.symbol} is not known")
        return MODE[self.margin_type.lower()]


class _Asset(Record, frozen=True):
    asset: str
    wallet_balance: Decimal
    cross_wallet_balance: Decimal
    available_balance: Decimal


class _Account(Record, frozen=True):
    assets: list[_Asset]
    multi_assets_margin: bool = False

    @property
    def is_multi_asset(self) -> bool:
        """Whether several assets back it: then even an asset it does not hold has something available (Aster 3.1)."""
        return self.multi_assets_margin or any(
            row.wallet_balance == 0 and row.available_balance > 0 for row in self.assets
        )


class _Bracket(Record, frozen=True):
    initial_leverage: int
    notional_cap: Decimal
    notional_floor: Decimal
    maint_margin_ratio: Decimal
    cum: Decimal


class _Brackets(Record, frozen=True):
    symbol: str
    brackets: list[_Bracket]


class _Symbol(Record, frozen=True):
    symbol: str
    margin_asset: str


class _ExchangeInfo(Record, frozen=True):
    symbols: list[_Symbol] = []


class _MarketData(Record, frozen=True):
    leverage_bracket: list[_Brackets] | _Brackets
    exchange_info: _ExchangeInfo | None = None


class _Answers(Record, frozen=True):
    position_risk: list[_Row]
    account: _Account | None = None
    multi_assets_margin: bool = False


_decode_markets = Decoder(_MarketData, "market data")
_decode_answers = Decoder(_Answers, "account")


def audit(market_data: bytes, account_data: bytes) -> tuple[Finding, ...]:
    """The finding of every open position, in the payload's order.

    ``market_data`` is an object with ``leverageBracket`` and optionally ``exchangeInfo``; ``account_data`` one with
    ``positionRisk`` and optionally ``account``. Raises ``Malformed`` or ``MarginInputError`` for what makes no sense.
    """
    markets, answers = _decode_markets(market_data), _decode_answers(account_data)
    tables, told = _tier_tables(markets), answers.account
    listed = {row.symbol: row.margin_asset for row in (markets.exchange_info or _ExchangeInfo()).symbols}
    is_multi_asset = answers.multi_assets_margin or (told is not None and told.is_multi_asset)
    open_rows = [row for row in answers.position_risk if row.position_amt != 0]
    found: dict[int, Finding] = {}
    for row in open_rows:
        if row.mode is MarginMode.ISOLATED:
            found[id(row)] = _isolated(row, tables)
    cross = [row for row in open_rows if row.mode is MarginMode.CROSS]
    for asset in {_margin_asset(row.symbol, listed, told) for row in cross}:
        pool = [row for row in cross if _margin_asset(row.symbol, listed, told) == asset]
        found |= _pool(pool, tables, _wallet(told, asset), is_multi_asset=is_multi_asset)
    return tuple(found[id(row)] for row in open_rows)


def _tier_tables(markets: _MarketData) -> dict[str, TierTable]:
    """The brackets of every symbol; an answer for one symbol may be an object or a list of one (Aster 3.4)."""
    answers = markets.leverage_bracket
    listed = [answers] if isinstance(answers, _Brackets) else answers
    return {answer.symbol: TierTable.from_brackets(_bracket(row) for row in answer.brackets) for answer in listed}


def _bracket(row: _Bracket) -> Bracket:
    return Bracket(row.notional_floor, row.notional_cap, row.initial_leverage, row.maint_margin_ratio, row.cum)


def _isolated(row: _Row, tables: Mapping[str, TierTable]) -> Finding:
    """Each isolated position answers with its own wallet, whatever else the account holds."""
    if row.symbol not in tables:
        return not_knowable(row.symbol, row.mode, quoted(row.liquidation_price), NO_BRACKETS)
    alone = Account((_position(row, tables[row.symbol]),))
    return findings(AuditedAccount(alone, (alone,)))[0]


def _pool(
    rows: Sequence[_Row], tables: Mapping[str, TierTable], wallet: Decimal | None, *, is_multi_asset: bool
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


def _without_brackets(row: _Row, tables: Mapping[str, TierTable]) -> Finding:
    reason = NO_BRACKETS_BESIDE if row.symbol in tables else NO_BRACKETS
    return not_knowable(row.symbol, row.mode, quoted(row.liquidation_price), reason)


def _position(row: _Row, tiers: TierTable) -> Position:
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
        cash=cash_of_wallet(size, entry, _wallet_of(row)) if row.mode is MarginMode.ISOLATED else None,
        venue_liquidation=quoted(row.liquidation_price),
    )


def _wallet_of(row: _Row) -> Decimal:
    if row.isolated_wallet is None:
        raise Malformed(f"positionRisk: isolatedWallet of {row.symbol} is missing")
    return row.isolated_wallet


def _margin_asset(symbol: str, listed: Mapping[str, str], told: _Account | None) -> str:
    """The collateral of a symbol: as exchangeInfo says, else the asset of the account that its name ends with."""
    if symbol in listed:
        return listed[symbol]
    endings = [] if told is None else [row.asset for row in told.assets if symbol.endswith(row.asset)]
    return max(endings, key=len, default=MAIN_COLLATERAL)


def _wallet(told: _Account | None, asset: str) -> Decimal | None:
    if told is None:
        return None
    return next((row.cross_wallet_balance for row in told.assets if row.asset == asset), None)
