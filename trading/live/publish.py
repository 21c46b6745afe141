"""What services and tasks call when an account has changed, and how the stream puts out patches.

A message on a channel is its kind, a space, and its content: ``patch {…}``, ``refresh positions orders`` or
``fragment book <section …``.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from typing import Any

import msgspec
from redis.exceptions import WatchError

from trading.live import keys
from trading.live.connections import blocking

# A full state serves those who come late. It is gone soon after the stream is, because then a page knows better itself.
STATE_SECONDS = 5
# A page that was away for longer fetches everything again.
CHANGES_SECONDS = 3600
SHAPE_SECONDS = 86_400


class Fragment(StrEnum):
    """A part of the trader's page that can be fetched again by its name."""

    ACCOUNT = "account"
    POSITIONS = "positions"
    ORDERS = "orders"
    FILLS = "fills"
    MARGIN_CHANGES = "margin_changes"
    FUNDING = "funding"
    TRANSFERS = "transfers"
    LIQUIDATIONS = "liquidations"
    LIQUIDATION_NOTICES = "liquidation_notices"


def account_changed(operator_id: int, account_id: int, what: Iterable[Fragment]) -> None:
    """Tell every page that shows the account to fetch these fragments again, and the stream to read it anew.

    An empty ``what`` means that only numbers moved: pages fetch nothing, the stream reads the account.
    """
    with blocking().pipeline(transaction=False) as pipeline:
        _queue_change(pipeline, operator_id, account_id, list(what))
        pipeline.execute()


def _queue_change(pipeline: Any, operator_id: int, account_id: int, what: Sequence[Fragment]) -> None:
    channel = keys.account_channel(operator_id, account_id)
    if what:
        moment = int(time.time() * 1000)
        changes = keys.changes(operator_id, account_id)
        pipeline.hset(changes, mapping={name.value: moment for name in what})
        pipeline.expire(changes, CHANGES_SECONDS)
        _queue_turn(pipeline, operator_id, account_id)
        pipeline.publish(channel, "refresh " + " ".join(name.value for name in what))
    pipeline.publish(keys.ARRIVALS, channel)


def note_change(operator_id: int, account_id: int) -> None:
    """What any process remembers of the account is old from now on. For a change that its page learns from an answer;
    ``account_changed`` does the same for one that it is told of."""
    with blocking().pipeline(transaction=False) as pipeline:
        _queue_turn(pipeline, operator_id, account_id)
        pipeline.execute()


def _queue_turn(pipeline: Any, operator_id: int, account_id: int) -> None:
    turn = keys.turn(operator_id, account_id)
    pipeline.incr(turn)
    pipeline.expire(turn, CHANGES_SECONDS)


def turns(operator_id: int, account_ids: Iterable[int]) -> dict[int, int]:
    """How many changes of some accounts were told. What is read after asking holds as long as the answer is the same.

    Raises ``RedisError``.
    """
    ids = list(account_ids)
    found: Any = blocking().mget([keys.turn(operator_id, account_id) for account_id in ids]) if ids else []
    return {account_id: int(turn or 0) for account_id, turn in zip(ids, found, strict=True)}


def announce_shapes(operator_id: int, shapes: Mapping[int, Mapping[Fragment, str]]) -> dict[int, list[Fragment]]:
    """Announce by account what differs from the shape that was announced last, whoever wrote it; returns those
    fragments. An account without a shape is left out.

    A shape maps each fragment to a digest of its structure. Pages are told and the shape is kept together, or neither:
    what fails in between is announced the next time.
    """
    told = {account_id: shape for account_id, shape in shapes.items() if shape}
    try:
        return _announce(operator_id, told) if told else {}
    except WatchError:
        # Somebody announces one of these meanwhile: that one alone is compared again.
        return {account_id: _announce_alone(operator_id, account_id, shape) for account_id, shape in told.items()}


def _announce_alone(operator_id: int, account_id: int, shape: Mapping[Fragment, str]) -> list[Fragment]:
    """Each time that this is overtaken, another announcement of the same account is done."""
    while True:
        with suppress(WatchError):
            return _announce(operator_id, {account_id: shape})[account_id]


def _announce(operator_id: int, shapes: Mapping[int, Mapping[Fragment, str]]) -> dict[int, list[Fragment]]:
    """Raises ``WatchError``, and nothing is announced, where somebody else announces one of these meanwhile."""
    with blocking().pipeline() as pipeline:
        pipeline.watch(*(keys.shape(operator_id, account_id) for account_id in shapes))  # type: ignore[no-untyped-call]
        changed = _differing(operator_id, shapes)
        pipeline.multi()
        for account_id, names in changed.items():
            _queue_change(pipeline, operator_id, account_id, names)
            _queue_shape(pipeline, keys.shape(operator_id, account_id), shapes[account_id])
        pipeline.execute()
        return changed


def _differing(operator_id: int, shapes: Mapping[int, Mapping[Fragment, str]]) -> dict[int, list[Fragment]]:
    """By account, the fragments that are not as they were announced last."""
    with blocking().pipeline(transaction=False) as pipeline:
        for account_id in shapes:
            pipeline.hgetall(keys.shape(operator_id, account_id))
        known = pipeline.execute()
    return {
        account_id: [name for name, digest in shape.items() if before.get(name.encode()) != digest.encode()]
        for (account_id, shape), before in zip(shapes.items(), known, strict=True)
    }


def _queue_shape(pipeline: Any, key: str, shape: Mapping[Fragment, str]) -> None:
    pipeline.hset(key, mapping={name.value: digest for name, digest in shape.items()})
    pipeline.expire(key, SHAPE_SECONDS)


def queue_patch(pipeline: Any, channel: str, patch: Mapping[str, Any], full: Mapping[str, Any]) -> None:
    """Add to a pipeline (blocking or not) the commands that publish a patch and keep the full state for late comers."""
    pipeline.set(keys.state(channel), msgspec.json.encode(full), ex=STATE_SECONDS)
    if patch:
        pipeline.publish(channel, b"patch " + msgspec.json.encode(patch))


def queue_fragment(pipeline: Any, channel: str, identity: str, html: str) -> None:
    """Add to a pipeline the command that puts a rendered fragment in place of the element with its id."""
    pipeline.publish(channel, f"fragment {identity} {' '.join(html.splitlines())}")
