"""Orderly's margin library from npm, at a pinned version, run by Node.js on an account like ours."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from trading.margin.types import Position

PACKAGE, VERSION = "@orderly.network/perp", "5.2.1"
FOLDER = Path(__file__).resolve().parents[2] / ".bench"
SCRIPT = Path(__file__).with_name("orderly.mjs")
INSTALL_SECONDS, RUN_SECONDS = 180, 60

# Orderly's maintenance rate rises with the notional to the power 4/5 and has no tiers. With these it leaves its base
# where our table's first tier ends, and is at our third tier's rate where that begins.
BASE_MAINTENANCE, BASE_INITIAL, FACTOR = 0.0125, 0.025, 1.74e-5


def unavailable() -> str:
    """Install the library; why it cannot be run, or nothing."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        return f"{'npm' if npm is None else 'node'} is not installed"
    if _is_installed():
        return ""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / ".gitignore").write_text("*\n")
    command = [npm, "install", "--prefix", str(FOLDER), "--no-audit", "--no-fund", "--ignore-scripts"]
    try:
        done = subprocess.run(
            [*command, f"{PACKAGE}@{VERSION}"], capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return "npm took too long"
    return "" if done.returncode == 0 else f"npm could not install {PACKAGE}@{VERSION}"


def _is_installed() -> bool:
    manifest = FOLDER / "node_modules" / PACKAGE / "package.json"
    return manifest.is_file() and json.loads(manifest.read_text())["version"] == VERSION


def node_version() -> str:
    """Which Node.js runs it."""
    done = subprocess.run(["node", "--version"], capture_output=True, text=True, timeout=RUN_SECONDS, check=True)
    return done.stdout.strip()


def seconds_per_price(positions: Sequence[Position], equity: float) -> float:
    """The processor time of one liquidation price of an account with these positions, once the code is warm."""
    rows = [
        {"symbol": held.market, "position_qty": float(held.size), "mark_price": float(held.mark_price)}
        for held in positions
    ]
    account = {
        "positions": rows,
        "totalCollateral": equity,
        "baseMMR": BASE_MAINTENANCE,
        "baseIMR": BASE_INITIAL,
        "IMRFactor": FACTOR,
        "library": str(FOLDER / "node_modules" / PACKAGE),
    }
    done = subprocess.run(
        ["node", str(SCRIPT)],
        input=json.dumps(account),
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=True,
    )
    return float(json.loads(done.stdout)["secondsPerPrice"])
