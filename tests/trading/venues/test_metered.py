"""A transport that asks first: what it keeps back, what it counts, and what it does without Redis."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from trading.venues.allowance import Allowance
from trading.venues.aster.weights import TARIFF as ASTER
from trading.venues.budget import Budget
from trading.venues.errors import (
    CommandHeldBack,
    HeldBack,
    OutcomeUnknown,
    RateLimited,
    RequestsUsedUp,
    Unavailable,
    VenueError,
)
from trading.venues.hyperliquid.weights import TARIFF
from trading.venues.ledger import Priority
from trading.venues.metered import NEARLY_USED, PROOFS, MeteredTransport, reading, weight_meter
from trading.venues.tariff import Limits
from trading.venues.transport import NO_HEADERS, Response
from trading.venues.weather import Door, Kind, Outcome

METER = weight_meter("budget:test", 100)
STATE = b'{"type":"clearinghouseState","user":"0x1"}'
META = b'{"type":"meta"}'
ORDER = b'{"action":{"type":"order","orders":[{}]}}'
CLOSE = b'{"action":{"type":"order","orders":[{"r":true}]}}'
ASK = b'{"type":"userRateLimit","user":"0x1"}'
POST_ONLY = b'{"action":{"type":"order","orders":[{"r":false,"t":{"limit":{"tif":"Alo"}}}]}}'
AT_ONCE = b'{"action":{"type":"order","orders":[{"r":true,"t":{"limit":{"tif":"Ioc"}}}]}}'
CANCEL = b'{"action":{"type":"cancel","cancels":[{}]}}'
FINE = Response(200, b"{}")


class Venue:
    """Answers as it is told, one answer for each request, the last one for good."""

    def __init__(self, *answers: Response | VenueError) -> None:
        self.answers = list(answers) or [FINE]
        self.asked: list[bytes] = []

    def request(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = NO_HEADERS) -> Response:
        self.asked.append(body)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, VenueError):
            raise answer
        return answer


class Way:
    """A metered way to a venue, whose clock stands still unless somebody sleeps."""

    def __init__(self, redis: Redis, venue: Venue, account: str = "0x1", **changes: object) -> None:  # noqa: F811
        self.now, self.heard = 1000.0, list[Outcome]()
        clock = lambda: self.now  # noqa: E731
        self.budget = Budget(redis, "budget:test", clock=clock, jitter=lambda: 1.0)
        gate = Budget(redis, f"budget:test:{account}", clock=clock)
        tariff = replace(TARIFF, **changes)  # type: ignore[arg-type]
        assert tariff.lifetime is not None
        self.allowance = Allowance(redis, "allowance:test", account, tariff.lifetime, clock=clock)
        self.transport = MeteredTransport(
            venue,
            tariff,
            self.budget,
            lambda: Limits(METER.limit, tariff.orders),
            account=gate,
            allowance=self.allowance,
            heard=self.heard.append,
            sleep=self.sleep,
        )

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def read(self, body: bytes = STATE) -> Response:
        return self.transport.request("POST", "/info", body)

    def send(self, body: bytes = ORDER) -> Response:
        return self.transport.request("POST", "/exchange", body)

    @property
    def used(self) -> int:
        return self.budget.state(METER).used[0]


def test_every_request_is_counted_with_the_rows_of_its_answer(redis: Redis) -> None:  # noqa: F811
    door = Way(redis, Venue(FINE, FINE, Response(200, b"[%s]" % b",".join([b"{}"] * 40))))
    door.read()
    door.send()
    door.read(b'{"type":"userFills"}')

    assert door.used == 2 + 1 + 20 + 2


def test_read_beyond_the_budget_is_kept_back_and_a_command_goes(redis: Redis) -> None:  # noqa: F811
    venue = Venue()
    door = Way(redis, venue)
    for _ in range(3):
        door.read(META)
    door.send()
    asked = len(venue.asked)
    door.now += 20

    # One of 20 would leave orders 14 for the 40 s in which nothing drops out; 24 are kept for 60 s.
    door.read(b'{"type":"l2Book"}')
    with reading(Priority.ROUTINE), pytest.raises(HeldBack) as caught:
        door.read(META)
    assert (caught.value.retry_after, caught.value.retryable, caught.value.outcome_known) == (5.0, True, True)
    assert "in 5 s" in caught.value.explanation
    assert len(venue.asked) == asked + 1
    assert door.send().status == 200


def test_proofs_leave_commands_what_they_need_however_often_they_are_asked(redis: Redis) -> None:  # noqa: F811
    door = Way(redis, Venue())
    for _ in range(3):
        door.read(META)
    with reading(Priority.PROOF):
        for _ in range(7):
            door.read()
        with pytest.raises(HeldBack) as caught:
            door.read()

    assert (door.used, caught.value.retry_after) == (74, 60.0)
    assert [door.send().status for _ in range(14)] == [200] * 14


def test_proofs_have_a_share_of_their_own_where_the_limit_is_nearly_used_up(redis: Redis) -> None:  # noqa: F811
    door = Way(redis, Venue())
    for _ in range(3):
        door.read(META)
    for _ in range(15):
        door.send()

    with reading(Priority.PROOF):
        for _ in range(METER.limit * PROOFS // 100 // 2 - 1):
            door.read()
        with pytest.raises(HeldBack) as caught:
            door.read()
        door.now += 60
        assert door.read().status == 200
    assert caught.value.retry_after == 60.0


def test_one_account_has_a_share_and_no_more_once_the_limit_is_nearly_used_up(redis: Redis) -> None:  # noqa: F811
    door = Way(redis, Venue())
    for _ in range(3):
        door.read(META)
    orders = [door.send() for _ in range(15)]

    with pytest.raises(CommandHeldBack) as caught:
        door.send()
    assert len(orders) == METER.limit * NEARLY_USED // 100 - door.used + len(orders)
    assert caught.value.explanation == (
        "The venue's limit is nearly used up, so this was not sent. Try again in 60 s; you can still close, cancel and "
        "add margin."
    )
    another = Way(redis, Venue(), account="0x2")
    assert another.send().status == 200


def test_what_takes_risk_away_is_sent_up_to_the_last_of_the_limit(redis: Redis) -> None:  # noqa: F811
    door = Way(redis, Venue())
    for number in range(97):
        Way(redis, Venue(), account=f"0x{number % 9}").send()
    with pytest.raises(CommandHeldBack):
        Way(redis, Venue(), account="0xa").send()

    margin = b'{"action":{"type":"updateIsolatedMargin","ntli":5000000}}'
    assert [door.send(body).status for body in (CLOSE, CANCEL, margin)] == [200] * 3
    with pytest.raises(CommandHeldBack) as caught:
        door.send(CLOSE)
    assert caught.value.explanation == "The venue's limit is used up, so this was not sent. Try again in 60 s."


def test_command_waits_a_moment_for_room(redis: Redis) -> None:  # noqa: F811
    door = Way(redis, Venue())
    for _ in range(100):
        door.send(CLOSE)
    door.now += 59.5

    assert door.send().status == 200
    assert door.now == 1060.0


def test_ban_keeps_everything_back_for_exactly_its_time(redis: Redis) -> None:  # noqa: F811
    venue = Venue(RateLimited("HTTP 418", retry_after=120.0), FINE)
    door = Way(redis, venue)
    with pytest.raises(RateLimited):
        door.read()

    door.now += 118.0
    for ask in (door.read, door.send):
        with pytest.raises(HeldBack) as caught:
            ask()
        assert caught.value.retry_after == 2.0
    assert caught.value.explanation == (
        "The venue takes nothing from this exchange, so this was not sent. Try again in 2 s."
    )
    door.now += 2.0
    assert [door.read().status, door.send().status, len(venue.asked)] == [200, 200, 3]


def test_slow_down_without_a_time_holds_reads_and_lets_commands_try(redis: Redis) -> None:  # noqa: F811
    door = Way(redis, Venue(RateLimited("HTTP 429"), FINE))
    with pytest.raises(RateLimited):
        door.read()

    with pytest.raises(HeldBack):
        door.read()
    assert door.send().status == 200
    door.now += 0.5
    assert door.read().status == 200


def test_account_without_requests_left_rests_and_may_still_cancel(redis: Redis) -> None:  # noqa: F811
    refusal = Response(200, b'{"status":"err","response":"Too many cumulative requests sent (10001 > 10000)"}')
    door = Way(redis, Venue(refusal, FINE))
    door.send()

    door.now += 1
    with pytest.raises(HeldBack) as caught:
        door.send()
    assert caught.value.retry_after == 9.0
    assert "takes only cancels from this account" in caught.value.explanation
    assert [door.send(CANCEL).status, door.read().status] == [200, 200]
    door.now += 9
    assert door.send().status == 200


def rate_limit(used: int) -> Response:
    return Response(200, b'{"cumVlm":"0.0","nRequestsUsed":%d,"nRequestsCap":10000,"nRequestsSurplus":0}' % used)


def left(door: Way) -> int:
    state = door.allowance.state()
    assert state is not None
    return state.left


def test_what_the_venue_tells_of_an_accounts_requests_is_kept_and_counted_on(redis: Redis) -> None:  # noqa: F811
    door = Way(redis, Venue(rate_limit(100), FINE))
    door.read(ASK)
    assert left(door) == 9_900

    door.send()
    door.send(b'{"action":{"type":"cancel","cancels":[{},{}]}}')
    door.read()

    assert left(door) == 9_897


def test_nothing_is_learnt_of_another_account_or_from_what_cannot_be_read(redis: Redis) -> None:  # noqa: F811
    door = Way(redis, Venue(rate_limit(100), Response(200, b"null"), Response(422, b"no")))
    for question in (b'{"type":"userRateLimit","user":"0x2"}', ASK, ASK):
        door.read(question)

    assert door.allowance.state() is None


def test_command_without_requests_left_is_not_sent_and_says_so(redis: Redis) -> None:  # noqa: F811
    venue = Venue(rate_limit(9_950), FINE)
    door = Way(redis, venue)
    door.read(ASK)
    door.send()  # one passes in ten seconds
    door.now += 3

    with pytest.raises(RequestsUsedUp) as caught:
        door.send()

    assert (caught.value.retry_after, caught.value.retryable, caught.value.outcome_known) == (7.0, True, True)
    assert "Try again in 7 s; you can still cancel." in caught.value.explanation
    assert [door.send(CLOSE).status, door.send(CANCEL).status] == [200, 200]
    assert venue.asked == [ASK, ORDER, CLOSE, CANCEL]
    door.now += 7
    assert door.send().status == 200


def test_command_that_was_not_sent_uses_up_no_request(redis: Redis) -> None:  # noqa: F811
    door = Way(redis, Venue(rate_limit(0), Unavailable("refused"), OutcomeUnknown("HTTP 502"), FINE))
    door.read(ASK)

    with pytest.raises(Unavailable):
        door.send()
    assert left(door) == 10_000
    with pytest.raises(OutcomeUnknown):
        door.send()
    assert left(door) == 9_999
    for _ in range(53):
        door.send()
    with pytest.raises(HeldBack):  # our own address has no room
        door.send()
    assert left(door) == 9_946


def test_refusal_as_one_too_many_is_believed_at_once(redis: Redis) -> None:  # noqa: F811
    refusal = Response(200, b'{"status":"err","response":"Too many cumulative requests sent (10001 > 10000)"}')
    door = Way(redis, Venue(rate_limit(0), refusal, FINE))
    door.read(ASK)
    door.send()

    assert left(door) == 0
    with pytest.raises(HeldBack):
        door.send(CLOSE)
    assert door.send(CANCEL).status == 200


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (FINE, Kind.ANSWERED),
        (Response(422, b"no"), Kind.ANSWERED),
        (RateLimited("HTTP 429"), Kind.SLOWED),
        (OutcomeUnknown("HTTP 502"), Kind.FAILED),
        (Unavailable("refused"), Kind.UNREACHABLE),
    ],
)
def test_every_outcome_is_told(redis: Redis, answer: Response | VenueError, kind: Kind) -> None:  # noqa: F811
    door = Way(redis, Venue(answer))
    try:
        door.read()
    except VenueError:
        assert kind is not Kind.ANSWERED

    assert [outcome.kind for outcome in door.heard] == [kind]


UPGRADED = b'{"status":"ok","response":{"type":"order","data":{"statuses":[{"error":"%s. asset=0"}]}}}' % (
    b"Only post-only orders allowed immediately after a network upgrade"
)


@pytest.mark.parametrize(
    ("body", "answer", "told"),
    [
        (STATE, FINE, [(Kind.ANSWERED, Door.READ)]),
        (CANCEL, FINE, [(Kind.ANSWERED, Door.COMMAND)]),
        (POST_ONLY, FINE, [(Kind.ANSWERED, Door.COMMAND)]),
        (AT_ONCE, FINE, [(Kind.ANSWERED, Door.ORDER), (Kind.ANSWERED, Door.COMMAND)]),
        (AT_ONCE, Response(200, UPGRADED), [(Kind.HALTED, Door.ORDER), (Kind.ANSWERED, Door.COMMAND)]),
        (ORDER, Response(200, UPGRADED), [(Kind.HALTED, Door.ORDER), (Kind.ANSWERED, Door.COMMAND)]),
        (STATE, Response(200, UPGRADED), [(Kind.ANSWERED, Door.READ)]),
    ],
)
def test_only_an_order_that_a_halt_would_refuse_tells_of_one(
    redis: Redis,  # noqa: F811
    body: bytes,
    answer: Response,
    told: list[tuple[Kind, Door]],
) -> None:
    door = Way(redis, Venue(answer))
    door.transport.request("POST", "/info" if body is STATE else "/exchange", body)

    assert [(outcome.kind, outcome.door) for outcome in door.heard] == told


LISTED = b'{"symbols":[{"status":"CLOSE"},{"status":"%s"}]}'


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Response(200, LISTED % b"TRADING"), [(Kind.ANSWERED, Door.LISTING)]),
        (Response(200, LISTED % b"SETTLING"), [(Kind.HALTED, Door.LISTING)]),
        (Response(400, LISTED % b"TRADING"), []),
        (Response(200, LISTED[:20]), []),
        (Response(200, b'{"symbols":[]}'), []),
        (Response(200, b'{"symbols":[{"status":"CLOSE"},{}]}'), []),
    ],
)
def test_only_a_list_that_names_markets_tells_of_a_halt(
    redis: Redis,  # noqa: F811
    answer: Response,
    told: list[tuple[Kind, Door]],
) -> None:
    aster = {name: getattr(ASTER, name) for name in ("cost", "surcharge", "has_open_market")}
    door = Way(redis, Venue(answer), **aster)
    door.transport.request("GET", "/fapi/v3/exchangeInfo")

    assert [(outcome.kind, outcome.door) for outcome in door.heard] == [*told, (Kind.ANSWERED, Door.READ)]


def test_without_redis_commands_go_and_reads_wait() -> None:
    nowhere = Redis(port=9, retry=Retry(NoBackoff(), 0))
    venue = Venue()
    door = Way(nowhere, venue)

    assert door.send().status == 200
    with pytest.raises(HeldBack):
        door.read()
    assert venue.asked == [ORDER]
