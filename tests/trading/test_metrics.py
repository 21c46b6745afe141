"""The error of our own prices as a number, and the door behind which it is served."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django.fixtures import DjangoAssertNumQueries, Settings

from tenants.scope import every_operator, operator_scope
from tests.factories import ALICES_ADDRESS, Belongings, Exchange, make_account, make_command, make_market, make_position
from trading.live import board, keys
from trading.live.connections import blocking
from trading.metrics import BOUNDS, EstimateErrors, all_estimate_errors, estimate_errors
from trading.models import Market, VenueAccount, WalletApproval
from trading.models.commands import CommandState
from trading.services.commands import evidence_of
from trading.services.transitions import settle
from trading.venues.base import Batch, Filled, Refused, Resting
from trading.venues.errors import Reason, Rejected
from trading.venues.snapshots import Network, Venue

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]
TOKEN = "a-long-random-token"
EXACT = {"liquidation_price": Decimal(50_000), "estimated_liquidation_price": Decimal(50_000)}
OFF = {"liquidation_price": Decimal(50_000), "estimated_liquidation_price": Decimal("50010")}  # 2e-4
FAR_OFF = {"liquidation_price": Decimal(100), "estimated_liquidation_price": Decimal(95)}  # 5e-2
ONLY_THEIRS = {"liquidation_price": Decimal(100), "estimated_liquidation_price": None}
ONLY_OURS = {"liquidation_price": None, "estimated_liquidation_price": Decimal(100)}
NEITHER = {"liquidation_price": None, "estimated_liquidation_price": None}
ONE = Decimal(1)
NOTHING = EstimateErrors("hyperliquid", "isolated", 0, 0.0, None, None, None, (0,) * len(BOUNDS), 0, 0)


def hold(exchange: Exchange, rows: list[dict[str, Any]]) -> None:
    """An account of the exchange's trader with one position for each pair of prices."""
    with operator_scope(exchange.operator.pk):
        account = make_account(exchange.trader, ALICES_ADDRESS)
        for row in rows:
            make_position(account, make_market(f"M{Market.objects.count()}"), **row)


def test_errors_are_counted_with_their_quantiles(alpha: Exchange) -> None:
    hold(alpha, [EXACT, OFF, FAR_OFF])

    with operator_scope(alpha.operator.pk):
        (found,) = estimate_errors()
    assert (found.compared, found.median, found.p99, found.worst) == (3, 0.0002, 0.05, 0.05)
    assert found.total == pytest.approx(0.0502)
    assert found.within == (1, 1, 1, 1, 1, 1, 2, 2)


def test_prices_that_only_one_side_gives_are_counted_apart(alpha: Exchange) -> None:
    hold(alpha, [ONLY_THEIRS, ONLY_THEIRS, ONLY_OURS, NEITHER])

    with operator_scope(alpha.operator.pk):
        assert estimate_errors() == [replace(NOTHING, only_ours=1, only_theirs=2)]


def test_each_mode_has_its_own_errors(alpha: Exchange) -> None:
    hold(alpha, [EXACT, *({"mode": "cross"} | row for row in (OFF, FAR_OFF))])

    with operator_scope(alpha.operator.pk):
        assert [(row.mode, row.compared, row.worst) for row in estimate_errors()] == [
            ("cross", 2, 0.05),
            ("isolated", 1, 0.0),
        ]


def test_operator_in_scope_sees_its_own_errors_only(alpha: Exchange, beta: Exchange) -> None:
    hold(alpha, [OFF])
    hold(beta, [FAR_OFF, FAR_OFF])

    with operator_scope(alpha.operator.pk):
        assert (all_estimate_errors().compared, all_estimate_errors().worst) == (1, 0.0002)
    with every_operator():
        assert (all_estimate_errors().compared, all_estimate_errors().worst) == (3, 0.05)


def test_venue_price_of_zero_breaks_nothing(alpha: Exchange) -> None:
    hold(alpha, [{"liquidation_price": Decimal(0), "estimated_liquidation_price": Decimal(5)}])

    with operator_scope(alpha.operator.pk):
        assert all_estimate_errors().compared == 0


def scraped(client: Client | None = None, **headers: str) -> Samples:
    answer = (client or Client(headers={"host": "localhost"})).get("/metrics", headers=headers)
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (200, "text/plain")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def test_scrape_covers_every_operator(alpha: Exchange, beta: Exchange) -> None:
    hold(alpha, [OFF])
    hold(beta, [EXACT, FAR_OFF, ONLY_THEIRS])
    found = scraped()

    group = (("mode", "isolated"), ("venue", "hyperliquid"))
    assert found["perpsstudio_liquidation_estimate_error_ratio_count", group] == 3
    assert found["perpsstudio_liquidation_estimate_error_ratio_bucket", (("le", "0.001"), *group)] == 2
    assert (
        found["perpsstudio_liquidation_estimate_error_quantile_ratio", (group[0], ("quantile", "1"), group[1])] == 0.05
    )
    assert found["perpsstudio_liquidation_prices_one_sided", (("missing", "ours"), *group)] == 1


def test_scrape_tells_ages_and_commands(alpha: Exchange, alices: Belongings, market: Market) -> None:
    now = timezone.now()
    blocking().delete(keys.board(Venue.HYPERLIQUID, Network.TESTNET))
    board.publish(Venue.HYPERLIQUID, Network.TESTNET, [], now - timedelta(seconds=7))
    with operator_scope(alpha.operator.pk):
        VenueAccount.objects.filter(pk=alices.account.pk).update(synced_at=now - timedelta(minutes=2))
        make_account(alpha.trader, "0xnever", synced_at=None)
        make_command(alices.account, market, nonce=2, state=CommandState.ACCEPTED)
    found = scraped()

    venue = (("venue", "hyperliquid"),)
    assert 120 <= found["perpsstudio_oldest_account_age_seconds", venue] < 150
    assert found["perpsstudio_accounts_never_read", venue] == 1
    assert 7 <= found["perpsstudio_board_age_seconds", (("network", "testnet"), *venue)] < 37
    states = {state: found["perpsstudio_commands", (("state", state),)] for state in CommandState.values}
    assert states == dict.fromkeys(CommandState.values, 0) | {"unknown": 1, "accepted": 1}
    differences = {
        labels: count for (name, labels), count in found.items() if name == "perpsstudio_differences" and count
    }
    assert differences == {(("kind", "position"), ("state", "open")): 1}


def test_scrape_counts_refusals_by_reason_and_texts_that_nobody_knows(
    alpha: Exchange, alices: Belongings, market: Market
) -> None:
    said = [("unmapped", "Something new."), ("unmapped", "Something else."), ("price_tick", "Price must be divisible")]
    with operator_scope(alpha.operator.pk):
        for nonce, (reason, text) in enumerate(said, start=10):
            command = make_command(alices.account, market, nonce=nonce)
            settle(command, CommandState.REJECTED, {"venue": text, "reason": reason}, text)
    found = scraped()

    venue = ("venue", "hyperliquid")
    assert found["perpsstudio_refusals", (("reason", "unmapped"), venue)] == 2
    assert found["perpsstudio_refusals", (("reason", "price_tick"), venue)] == 1


def test_scrape_counts_what_was_refused_inside_a_batch(alpha: Exchange, alices: Belongings, market: Market) -> None:
    went = Resting(7)
    new, known = (
        Refused(Rejected(text, reason=reason, text=text))
        for text, reason in (("Something new.", Reason.UNMAPPED), ("Invalid TP/SL price.", Reason.TRIGGER_PRICE))
    )
    with operator_scope(alpha.operator.pk):
        for nonce, members in enumerate(((went, new, new), (went, known), (went, Filled(8, ONE, ONE))), start=10):
            settle(
                make_command(alices.account, market, nonce=nonce), CommandState.ACCEPTED, evidence_of(Batch(members))
            )
    found = scraped()

    venue = ("venue", "hyperliquid")
    assert found["perpsstudio_refusals", (("reason", "unmapped"), venue)] == 2
    assert found["perpsstudio_refusals", (("reason", "trigger_price"), venue)] == 1


def test_scrape_counts_approvals_that_were_refused(alpha: Exchange, alices: Belongings) -> None:
    with operator_scope(alpha.operator.pk):
        WalletApproval.objects.update(state="refused", reason="unmapped", venue_text="Something new.")
    assert scraped()["perpsstudio_refusals", (("reason", "unmapped"), ("venue", "hyperliquid"))] == 1


def test_scrape_counts_what_the_stream_heard(db: None) -> None:
    name = keys.stream_frames(Venue.HYPERLIQUID, Network.TESTNET)
    blocking().delete(name)
    place = (("network", "testnet"), ("venue", "hyperliquid"))
    complaints = "perpsstudio_stream_frames_total", (("kind", "Complaint"), *place)

    none = scraped()[complaints]
    blocking().hset(name, mapping={"Complaint": "3", "StateFrame": "90"})
    found = scraped()
    blocking().delete(name)

    assert (none, found[complaints]) == (0, 3)
    assert found["perpsstudio_stream_frames_total", (("kind", "StateFrame"), *place)] == 90


def test_scrape_of_an_empty_platform_answers(db: None) -> None:
    found = scraped()
    assert found["perpsstudio_commands", (("state", "unknown"),)] == 0
    assert found["perpsstudio_refusals", (("reason", "unmapped"), ("venue", "hyperliquid"))] == 0


def test_scrape_costs_six_statements_whatever_is_held(
    alpha: Exchange, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    hold(alpha, [OFF, EXACT, FAR_OFF])

    with django_assert_num_queries(6):
        scraped()


def test_scrape_names_nobody(alpha: Exchange, alices: Belongings) -> None:
    body = Client(headers={"host": "localhost"}).get("/metrics").content.decode()

    assert [word for word in ("alice", "alpha", alices.account.address, "sealed") if word in body.lower()] == []


def status(address: str = "203.0.113.9", **headers: str) -> int:
    client = Client(headers={"host": "localhost"}, REMOTE_ADDR=address)
    return client.get("/metrics", headers=headers).status_code


def test_another_machine_is_refused(db: None) -> None:
    assert [status(address) for address in ("203.0.113.9", "10.0.0.1", "::ffff:10.0.0.1", "")] == [401] * 4
    assert [status(address) for address in ("127.0.0.1", "127.0.0.53", "::1")] == [200] * 3


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Forwarded-Proto", "Via"])
def test_proxy_on_this_machine_does_not_make_its_callers_local(db: None, header: str) -> None:
    assert status("127.0.0.1", **{header: "203.0.113.9"}) == 401


def test_deployment_behind_a_proxy_trusts_no_address(db: None, settings: Settings) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

    assert status("127.0.0.1") == 401


def test_token_opens_from_anywhere(db: None, settings: Settings) -> None:
    settings.METRICS_TOKEN = TOKEN

    assert status(Authorization=f"Bearer {TOKEN}") == 200
    wrong = ["", TOKEN, f"Basic {TOKEN}", "Bearer", "Bearer ", f"Bearer {TOKEN}x", "Bearer é"]
    assert [status(Authorization=header) for header in wrong] == [401] * len(wrong)


def test_token_that_is_not_set_opens_nothing(db: None, settings: Settings) -> None:
    settings.METRICS_TOKEN = ""

    assert [status(Authorization=header) for header in ("Bearer ", "Bearer")] == [401, 401]


def test_operators_host_serves_no_metrics(alpha: Exchange) -> None:
    assert Client(headers={"host": alpha.host}).get("/metrics").status_code == 404


def test_metrics_are_read_only(db: None) -> None:
    assert Client(headers={"host": "localhost"}).post("/metrics").status_code == 405
