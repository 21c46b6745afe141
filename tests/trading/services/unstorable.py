"""A venue whose answer cannot be stored."""

from decimal import Decimal

import msgspec
import pytest

from tests.trading.conftest import Desk
from trading.margin.types import AccountMode
from trading.venues.snapshots import AccountSnapshot


@pytest.fixture
def unstorable(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the venue shows more money than any column holds."""
    read = desk.adapter.account

    def shown(address: str, *, mode: AccountMode | None = None) -> AccountSnapshot:
        return msgspec.structs.replace(read(address, mode=mode), equity=Decimal(10) ** 30)

    monkeypatch.setattr(desk.adapter, "account", shown)
