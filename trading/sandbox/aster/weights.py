"""What requests cost: weight by the minute and remote address, orders by ten seconds and minute and account
(Aster rules 5)."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from trading.sandbox.aster.listing import ORDERS_A_MINUTE, ORDERS_IN_TEN_SECONDS, WEIGHT_LIMIT

MINUTE, TEN_SECONDS = 60_000, 10_000
# So many refused requests in a minute are abuse; the bans grow (rules 5).
PATIENCE = 20
FIRST_BAN, LONGEST_BAN = 2 * MINUTE, 3 * 24 * 60 * MINUTE


class LimitError(Exception):
    """Over a limit: the status, the code and text, and the seconds until it is worth asking again."""

    def __init__(self, status: int, code: int, text: str, seconds: int) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.seconds = seconds


@dataclass
class Count:
    """A sum that begins anew with each interval of ``length`` milliseconds."""

    length: int
    began: int = 0
    value: int = 0

    def at(self, now: int) -> int:
        began = now - now % self.length
        if began != self.began:
            self.began, self.value = began, 0
        return self.value

    def seconds_left(self, now: int) -> int:
        return -(-(self.began + self.length - now) // 1000)


@dataclass
class Remote:
    """One address: its weight, the refusals it ran into, and its ban."""

    weight: Count = field(default_factory=lambda: Count(MINUTE))
    refusals: Count = field(default_factory=lambda: Count(MINUTE))
    banned_until: int = 0
    bans: int = 0


@dataclass
class Orders:
    """One account's orders."""

    short: Count = field(default_factory=lambda: Count(TEN_SECONDS))
    long: Count = field(default_factory=lambda: Count(MINUTE))


@dataclass
class Usage:
    """Counts always; refuses only while ``is_enforced``."""

    is_enforced: bool = False
    remotes: dict[str, Remote] = field(default_factory=dict)
    orders: dict[str, Orders] = field(default_factory=dict)

    def spend(self, remote: str, weight: int, now: int) -> None:
        """Count a request's weight. LimitError beyond the minute's limit, and for an address that is banned."""
        row = self.remotes.setdefault(remote, Remote())
        if now < row.banned_until:
            raise self._banned(row, now)
        used = row.weight.at(now) + weight
        if self.is_enforced and used > WEIGHT_LIMIT:
            raise self._refused(row, now)
        row.weight.value = used

    def _refused(self, row: Remote, now: int) -> LimitError:
        row.refusals.value = row.refusals.at(now) + 1
        if row.refusals.value > PATIENCE:
            row.bans += 1
            row.banned_until = now + min(FIRST_BAN * 2 ** (row.bans - 1), LONGEST_BAN)
            return self._banned(row, now)
        text = (
            f"Too many requests; current limit is {WEIGHT_LIMIT} requests per minute. "
            "Please use the websocket for live updates to avoid polling the API."
        )
        return LimitError(429, -1003, text, row.weight.seconds_left(now))

    @staticmethod
    def _banned(row: Remote, now: int) -> LimitError:
        text = f"Way too many requests; IP banned until {row.banned_until}."
        return LimitError(418, -1003, text, -(-(row.banned_until - now) // 1000))

    def count_orders(self, account: str, count: int, now: int) -> None:
        """Count orders of an account. LimitError beyond either of its limits."""
        row = self.orders.setdefault(account, Orders())
        for counter, limit, name in (
            (row.short, ORDERS_IN_TEN_SECONDS, "10 SECOND"),
            (row.long, ORDERS_A_MINUTE, "1 MINUTE"),
        ):
            if counter.at(now) + count > limit and self.is_enforced:
                text = f"Too many new orders; current limit is {limit} orders per {name}."
                raise LimitError(429, -1015, text, counter.seconds_left(now))
        row.short.value += count
        row.long.value += count

    def headers(self, remote: str, account: str | None, now: int) -> Iterator[tuple[str, str]]:
        """What every answer tells, and what the answer to an order adds."""
        yield "X-MBX-USED-WEIGHT-1M", str(self.remotes.setdefault(remote, Remote()).weight.at(now))
        if account is not None:
            row = self.orders.setdefault(account, Orders())
            yield "X-MBX-ORDER-COUNT-10S", str(row.short.at(now))
            yield "X-MBX-ORDER-COUNT-1M", str(row.long.at(now))
