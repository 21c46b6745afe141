"""Every account of a venue with what decides when it is read, kept in memory and brought up to date by the difference.

A turn each second must not cost a query for each account, nor read every row again. The whole is loaded now and then;
in between only the accounts that were attempted since, in three queries however many there are.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from django.db.models import Count, Q
from numpy.typing import NDArray

from trading.connect import gateway_of
from trading.margin.types import AccountMode, MarginMode
from trading.models import Position
from trading.services.readings import accounts_in_use, weights_of
from trading.services.risk import Exposure, Floats
from trading.venues.snapshots import Network, Venue
from trading.venues.tariff import ReadingWeights

# Accounts that were deleted, left or moved are noticed by then.
WHOLE_SECONDS = 60.0
# Rows written by a transaction that began before our last look and ended after it.
OVERLAP = timedelta(seconds=10)

Row = tuple[Any, ...]
ACCOUNT = (
    "pk", "operator_id", "mode", "attempted_at", "cross_equity", "cross_maintenance", "synced_at", "confirmed_at",
    "cursors__fills",
)  # fmt: skip
POSITION = (
    "account_id", "market__name", "size", "liquidation_price", "estimated_liquidation_price", "mark_price", "mode",
    "account__mode", "market__spec__dex",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Known:
    """All accounts of a venue, in the order of their ids, and their positions. ``names`` are the markets in which
    something is held. ``fresh_at``: of what moment an account's figures are, not a number for none: when a reading of
    it last succeeded, or until when its stream has told all. ``whole_at``: up to when an account's executions are
    known, 0 for never. ``weights``: what reading its money and positions costs there. ``unread``: how many accounts of
    each operator are left out, because the venue tells an account to its key alone and theirs is gone."""

    ids: NDArray[np.int64]
    operators: NDArray[np.int64]
    fresh_at: Floats
    whole_at: Floats
    weights: NDArray[np.int64]
    exposure: Exposure
    names: tuple[str, ...]
    unread: Mapping[int, int]

    def places(self, account_ids: Iterable[int]) -> NDArray[np.intp]:
        """Where these accounts are; those that are not here are left out."""
        places, is_here = self._search(account_ids)
        return places[is_here]

    def figures(self, told: Mapping[int, float], of_others: float) -> Floats:
        """What is told of some accounts by their ids, and of all others the same, in the order of everybody."""
        figures = np.full(len(self.ids), of_others)
        places, is_here = self._search(told)
        figures[places[is_here]] = np.fromiter(told.values(), np.float64)[is_here]
        return figures

    def _search(self, account_ids: Iterable[int]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Where each of these accounts is or would be, and whether it is there."""
        wanted = np.fromiter(account_ids, np.int64)
        places = np.searchsorted(self.ids, wanted)
        is_here = places < len(self.ids)
        is_here[is_here] = self.ids[places[is_here]] == wanted[is_here]
        return places, is_here


class RosterOf:
    """The accounts of one venue and network, in the memory of this process. Use it inside ``every_operator``."""

    def __init__(self, venue: Venue, network: Network) -> None:
        accounts = accounts_in_use().filter(venue=venue, network=network)
        is_open = gateway_of(venue).reads_without_key
        self._accounts = accounts if is_open else accounts.exclude(agent_key=b"")
        self._unreadable = accounts.none() if is_open else accounts.filter(agent_key=b"")
        self._unread: dict[int, int] = {}
        self._weights = weights_of(venue)
        self._rows: dict[int, Row] = {}
        self._held: dict[int, list[Row]] = {}
        self._loaded_at = -WHOLE_SECONDS
        self._looked_at = datetime.min.replace(tzinfo=UTC)
        self._known: Known | None = None

    def known(self, now: datetime) -> Known:
        """All accounts as they are known now."""
        is_whole = time.monotonic() - self._loaded_at >= WHOLE_SECONDS
        if is_whole:
            self._rows.clear()
            self._held.clear()
            self._unread = dict(self._unreadable.values_list("operator_id").annotate(accounts=Count("pk")))
            self._loaded_at = time.monotonic()
            self._known = None
        changed = self._accounts.all() if is_whole else self._accounts.filter(self._since())
        rows = [row for row in changed.values_list(*ACCOUNT) if self._rows.get(row[0]) != row]
        self._looked_at = now
        held = self._positions_of(rows, is_whole=is_whole)
        fits = self._known is not None and all(self._patch(self._known, row, held[row[0]]) for row in rows)
        self._rows |= {row[0]: row for row in rows}
        self._held |= held
        if self._known is None or not fits:
            self._known = _known(self._rows, self._held, self._weights, self._unread)
        return self._known

    def _since(self) -> Q:
        return Q(attempted_at__gte=self._looked_at - OVERLAP) | Q(attempted_at=None)

    def _positions_of(self, rows: Sequence[Row], *, is_whole: bool) -> dict[int, list[Row]]:
        """The open positions of each of these accounts, by market."""
        held: dict[int, list[Row]] = {row[0]: [] for row in rows}
        wanted = self._accounts if is_whole else list(held)
        for row in Position.objects.filter(account__in=wanted).order_by("market__name", "pk").values_list(*POSITION):
            held.setdefault(row[0], []).append(row)
        return held

    def _patch(self, known: Known, row: Row, held: Sequence[Row]) -> bool:
        """Write an account's new figures into the arrays; False where it holds other markets than before."""
        before = self._held.get(row[0])
        if before is None or [one[1] for one in before] != [one[1] for one in held]:
            return False
        place = int(np.searchsorted(known.ids, row[0]))
        exposure = known.exposure
        known.fresh_at[place] = _fresh_at(row)
        known.whole_at[place] = _whole_at(row)
        known.weights[place] = _weight(row, self._weights)
        exposure.cross_equity[place], exposure.cross_maintenance[place] = row[4], row[5]
        first = int(np.searchsorted(exposure.owners, place))
        for offset, one in enumerate(held, first):
            exposure.sizes[offset], exposure.liquidations[offset] = one[2], _liquidation(one)
            exposure.marks_then[offset], exposure.is_cross[offset] = one[5], _is_cross(one)
        return True


def _known(
    rows: dict[int, Row], held: dict[int, list[Row]], weights: ReadingWeights, unread: Mapping[int, int]
) -> Known:
    ids = sorted(rows)
    ordered = [rows[account_id] for account_id in ids]
    positions = [(place, row) for place, account_id in enumerate(ids) for row in held.get(account_id, ())]
    names = sorted({row[1] for _, row in positions})
    place_of = {name: place for place, name in enumerate(names)}
    exposure = Exposure(
        owners=np.array([place for place, _ in positions], np.intp),
        markets=np.array([place_of[row[1]] for _, row in positions], np.intp),
        sizes=_floats(row[2] for _, row in positions),
        liquidations=_floats(_liquidation(row) for _, row in positions),
        marks_then=_floats(row[5] for _, row in positions),
        is_cross=np.array([_is_cross(row) for _, row in positions], np.bool_),
        cross_equity=_floats(row[4] for row in ordered),
        cross_maintenance=_floats(row[5] for row in ordered),
    )
    return Known(
        ids=np.array(ids, np.int64),
        operators=np.array([row[1] for row in ordered], np.int64),
        fresh_at=_floats(_fresh_at(row) for row in ordered),
        whole_at=_floats(_whole_at(row) for row in ordered),
        weights=np.array([_weight(row, weights) for row in ordered], np.int64),
        exposure=exposure,
        names=tuple(names),
        unread=unread,
    )


def _fresh_at(account: Row) -> float:
    *_, synced_at, confirmed_at, _ = account
    if synced_at is None:
        return float("nan")
    moment: datetime = max(synced_at, confirmed_at or synced_at)
    return moment.timestamp()


def _whole_at(account: Row) -> float:
    return datetime.fromisoformat(account[8]).timestamp() if account[8] else 0.0


def _weight(account: Row, weights: ReadingWeights) -> int:
    return weights.of(AccountMode(account[2]))


def _liquidation(position: Row) -> float:
    return float(position[3] or position[4] or np.nan)


def _is_cross(position: Row) -> bool:
    """Whether the account's cross collateral backs it. In a standard account a builder-deployed book has collateral of
    its own (Hyperliquid 3.9): what leans on that is as near as its own liquidation price."""
    *_, mode, account_mode, dex = position
    return bool(mode == MarginMode.CROSS.value and not (dex and account_mode == AccountMode.STANDARD.value))


def _floats(values: Iterable[Any]) -> Floats:
    return np.fromiter(values, np.float64)
