"""The demo's operators: one on each venue, one on both, and safe to be made again."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from tenants.models import MarginPolicy, Operator
from tenants.scope import every_operator
from tests.sandbox_process import SandboxProcess
from trading.connect import _transport
from trading.models import Market, VenueAccount
from trading.tiers import tiers_of


def accounts() -> dict[tuple[str, str], tuple[str, str, Decimal]]:
    """Of the operators' first traders, by operator and venue: address, key and equity."""
    with every_operator():
        traders = VenueAccount.objects.filter(trader__email__startswith="trader@")
        rows = traders.select_related("operator").order_by("pk")
        return {(row.operator.slug, row.venue): (row.address, row.agent_address, row.equity) for row in rows}


@pytest.mark.django_db
def test_demo_has_one_operator_on_each_venue_and_one_on_both(aster: SandboxProcess, tmp_path: Path) -> None:
    call_command("seed_demo", output=tmp_path / "demo.json")
    first = accounts()
    call_command("seed_demo", output=tmp_path / "demo.json")

    assert list(first) == [
        ("harbor", "hyperliquid"),
        ("vanta", "hyperliquid"),
        ("vanta", "aster"),
        ("meridian", "aster"),
    ]
    assert [equity for _, _, equity in first.values()] == [Decimal(10000)] * 4
    assert first["vanta", "hyperliquid"][0] == first["vanta", "aster"][0]
    assert accounts() == first
    with every_operator():
        chosen = {row.operator.slug: row.venues for row in MarginPolicy.objects.select_related("operator")}
    assert chosen == {"harbor": ["hyperliquid"], "vanta": ["hyperliquid", "aster"], "meridian": ["aster"]}
    assert {row.venue for row in Market.objects.all()} == {"hyperliquid", "aster"}
    with every_operator():
        modes = VenueAccount.objects.filter(venue="hyperliquid").values_list("operator__slug", "trader__email", "mode")
        assert sorted((slug, email.partition("@")[0], mode) for slug, email, mode in modes) == [
            ("harbor", "trader", "standard"),
            ("harbor", "unified", "unified"),
            ("vanta", "trader", "standard"),
            ("vanta", "unified", "unified"),
        ]
    named = json.loads((tmp_path / "demo.json").read_text())["operators"]
    assert [operator["name"] for operator in named] == ["Harbor Markets", "Vanta", "Meridian"]


@pytest.mark.django_db
def test_fresh_sandbox_is_given_what_the_former_one_knew(
    aster: SandboxProcess, settings: Settings, tmp_path: Path
) -> None:
    call_command("seed_demo", output=tmp_path / "demo.json")
    before = accounts()
    with SandboxProcess() as fresh:
        settings.HYPERLIQUID_URL = settings.ASTER_URL = fresh.url
        tiers_of.cache_clear()
        call_command("seed_demo", output=tmp_path / "demo.json")

    after = accounts()
    _transport.cache_clear()
    assert {key: (address, equity) for key, (address, _, equity) in after.items()} == {
        key: (address, equity) for key, (address, _, equity) in before.items()
    }
    assert [after[key][1] != before[key][1] for key in before] == [True] * 4


@pytest.mark.django_db
def test_demo_is_never_made_at_a_real_venue(settings: Settings) -> None:
    settings.ASTER_URL = "https://fapi.asterdex.com"

    with pytest.raises(CommandError, match="ASTER_URL must point to this machine"):
        call_command("seed_demo")

    assert Operator.objects.count() == 0
