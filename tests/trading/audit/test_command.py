"""``manage.py audit_margin`` as an operator runs it: files in, a table or JSON out, and an exit status."""

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.trading.audit.payloads import (
    ASTER_MARKETS,
    META,
    PAIR_PRICES,
    RICH_PRICES,
    aster_row,
    encoded,
    isolated_row,
    pair,
    state,
)

PROJECT = Path(__file__).resolve().parents[3]
KEYS = ["market", "mode", "venue_price", "our_price", "relative_difference", "reason"]


def written(folder: Path, name: str, payload: Any) -> Path:
    path = folder / name
    path.write_bytes(payload if isinstance(payload, bytes) else encoded(payload))
    return path


def run(
    folder: Path, account: Any, market_data: Any = META, *, venue: str = "hyperliquid", as_json: bool = False
) -> str:
    out = StringIO()
    call_command(
        "audit_margin",
        venue=venue,
        market_data=written(folder, "markets.json", market_data),
        account=written(folder, "account.json", account),
        json=as_json,
        stdout=out,
    )
    return out.getvalue()


def exit_status(folder: Path, account: Any, market_data: Any = META) -> tuple[int, str]:
    with pytest.raises(CommandError) as caught:
        run(folder, account, market_data)
    return caught.value.returncode, str(caught.value)


def test_table_is_aligned_and_sums_up(tmp_path: Path) -> None:
    lines = run(tmp_path, pair(PAIR_PRICES)).splitlines()

    assert lines[0].split() == ["Market", "Mode", "Venue's", "price", "Our", "price", "Difference", "Finding"]
    assert lines[-1] == "2 positions: 2 agree, 0 differ, 0 not knowable."
    assert {line.index("cross") for line in lines if "cross" in line} == {lines[0].index("Mode")}
    assert lines[1].split()[-1] == "agrees"


def test_json_holds_exactly_the_six_fields(tmp_path: Path) -> None:
    (row,) = json.loads(run(tmp_path, state([isolated_row()]), as_json=True))

    assert list(row) == KEYS
    assert (row["market"], row["mode"], row["reason"]) == ("BTC", "isolated", None)
    assert (row["venue_price"], row["our_price"][:15]) == ("52522.497721519", "52522.497721518")
    assert 0 < row["relative_difference"] < 1e-12


def test_not_knowable_positions_do_not_fail_the_run(tmp_path: Path) -> None:
    rows = json.loads(run(tmp_path, pair(RICH_PRICES), as_json=True))

    assert [(row["our_price"], row["relative_difference"], bool(row["reason"])) for row in rows] == [
        (None, None, True)
    ] * 2


def test_account_without_positions_passes(tmp_path: Path) -> None:
    assert run(tmp_path, state([])) == "No open positions.\n"
    assert json.loads(run(tmp_path, state([]), as_json=True)) == []


def test_aster_is_the_other_venue(tmp_path: Path) -> None:
    row = aster_row("BTCUSDT", "0.1", "100000", "100000", "90361.44578313")

    assert "1 agrees" in run(tmp_path, {"positionRisk": [row]}, ASTER_MARKETS, venue="aster")


def test_wrong_price_exits_with_one(tmp_path: Path) -> None:
    assert exit_status(tmp_path, state([isolated_row("52523")])) == (
        1,
        "1 position: 0 agree, 1 differs, 0 not knowable.",
    )


@pytest.mark.parametrize(
    ("account", "market_data"),
    [
        (b"", META),
        (b"{", META),
        (b"\xff\xfe", META),
        (b"[" * 100_000, META),
        ([], META),
        ({"positions": []}, META),
        (state([isolated_row(szi="0")]), META),
        (state([isolated_row(szi="1e999999")]), META),
        (state([isolated_row(positionValue="0")]), META),
        (state([isolated_row()]), b"null"),
        (state([isolated_row()]), {}),
    ],
)
def test_unusable_file_exits_with_two_and_one_sentence(tmp_path: Path, account: Any, market_data: Any) -> None:
    status, sentence = exit_status(tmp_path, account, market_data)

    assert status == 2
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_missing_file_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere.json"
    with pytest.raises(CommandError) as caught:
        call_command("audit_margin", venue="hyperliquid", market_data=missing, account=missing)

    assert (caught.value.returncode, str(caught.value)) == (2, f"{missing} cannot be read: No such file or directory.")


def test_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as caught:
        call_command("audit_margin", venue="hyperliquid", market_data=tmp_path, account=tmp_path)

    assert caught.value.returncode == 2


@pytest.mark.parametrize(("price", "status"), [("52522.497721519", 0), ("52530.0", 1)])
def test_it_needs_no_server(tmp_path: Path, price: str, status: int) -> None:
    arguments = ["--market-data", str(written(tmp_path, "markets.json", META))]
    arguments += ["--account", str(written(tmp_path, "account.json", state([isolated_row(price)]))), "--json"]
    nowhere = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing", "REDIS_URL": "redis://127.0.0.1:1/0"}
    environment = os.environ | nowhere | {"STATE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "manage.py", "audit_margin", "--venue", "hyperliquid", *arguments],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == status, done.stderr
    assert [row["venue_price"] for row in json.loads(done.stdout)] == [price]
