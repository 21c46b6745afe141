"""A clock that goes on when it is told to, for whoever asks one of these what time it is."""

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass
class Clock:
    """Stands for the module ``time`` and for the class ``datetime``, as far as they tell the present."""

    seconds: float

    def time(self) -> float:
        """Unix seconds."""
        return self.seconds

    monotonic = time

    def now(self, _zone: object = UTC) -> datetime:
        """The present, aware."""
        return datetime.fromtimestamp(self.seconds, UTC)

    @staticmethod
    def fromisoformat(text: str) -> datetime:
        """As the class that it stands for."""
        return datetime.fromisoformat(text)
