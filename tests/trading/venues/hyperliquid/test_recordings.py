"""Everything that was recorded of the venue is read by us, or stands here with the reason why it is not."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.trading.venues.hyperliquid.figures import NOW, OWNER
from trading.margin.types import AccountMode, MarginMode, MarginRestriction
from trading.venues.base import SpotBalance
from trading.venues.hyperliquid import frames, history, markets, orders, parse, roles
from trading.venues.hyperliquid.frames import OrdersPart, SpotPart, StatesPart
from trading.venues.streaming import SignOfLife, Unreadable

CONTEXT = {"funding": "0", "openInterest": "1", "prevDayPx": "1", "dayNtlVlm": "1", "oraclePx": "1", "markPx": "1"}
TIERS_56 = [{"lowerBound": "0.0", "maxLeverage": 40}, {"lowerBound": "150000000.0", "maxLeverage": 20}]


def frame(text: bytes) -> object:
    read = frames.parse(text)
    assert not isinstance(read, Unreadable | SignOfLife), read
    return read


def response(reader: Callable[[bytes], object]) -> Callable[[bytes], object]:
    return lambda body: reader(json.dumps(json.loads(body)["response"]).encode())


def data(reader: Callable[[bytes], object]) -> Callable[[bytes], object]:
    return lambda body: reader(json.dumps(json.loads(body)["data"]).encode())


def market_rows(body: bytes) -> object:
    """Rows of the universe that need special handling, each with the table that it names."""
    universe = [entry["row"] for entry in json.loads(body)]
    tables = [(row["marginTableId"], {"marginTiers": one_tier(row["maxLeverage"])}) for row in universe]
    return universe_with(universe, [table for table in tables if table[0] >= 50])


def one_tier(leverage: int) -> list[dict[str, Any]]:
    return [{"lowerBound": "0.0", "maxLeverage": leverage}]


def tables(body: bytes) -> object:
    """Tier tables, each as that of a market of its own."""
    named = dict(enumerate((table for _, table in json.loads(body)), start=50))
    row = {"szDecimals": 0, "maxLeverage": 40}
    return universe_with([row | {"name": f"M{number}", "marginTableId": number} for number in named], [*named.items()])


def universe_with(universe: list[dict[str, Any]], margin_tables: list[Any]) -> object:
    body = [{"universe": universe, "marginTables": margin_tables, "collateralToken": 0}, [CONTEXT] * len(universe)]
    found = markets.markets(json.dumps(body).encode(), NOW)
    assert (len(found.specs), found.unread) == (len(universe), frozenset())
    return found


account = partial(parse.account, received_at=NOW)
role: Callable[[bytes], object] = lambda body: roles.role(OWNER).parse(body, NOW)  # noqa: E731 - a row of a table
ledger = partial(history.ledger, address=OWNER)

# By file, and in it by name; "" is a file that is one answer. A name that is not here must be in ``NOT_READ``.
READ: dict[str, dict[str, Callable[[bytes], object]]] = {
    "active_asset_data": {
        "first_perp_dex_cross": parse.market_setting,
        "hip3_isolated": parse.market_setting,
        "ws_mainnet_2026_10": data(parse.market_setting),
    },
    "candle_snapshot": {"response": markets.candles},
    "clearinghouse_states": {
        name: response(account)
        for name in (
            "testnet_2026_07_isolated_btc_long",
            "mainnet_2026_08_isolated_hip3_nvda_short",
            "mainnet_2025_11_isolated_hip3_crcl_long",
            "testnet_2025_09_isolated_hip3_short",
            "docs_2024_02_isolated_eth_long",
            "mainnet_2026_01_14_cross14_isolated2",
            "mainnet_2025_10_cross_btc_long_small",
            "mainnet_2026_09_27_vault_cross_trimmed",
            "mainnet_2026_10_02_cross10",
            "mainnet_2026_09_cross_btc_long",
            "testnet_2026_07_cross_btc_long",
        )
    },
    "frontend_open_orders": {"": orders.open_orders},
    "historical_orders": {"": orders.order_history},
    "l2_book": {"": markets.book},
    "meta_and_asset_ctxs": {"": partial(markets.markets, received_at=NOW)},
    "meta_and_asset_ctxs_hip3": {"": partial(markets.markets, received_at=NOW, dex="xyz", dex_index=1)},
    "meta_special_markets": {"rows": market_rows, "testnetMarginTables": tables},
    "misc_info": {
        "extraAgents": parse.agents,
        "marginTable_56": lambda body: tables(b'[["56",' + body + b"]]"),
        "maxBuilderFee": parse.builder_fee,
        "perpDexs": markets.dex_indices,
        "spotClearinghouseState": parse.spot_balances,
        "spotClearinghouseState_unified_ws": parse.spot_balances,
        "userAbstraction": parse.account_mode,
        "userFees": parse.fee_rates,
        "userNonFundingLedgerUpdates": ledger,
        "userRateLimit_2025": parse.request_allowance,
        "userRateLimit_docs": parse.request_allowance,
        "userRole_agent_shape": role,
        "userRole_missing": role,
        "userRole_subAccount_shape": role,
        "userRole_vault": role,
    },
    "open_orders": {"": orders.open_orders},
    "order_status": {"found": orders.order_report, "missing": orders.order_report},
    "user_fills": {
        "current_shape": history.fills,
        "old_shape_2023": history.fills,
        "special_dirs": history.fills,
        "ws_user_channel_liquidation_counterparty": data(
            lambda body: history.fills(json.dumps(json.loads(body)["fills"]).encode())
        ),
    },
    "user_funding": {
        "docs_hip3": history.funding,
        "recorded_2023_nSamples_1": history.funding,
        "recorded_2023_nSamples_3": history.funding,
    },
    "ws_frames": dict.fromkeys(
        (
            "activeAssetCtx",
            "allDexsClearinghouseState",
            "candle",
            "error",
            "l2Book",
            "openOrders",
            "spotState",
            "trades",
            "userFills_snapshot",
        ),
        frame,
    ),
}
OURS = "what we send, proved byte by byte against the signing vectors"
ABOUT = "words of whoever recorded it"
OTHER_CHANNEL = "a channel that is not followed: the ones that name their user tell the same"
NOT_ASKED = "never asked: no page shows it"
NOT_READ = {
    "active_asset_data": {"note_ws": ABOUT},
    "candle_snapshot": {"request": "what we send"},
    "clearinghouse_states": {
        "testnet_2025_03_isolated_btc_short_position_only": "no account: its position is read in test_parse.py"
    },
    "error_strings": dict.fromkeys(("about", "errors"), "every text is judged in test_answers.py"),
    "funding_history": dict.fromkeys(("request", "response"), NOT_ASKED),
    "isolated_margin_sequence": dict.fromkeys(("about", "steps"), "figures, followed by the margin tests"),
    "meta_special_markets": {"about": ABOUT},
    "misc_info": {
        "allMids": "never asked: the contexts of the markets hold the mid prices",
        "approvedBuilders": "never asked: maxBuilderFee tells of our own builder",
        "perpsAtOpenInterestCap": "never asked: the venue's refusal says it when it counts",
        "predictedFundings": NOT_ASKED,
        "referral": NOT_ASKED,
        "subAccounts_docs": "never asked: a sub-account is connected by its own address",
    },
    "number_vectors": dict.fromkeys(
        ("about", "toWire", "toWireMustFail", "perpPrice", "size", "assetId"), "vectors, all in test_wire.py"
    ),
    "order_responses": dict.fromkeys(
        (
            *("_about", "resting", "resting_with_cloid", "filled", "filled_testnet", "entry_plus_tp_sl"),
            *("resting_entry_with_children", "order_error", "prevalidation_error", "wrong_signature", "cancel_ok"),
            *("cancel_error", "twap_running", "default_ok", "leverage_error", "margin_error"),
        ),
        "every answer is judged in test_answers.py",
    ),
    "signing_vectors": dict.fromkeys(("about", "origins", "padding", "vectors"), OURS),
    "ws_frames": {
        "_about": ABOUT,
        "subscribe": "what we send",
        "ping": "what we send",
        "post_request": "what we send, and never by stream",
        "ack": "a sign of life",
        "pong": "a sign of life",
        **dict.fromkeys(
            ("allMids", "bbo", "notification", "webData3", "clearinghouseState", "orderUpdates", "activeAssetData"),
            OTHER_CHANNEL,
        ),
        **dict.fromkeys(("user_fills", "user_funding", "user_nonUserCancel", "user_liquidation"), OTHER_CHANNEL),
        "post_response": "commands go by HTTP",
        "post_error": "commands go by HTTP",
    },
}
IDLE = {"ack", "pong", "post_response", "post_error"}


def recordings(folder: Path) -> Iterator[tuple[str, str, Any]]:
    for path in sorted((folder / "hyperliquid").glob("*.json")):
        content = json.loads(path.read_text())
        is_one = isinstance(content, list) or path.stem == "l2_book"
        yield from ((path.stem, name, value) for name, value in ({"": content} if is_one else content).items())


def test_every_recording_is_read_or_left_out_for_a_reason(venue_data: Path) -> None:
    read = [(file, name) for file, names in READ.items() for name in names]
    left = [(file, name) for file, names in NOT_READ.items() for name in names]

    assert sorted(read + left) == sorted((file, name) for file, name, _ in recordings(venue_data))


@pytest.mark.parametrize("file", READ)
def test_recordings_are_understood(venue_data: Path, file: str) -> None:
    for recorded, name, value in recordings(venue_data):
        if recorded == file and name in READ[file]:
            assert READ[file][name](json.dumps(value).encode()) != (), name


def test_channels_that_are_not_followed_are_signs_of_life(venue_data: Path) -> None:
    content = json.loads((venue_data / "hyperliquid" / "ws_frames.json").read_text())
    left = {name for name, why in NOT_READ["ws_frames"].items() if why == OTHER_CHANNEL} | IDLE

    assert {name: type(frames.parse(json.dumps(content[name]))) for name in left} == dict.fromkeys(left, SignOfLife)


def test_roles_balances_and_tables_say_what_was_recorded(venue_data: Path) -> None:
    content = {name: value for file, name, value in recordings(venue_data) if file == "misc_info"}

    def read(name: str) -> Any:
        return READ["misc_info"][name](json.dumps(content[name]).encode())

    assert [read(f"userRole_{name}") for name in ("vault", "missing", "agent_shape", "subAccount_shape")] == [
        roles.Role(roles.RoleKind.VAULT),
        roles.Role(roles.RoleKind.MISSING),
        roles.Role(roles.RoleKind.AGENT, "0x..."),
        roles.Role(roles.RoleKind.SUB_ACCOUNT, "0x..."),
    ]
    assert read("spotClearinghouseState") == (SpotBalance("USDC", Decimal("1.2908594"), Decimal(0)),)
    (spec,) = read("marginTable_56").specs
    assert [(tier.lower_bound, tier.max_leverage) for tier in spec.tiers.tiers] == [(0, 40), (150_000_000, 20)]


def test_special_markets_are_restricted_as_recorded(venue_data: Path) -> None:
    content = {name: value for file, name, value in recordings(venue_data) if file == "meta_special_markets"}
    found: Any = market_rows(json.dumps(content["rows"]).encode())
    special: Any = tables(json.dumps(content["testnetMarginTables"]).encode())

    assert {spec.name: (spec.restriction, spec.delisted, spec.max_leverage) for spec in found.specs} == {
        "HPOS": (MarginRestriction.STRICT_ISOLATED, True, 3),
        "XRP": (MarginRestriction.NONE, False, 20),
        "AAVE": (MarginRestriction.NONE, False, 10),
        "xyz:TLT": (MarginRestriction.ISOLATED_ONLY, False, 20),
        "xyz:GOLD": (MarginRestriction.NONE, False, 25),
    }
    assert [[(tier.lower_bound, tier.max_leverage) for tier in spec.tiers.tiers] for spec in special.specs] == [
        [(0, 40), (10_000, 25), (50_000, 10)],
        [(0, 25), (20_000, 10), (50_000, 5)],
    ]


def test_recorded_frames_of_an_account_hold_its_figures(venue_data: Path) -> None:
    content = {name: json.dumps(value) for file, name, value in recordings(venue_data) if file == "ws_frames"}
    states, spot = frames.parse(content["allDexsClearinghouseState"]), frames.parse(content["spotState"])
    resting = frames.parse(content["openOrders"])
    assert isinstance(states, StatesPart)
    assert isinstance(spot, SpotPart)
    assert isinstance(resting, OrdersPart)

    ((dex, state),) = states.states
    (position,) = account(state).positions
    assert (dex, position.market, position.mode, position.cash) == (
        *("", "BTC", MarginMode.ISOLATED),
        Decimal("-103.731933"),
    )
    balances = parse.spot_balances(spot.state)
    assert balances == (SpotBalance("USDC", Decimal("100508.11272667"), Decimal("49999.89")),)
    unified = parse.account(state, NOW, mode=AccountMode.UNIFIED, spot=balances)
    assert (unified.equity, unified.withdrawable) == (Decimal("100508.11272667"), Decimal("50508.22272667"))
    assert [(order.market, order.limit_price, resting.dex) for order in resting.orders] == [("ADA", Decimal("0.4"), "")]
