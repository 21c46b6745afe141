"""One subscription for many pages that come and go: whoever is admitted hears his channels, whatever else happens."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable

import pytest
from redis import Redis

from tests.trading.live.follower import PATIENCE_SECONDS
from trading.live import connections, hub
from trading.live.hub import Client, Hub


def in_a_hub(scenario: Callable[[Hub], Awaitable[None]]) -> None:
    async def run() -> None:
        made = Hub(connections.concurrent())
        try:
            await scenario(made)
        finally:
            await made.close()

    asyncio.run(run())


def client(market: str = "market:m") -> Client:
    return Client(market, ())


async def heard(listener: Client, word: str, seconds: float = PATIENCE_SECONDS) -> bool:
    """Whether the client gets something with this word in time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                listener.wake.clear()
                if word.encode() in listener.take():
                    return True
                await listener.wake.wait()
    return False


def test_page_that_arrives_while_its_channel_is_being_closed_hears_it(redis: Redis) -> None:
    async def scenario(here: Hub) -> None:
        first = client()
        await here.join(first, ["channel:a", "channel:b"])
        here.part(first)
        async with here._subscribing:  # the moment in question is between two steps under this lock
            await asyncio.sleep(hub.SWEEP_SECONDS * 1.5)
            late = client()
            joining = asyncio.create_task(here.join(late, ["channel:b"]))
            await asyncio.sleep(0.05)
        await joining
        await asyncio.sleep(hub.SWEEP_SECONDS * 1.5)
        redis.publish("channel:b", 'patch {"word":"late"}')

        assert await heard(late, "late")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hub, "SWEEP_SECONDS", 0.1)
        in_a_hub(scenario)


def test_page_that_gives_up_while_it_joins_takes_nobody_elses_channel_with_it(redis: Redis) -> None:
    async def scenario(here: Hub) -> None:
        hasty, patient = client(), client()
        async with here._subscribing:  # it gives up before anything is subscribed to
            joining = asyncio.create_task(here.join(hasty, ["channel:a"]))
            await asyncio.sleep(0.05)
            joining.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await joining
            staying = asyncio.create_task(here.join(patient, ["channel:a"]))
            await asyncio.sleep(0.05)
            here.part(hasty)
        await staying
        redis.publish("channel:a", 'patch {"word":"there"}')

        assert await heard(patient, "there")

    in_a_hub(scenario)


def test_hundreds_of_pages_that_come_and_go_all_hear_their_first_number(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """600 openings on 12 channels by 30 pages, a third of which give up while they join; channels close often."""
    monkeypatch.setattr(hub, "SWEEP_SECONDS", 0.005)
    silent: list[str] = []

    async def page(here: Hub, dice: random.Random) -> None:
        for _ in range(20):
            names = [f"channel:{dice.randrange(12)}", f"channel:{12 + dice.randrange(3)}"]
            listener = client()
            joining = asyncio.create_task(here.join(listener, names))
            if dice.random() < 1 / 3:
                await asyncio.sleep(dice.random() / 500)
                joining.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await joining
            else:
                await joining
                for name in names:
                    word = f"{dice.getrandbits(64):x}"
                    await asyncio.to_thread(redis.publish, name, f'patch {{"{word}":1}}')
                    if not await heard(listener, word):
                        silent.append(name)
            here.part(listener)
            await asyncio.sleep(dice.random() / 50)

    async def scenario(here: Hub) -> None:
        await asyncio.gather(*(page(here, random.Random(seed)) for seed in range(30)))

    in_a_hub(scenario)

    assert silent == []
