"""A position that the venue closes against somebody else's liquidation is on record as that, and its money adds up."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from tests.sandbox_process import SandboxProcess
from tests.trading.aster.conftest import aster  # noqa: F401  # a fixture
from tests.trading.services.seats import BITCOIN, Seat, sit_down
from tests.trading.tickets import ticket
from trading.live.told import Told
from trading.margin.types import MarginMode, Side
from trading.models import Difference, Fill, Liquidation, Position
from trading.panels.history import build_fills
from trading.panels.records import build_liquidation_notices, build_liquidations
from trading.panels.story import build_story
from trading.panels.view_models import Tone
from trading.past import story_of
from trading.services.apply_history import FORCED
from trading.services.orders import place_order
from trading.services.readings import EVERYTHING, WHOLE
from trading.services.streamed import store
from trading.services.sync import sync_account
from trading.venues.base import Venue
from trading.venues.streaming import Happening, HappeningFrame

pytestmark = pytest.mark.usefixtures("desk", "aster")
BOTH = pytest.mark.parametrize("place", [Venue.HYPERLIQUID, Venue.ASTER])
SIZE, PART = Decimal("0.05"), Decimal("0.02")


def hold(sandbox: SandboxProcess, venue: Venue, mode: MarginMode, side: Side = Side.LONG) -> tuple[Seat, Position]:
    """A trader with a position that was read, and the position."""
    seat = sit_down(sandbox, venue)
    wanted = ticket(size=SIZE, mode=mode, leverage=5, side=side)
    assert place_order(seat.adapter, seat.account, seat.market, wanted).state == "accepted"
    assert sync_account(seat.adapter, seat.account, EVERYTHING)
    held = seat.position
    assert held is not None
    return seat, held


def deleverage(seat: Seat, size: Decimal, price: str) -> None:
    """The venue closes so much of the trader's position against a liquidated one."""
    body = {"venue": seat.venue.value, "address": seat.account.address, "market": BITCOIN[seat.venue]}
    seat.sandbox.post("/sandbox/deleverage", body | {"size": str(size), "price": price})


@BOTH
@pytest.mark.parametrize(
    ("mode", "side", "size", "price"),
    [
        (MarginMode.ISOLATED, Side.LONG, SIZE, "88000"),
        (MarginMode.ISOLATED, Side.SHORT, PART, "84000"),
        (MarginMode.CROSS, Side.LONG, PART, "88000"),
    ],
)
def test_deleveraging_is_one_record_of_its_own_kind_and_the_money_adds_up(
    venue: SandboxProcess,
    place: Venue,
    mode: MarginMode,
    side: Side,
    size: Decimal,
    price: str,
) -> None:
    seat, held = hold(venue, place, mode, side)
    deleverage(seat, size, price)

    assert seat.differences() == []
    assert not Difference.objects.filter(account=seat.account).exists()
    row = Liquidation.objects.get(account=seat.account)
    fill = Fill.objects.get(account=seat.account, liquidation="adl")
    assert (row.method, row.mode, row.size_before, row.closed_size) == ("adl", mode.value, held.size, size)
    assert (row.average_price, row.fee, row.settled) == (Decimal(price), Decimal(0), Decimal(0))
    assert (row.closed_pnl, row.lost) == (fill.closed_pnl, -fill.closed_pnl)
    assert row.closed_pnl > 0
    assert (row.entry_price, row.leverage, row.seen_at) == (held.entry_price, held.leverage, held.venue_time)
    assert (row.returned is None, row.margin is None) == (mode is MarginMode.CROSS,) * 2
    assert row.remained == seat.account.equity


@BOTH
def test_trader_is_told_what_happened_and_that_it_was_no_fault_of_his(venue: SandboxProcess, place: Venue) -> None:
    seat, _ = hold(venue, place, MarginMode.ISOLATED)
    deleverage(seat, PART, "88000")
    assert sync_account(seat.adapter, seat.account, EVERYTHING)
    row = Liquidation.objects.select_related("market").get(account=seat.account)

    (notice,), (line,), story = build_liquidation_notices([row]), build_liquidations([row]), build_story(story_of(row))
    (forced,) = (fill for fill in build_fills(Fill.objects.filter(account=seat.account)) if fill.note)
    assert notice.title == "Auto-deleveraged: BTC long of 0.02"
    assert notice.detail.startswith("The venue closed it at 88,000")
    assert notice.detail.endswith("were gained. 0.03 BTC remained open.")
    assert "You did nothing wrong." in notice.detail
    assert (line.kind, line.result_tone, line.result[0]) == ("Auto-deleveraged", Tone.UP, "+")
    assert (forced.direction, forced.note) == ("Close Long", "Auto-deleveraged")
    assert (story.title, story.lesson) == ("BTC long auto-deleveraged", "")
    assert story.lead.endswith("0.03 BTC remained open.")
    assert "Gained" in [fact.label for fact in story.facts]
    assert [words for words in (step.words for step in story.rows) if words.startswith("Sold by the venue 0.02 BTC")]


def test_stream_that_tells_of_a_forced_order_has_it_on_record_at_once(venue: SandboxProcess) -> None:
    """Aster's list of forced orders is read every ten minutes only, and nothing is wrong with the money meanwhile."""
    seat, _ = hold(venue, Venue.ASTER, MarginMode.ISOLATED)
    deleverage(seat, PART, "88000")
    told = Told()
    told.take(HappeningFrame(seat.account.address, Happening.LIQUIDATION, "adl_autoclose"), timezone.now())

    assert store(seat.adapter, seat.account, told)

    assert Liquidation.objects.get(account=seat.account).is_deleveraging


def test_list_of_forced_orders_that_is_read_long_after_the_executions_still_tells(venue: SandboxProcess) -> None:
    """Aster tells of a deleveraging only there, and nothing is wrong with the money meanwhile (Aster 3.7)."""
    seat, _ = hold(venue, Venue.ASTER, MarginMode.ISOLATED)
    deleverage(seat, PART, "88000")
    assert sync_account(seat.adapter, seat.account, WHOLE)
    assert Fill.objects.filter(account=seat.account).exclude(liquidation="").count() == 0
    # The executions are known up to now; the list was read last before it happened.
    seat.account.refresh_from_db()
    moved = Fill.objects.filter(account=seat.account).latest("happened_at").happened_at + timedelta(minutes=30)
    seat.account.cursors |= {"fills": moved.isoformat()}
    seat.account.anchors = {
        name: [value, moved.isoformat(), after] for name, (value, _, after) in seat.account.anchors.items()
    }
    seat.account.save(update_fields=["cursors", "anchors"])

    assert sync_account(seat.adapter, seat.account, EVERYTHING)

    assert Liquidation.objects.get(account=seat.account).method == FORCED["ADL"]
