"""Both venues are silent for ten minutes and answer again: who is asked in which second, and what that costs.

The requests that really leave are held against what the scheduler's order and the plain ledger allow.
"""

from collections import Counter, defaultdict
from dataclasses import replace

from tenants.scope import every_operator
from tests.trading.aster.conftest import aster, both  # noqa: F401  # fixtures
from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from tests.trading.stepped_world import A_TURN, AWAY_SECONDS, HERE, NEAREST, OTHERS, STEP_SECONDS, World, sandbox, world
from tests.trading.workers import eager  # noqa: F401  # tasks run at once, in this thread
from trading.connect import gateway_of
from trading.live import handing
from trading.metering import budget_of, meter_of
from trading.models import VenueAccount
from trading.services import looks, schedule
from trading.services.readings import weights_of
from trading.services.roster import RosterOf
from trading.tasks import accounts
from trading.venues.ledger import Answer, Charge, Ledger, Priority
from trading.venues.snapshots import Network, Venue
from trading.venues.weather import Sky

__all__ = ["sandbox", "world"]

NOTICED_SECONDS = 6
# All that the plan takes, and a few seconds more; thirty are allowed.
BACK_SECONDS = 10


def plan(world: World, venue: Venue, network: Network) -> dict[str, int]:
    """In which second from now on each account that is late is read for the first time: by the scheduler's own order,
    as far as the plain ledger lets it go."""
    costs, tariff, now = weights_of(venue), gateway_of(venue).tariff, world.clock.seconds
    with every_operator():
        known = RosterOf(venue, network).known(world.clock.now())
        roster = accounts._claims(venue, network, known, accounts._purse(venue, network)).roster
    names = dict(VenueAccount.objects.values_list("pk", "address"))
    ledger, meter = Ledger(), meter_of(tariff, venue, network)
    ceiling, read_at, first = meter.ceiling(Priority.ROUTINE), roster.read_at.copy(), dict[str, int]()
    late = {names[pk] for pk in known.ids[now - read_at > roster.due].tolist()}
    for second in range(1, BACK_SECONDS + 1):
        free = ceiling - ledger.used(meter, now + second)
        weight = schedule.turn_weight(free, ceiling / meter.seconds, 1.0, costs.pooled)
        turn = schedule.choose(replace(roster, read_at=read_at), now + second, weight)
        for place in turn.tolist():
            name, charges = f"{place} {second}", [Charge(meter, costs.account)]
            assert ledger.take(now + second, name, Priority.ROUTINE, charges) == 0
            ledger.settle(now + second, name, charges, Answer())
            first.setdefault(names[int(known.ids[place])], second)
        read_at[turn] = now + second
    return {address: second for address, second in first.items() if address in late}


def stay_away(world: World) -> None:
    """The venues answer nothing for ten minutes. That is found out within seconds; from then on one account at a time
    asks, and nobody rests or is held in hands for it."""
    world.sandbox.fault("error_before", "any", probability=1.0)
    for _ in range(NOTICED_SECONDS):
        world.step(1)
    assert world.skies() == {Sky.DOWN}
    noticed, steps = world.clock.seconds, (AWAY_SECONDS - NOTICED_SECONDS) // STEP_SECONDS
    for _ in range(steps):
        world.step(STEP_SECONDS)
    asked = Counter((one.venue, one.at) for one in world.wire.sent if one.at > noticed)
    assert (len(asked), set(asked.values())) == (len(HERE) * steps, {1})
    assert all(until <= world.clock.seconds for place in HERE for until in handing.left_alone(*place).values())
    world.sandbox.clear_faults()


def test_venue_that_is_back_after_ten_minutes_is_asked_by_plan_and_soon_all_are_current(world: World) -> None:
    assert {max(world.lateness(venue)) for venue, _ in HERE} == {0}
    stay_away(world)
    assert min(min(world.lateness(venue)) for venue, _ in HERE) > 9

    world.step(STEP_SECONDS)
    back, lateness = world.clock.seconds, defaultdict[Venue, list[float]](list)
    assert [[len(accounts) for accounts in world.wire.looks(venue, back).values()] for venue, _ in HERE] == [[1], [1]]
    assert [world.wire.weight(venue, back, 1) for venue, _ in HERE] == [weights_of(venue).account for venue, _ in HERE]
    assert Sky.DOWN not in world.skies()
    plans = {venue: plan(world, venue, network) for venue, network in HERE}
    for _ in range(BACK_SECONDS):
        world.step(1)
        for venue, _ in HERE:
            lateness[venue].append(max(world.lateness(venue)))

    for venue, network in HERE:
        found, minute = world.wire.looks(venue, back), [back + second for second in range(BACK_SECONDS + 1)]
        first = {address: second for second in sorted(found, reverse=True) for address in found[second]}
        last = max(first.values())
        assert len(first) == NEAREST + OTHERS
        assert {address: second for address, second in first.items() if second} == plans[venue]
        before = Counter(address for second in range(last) for address in found[second])
        assert set(before.values()) == {1}
        assert [late <= 1 for late in lateness[venue]] == [second >= last for second in range(1, BACK_SECONDS + 1)]
        meter = meter_of(gateway_of(venue).tariff, venue, network)
        spent = [world.wire.weight(venue, moment) for moment in minute]
        assert budget_of(venue, network).state(meter).used == (spent[-1],)
        assert max(spent) <= meter.ceiling(Priority.ROUTINE)
        assert max(world.wire.weight(venue, moment, 1) for moment in minute) <= A_TURN[venue]
    assert world.wire.most <= looks.QUESTIONS_AT_ONCE
