"""A change is told to the pages and kept as told together: what fails in between, the next announcement tells."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import RedisError

from tenants.scope import operator_scope
from tests.factories import Belongings, Exchange
from trading.live import keys, publish
from trading.live.publish import Fragment, announce_shapes, turns
from trading.live.shapes import announce
from trading.models import Order

OPERATOR, ACCOUNT, OTHER = 1, 2, 3
HELD, FLAT = {Fragment.POSITIONS: "held"}, {Fragment.POSITIONS: "flat"}


def test_only_what_changed_is_announced_and_once(redis: Redis) -> None:
    both = {Fragment.POSITIONS: "held", Fragment.ORDERS: "none"}
    assert announce_shapes(OPERATOR, {ACCOUNT: both, OTHER: {}}) == {ACCOUNT: [Fragment.POSITIONS, Fragment.ORDERS]}
    assert announce_shapes(OPERATOR, {ACCOUNT: both, OTHER: HELD}) == {ACCOUNT: [], OTHER: [Fragment.POSITIONS]}
    assert announce_shapes(OPERATOR, {ACCOUNT: both | FLAT}) == {ACCOUNT: [Fragment.POSITIONS]}
    assert announce_shapes(OPERATOR, {}) == {}
    assert turns(OPERATOR, [ACCOUNT, OTHER]) == {ACCOUNT: 2, OTHER: 1}


@pytest.mark.parametrize("step", ["_queue_change", "_queue_shape"])
def test_change_whose_announcement_failed_is_announced_the_next_time(
    redis: Redis, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    announce_shapes(OPERATOR, {ACCOUNT: HELD, OTHER: HELD})

    def fail(*arguments: object) -> None:
        raise RedisError("The server is gone.")

    with monkeypatch.context() as patched:
        patched.setattr(publish, step, fail)
        with pytest.raises(RedisError):
            announce_shapes(OPERATOR, {ACCOUNT: FLAT, OTHER: HELD})
    assert turns(OPERATOR, [ACCOUNT]) == {ACCOUNT: 1}

    assert announce_shapes(OPERATOR, {ACCOUNT: FLAT, OTHER: HELD}) == {ACCOUNT: [Fragment.POSITIONS], OTHER: []}
    assert turns(OPERATOR, [ACCOUNT]) == {ACCOUNT: 2}


def test_exit_that_was_set_elsewhere_makes_the_positions_be_fetched_again(
    redis: Redis, alpha: Exchange, alices: Belongings
) -> None:
    """Its price stands in the position's own row."""
    operator_id, account_id = alpha.operator.pk, alices.account.pk
    with operator_scope(operator_id):
        announce(operator_id, account_id)
        Order.objects.filter(pk=alices.order.pk).update(reduce_only=True, trigger_price=Decimal(70_000))
        assert Fragment.POSITIONS in announce(operator_id, account_id)
        assert announce(operator_id, account_id) == []


def test_who_is_overtaken_by_another_announcement_compares_again(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else pages that the other told of a position would never hear that it is gone again."""
    announce_shapes(OPERATOR, {ACCOUNT: FLAT})
    compare, overtaking = publish._differing, [{ACCOUNT: HELD}]

    def overtaken(operator_id: int, shapes: Mapping[int, Mapping[Fragment, str]]) -> Any:
        found = compare(operator_id, shapes)
        if overtaking:
            assert announce_shapes(operator_id, overtaking.pop()) == {ACCOUNT: [Fragment.POSITIONS]}
        return found

    monkeypatch.setattr(publish, "_differing", overtaken)
    assert announce_shapes(OPERATOR, {ACCOUNT: FLAT}) == {ACCOUNT: [Fragment.POSITIONS]}


def test_batch_that_is_overtaken_compares_only_once_more(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody announces one of its accounts each time that all of them are compared."""
    accounts = range(1, 26)
    announce_shapes(OPERATOR, dict.fromkeys(accounts, FLAT))
    compare, compared = publish._differing, list[int]()

    def overtaken(operator_id: int, shapes: Mapping[int, Mapping[Fragment, str]]) -> Any:
        found = compare(operator_id, shapes)
        compared.append(len(shapes))
        if len(shapes) > 1 and len(compared) < 100:
            redis.hset(keys.shape(operator_id, ACCOUNT), mapping={"orders": str(len(compared))})
        return found

    monkeypatch.setattr(publish, "_differing", overtaken)
    assert announce_shapes(OPERATOR, dict.fromkeys(accounts, HELD)) == {
        number: [Fragment.POSITIONS] for number in accounts
    }
    assert compared == [25] + [1] * 25
