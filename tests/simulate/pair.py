"""The scheduler's run beside a round robin's, and which of the goals it did not keep."""

from dataclasses import dataclass

import numpy as np

from tests.simulate.run import Finding
from trading.services.schedule import Need

AT_RISK = (Need.VERY_NEAR, Need.NEAR)
# The goals: seconds, and the largest part of all readings that accounts may take which can never be read.
WITHIN_5, WITHIN_2, OLDEST, COMMAND_WAIT = 60, 20, 9000, 0.05
IN_VAIN = 0.02


@dataclass(frozen=True, slots=True)
class Pair:
    """Two runs over the same accounts and addresses."""

    ours: Finding
    round_robin: Finding

    @property
    def is_headline(self) -> bool:
        """Whether the goals of ages are about this one: 10,000 accounts on one address."""
        return (self.ours.plan.accounts, self.ours.plan.addresses) == (10_000, 1)

    @property
    def is_crowded(self) -> bool:
        """Whether so many look that the goal of the oldest is not about this one: they read first what nobody near
        liquidation needs."""
        return self.ours.plan.viewers is not None

    @property
    def command_wait(self) -> float:
        """The 99th percentile of how long orders waited for the budget, in seconds."""
        return float(np.quantile(self.ours.command_waits, 0.99)) if len(self.ours.command_waits) else 0.0

    @property
    def at_once(self) -> float:
        """The share of executions that were read with the order's answer."""
        known = len(self.ours.explained) + self.ours.behind
        return np.count_nonzero(self.ours.explained == 0) / known if known else 1.0

    @property
    def in_vain(self) -> float:
        """The part of all readings that went to accounts which can never be read."""
        return self.ours.in_vain / self.ours.reads

    def broken(self) -> list[str]:
        """What this run did not keep, in words."""
        name = f"{self.ours.plan.accounts} accounts on {self.ours.plan.addresses}"
        ages = self.ours.ages
        checks = [("breaches", self.ours.breaches, 0), ("order waits p99", self.command_wait, COMMAND_WAIT)]
        if self.is_headline:
            checks += [
                ("within 5 % p99", ages.quantile(0.99, *AT_RISK), WITHIN_5),
                ("within 2 % p99", ages.quantile(0.99, Need.VERY_NEAR), WITHIN_2),
                ("readings in vain", self.in_vain, IN_VAIN),
            ]
        if self.is_headline and not self.is_crowded:
            checks += [("oldest", self.ours.oldest, OLDEST)]
        return [f"{name}: {what} is {found:g}, allowed is {most:g}" for what, found, most in checks if found > most]
