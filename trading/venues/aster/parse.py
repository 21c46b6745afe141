"""Aster's answers as typed records: bytes in, our words out, nothing else (Aster 2.1, 3.1, 3.3, 3.4).

Numbers are text in most answers and JSON numbers in brackets; both become exact decimals. Unknown fields are ignored;
an unknown margin mode or side raises ``UnknownState``, anything else that does not fit ``Malformed``. Whether a number
makes sense (finite, above zero) is for the margin engine to say.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Generic, TypeVar

import msgspec

from trading.margin.types import Bracket, MarginMode, TierTable
from trading.venues.errors import Malformed, UnknownState

T = TypeVar("T")

# Requests, answers and streams spell the mode differently (Aster 3.3).
MODE = {"isolated": MarginMode.ISOLATED, "cross": MarginMode.CROSS, "crossed": MarginMode.CROSS}


class PositionSide(StrEnum):
    """Which position of a symbol a row is: the only one, or one leg in hedge mode."""

    BOTH = "BOTH"
    LONG = "LONG"
    SHORT = "SHORT"


class Record(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A row as the venue writes it. Fields that are not declared are ignored."""


class PositionRow(Record, frozen=True):
    """One position as the venue writes it, flat ones included (Aster 3.3). ``isolated_wallet`` is the collateral put
    in, without open profit; a liquidation price of zero means none."""

    symbol: str
    position_amt: Decimal
    entry_price: Decimal
    mark_price: Decimal
    un_realized_profit: Decimal
    liquidation_price: Decimal
    leverage: Decimal
    margin_type: str
    isolated_wallet: Decimal
    position_side: str = PositionSide.BOTH.value

    @property
    def mode(self) -> MarginMode:
        """Isolated or cross; ``UnknownState`` for another word."""
        try:
            return MODE[self.margin_type.lower()]
        except KeyError:
            raise UnknownState(f"margin type {self.margin_type!r} of {self.symbol}") from None

    @property
    def side(self) -> PositionSide:
        """The leg; ``UnknownState`` for another word."""
        try:
            return PositionSide(self.position_side)
        except ValueError:
            raise UnknownState(f"position side {self.position_side!r} of {self.symbol}") from None


class AssetRow(Record, frozen=True):
    """One asset of an account (Aster 3.1). ``cross_wallet_balance`` leaves isolated wallets and open profit out."""

    asset: str
    wallet_balance: Decimal
    cross_wallet_balance: Decimal
    available_balance: Decimal


class AccountRow(Record, frozen=True):
    """An account as the venue writes it (Aster 3.1)."""

    assets: list[AssetRow]
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


class _SymbolBrackets(Record, frozen=True):
    symbol: str
    brackets: list[_Bracket]


class _Symbol(Record, frozen=True):
    symbol: str
    margin_asset: str


class _ExchangeInfo(Record, frozen=True):
    symbols: list[_Symbol]


class Decoder(Generic[T]):
    """Decodes one kind of answer, strictly."""

    def __init__(self, kind: type[T], name: str) -> None:
        self._decoder = msgspec.json.Decoder(kind)
        self._name = name

    def __call__(self, body: bytes | msgspec.Raw) -> T:
        try:
            return self._decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Malformed(f"{self._name}: {error}") from None


_decode_positions = Decoder(list[PositionRow], "positionRisk")
_decode_account = Decoder(AccountRow, "account")
_decode_brackets = Decoder(list[_SymbolBrackets], "leverageBracket")
_decode_symbol_brackets = Decoder(_SymbolBrackets, "leverageBracket")
_decode_exchange = Decoder(_ExchangeInfo, "exchangeInfo")


def positions(body: bytes | msgspec.Raw) -> tuple[PositionRow, ...]:
    """Every row of ``positionRisk``."""
    return tuple(_decode_positions(body))


def account(body: bytes | msgspec.Raw) -> AccountRow:
    """The assets of ``account`` or ``accountWithJoinMargin``."""
    return _decode_account(body)


def tier_tables(body: bytes | msgspec.Raw) -> dict[str, TierTable]:
    """The brackets of every symbol; an answer for one symbol may be an object or a list of one (Aster 3.4)."""
    is_list = bytes(body).lstrip().startswith(b"[")
    answers = _decode_brackets(body) if is_list else [_decode_symbol_brackets(body)]
    return {answer.symbol: TierTable.from_brackets(_bracket(row) for row in answer.brackets) for answer in answers}


def _bracket(row: _Bracket) -> Bracket:
    return Bracket(row.notional_floor, row.notional_cap, row.initial_leverage, row.maint_margin_ratio, row.cum)


def margin_assets(body: bytes | msgspec.Raw) -> dict[str, str]:
    """The collateral of every symbol in single-asset mode (Aster 2.1)."""
    return {row.symbol: row.margin_asset for row in _decode_exchange(body).symbols}
