"""How old figures were: what a run is judged by."""

import numpy as np

from tests.simulate.world import Floats
from trading.services.schedule import Need, Needs

OLDEST_AGE = 131_072


class Ages:
    """How old figures were, counted by the second for each account: exact to a second."""

    def __init__(self) -> None:
        self._counts = np.zeros((len(Need), OLDEST_AGE), np.int64)

    def add(self, needs: Needs, ages: Floats, seconds: int) -> None:
        """Count these ages for so many seconds."""
        np.add.at(self._counts, (needs, np.minimum(np.ceil(ages), OLDEST_AGE - 1).astype(np.intp)), seconds)

    def quantile(self, share: float, *needs: Need) -> int:
        """The smallest whole second that so large a share of all moments did not exceed; 0 without any."""
        counts = self._counts[list(needs or Need)].sum(axis=0)
        total = counts.sum()
        return int(np.searchsorted(np.cumsum(counts), share * total)) if total else 0
