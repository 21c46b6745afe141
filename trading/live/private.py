"""An account's own numbers as patches: the panels' texts at the newest marks, without templates.

The same builders make the page's first paint, so a patch never disagrees with it.
"""

from dataclasses import replace
from datetime import datetime

from tenants.scope import operator_scope
from trading.desk import Desk
from trading.live.board import Board
from trading.live.public import Patch
from trading.margin.errors import MarginInputError
from trading.models import VenueAccount
from trading.panels.history import build_account
from trading.panels.positions import build_positions
from trading.panels.view_models import AccountPanel, PositionRow, PositionsPanel
from trading.portfolio import desk_of
from trading.venues.snapshots import Venue


def load_desk(operator_id: int, account_id: int) -> Desk | None:
    """The desk of the trader who owns the account; None where the operator has no such account."""
    with operator_scope(operator_id):
        account = VenueAccount.objects.filter(pk=account_id).select_related("trader").first()
        if account is None:
            return None
        desk = desk_of(account.trader, Venue(account.venue))
        return desk if desk.account is not None and desk.account.pk == account_id else None


def account_patch(desk: Desk, board: Board, now: datetime) -> Patch:
    """Every number of the account and its positions, at the marks of ``board``.

    An account whose figures make no sense to the engine gets no patch: the page keeps what it has, and its age.
    """
    current = replace(desk, board=board, now=now)
    try:
        positions, account = build_positions(current), build_account(current)
    except (MarginInputError, ArithmeticError):
        return {}
    patch = _panel_patch(positions)
    for row in positions.rows:
        patch |= _row_patch(row)
    return patch | _account_patch(account)


def _panel_patch(panel: PositionsPanel) -> Patch:
    fresh = panel.freshness
    return {
        f"positions-{panel.key}": {"class": f"is-{fresh.state}"},
        f"positions-{panel.key}-age": {"datetime": fresh.as_of.isoformat()},
    }


def _row_patch(row: PositionRow) -> Patch:
    key, profit = f"position-{row.id}", f"tone-{row.pnl_tone}"
    return {
        key: {
            "class": f"risk-{row.risk.replace(' ', '-')}",
            "data": {"entry": row.entry_value, "liquidation": row.liquidation_value},
        },
        f"{key}-size": row.size,
        f"{key}-value": row.value,
        f"{key}-entry": row.entry,
        f"{key}-mark": row.mark,
        f"{key}-pnl": {"text": row.pnl, "class": profit},
        f"{key}-pnl-percent": {"text": row.pnl_percent, "class": profit},
        f"{key}-margin": row.margin,
        f"{key}-margin-note": row.margin_note,
        f"{key}-utilisation": row.utilisation,
        f"{key}-utilisation-bar": {"value": row.utilisation_value, "class": f"tone-{row.utilisation_tone}"},
        f"{key}-liquidation": row.liquidation or row.risk_words,
        f"{key}-distance": row.distance if row.liquidation else row.liquidation_reason,
        f"{key}-risk": f" {row.risk_words}",
    }


def _account_patch(panel: AccountPanel) -> Patch:
    if panel.problem:
        return {}
    key = f"account-{panel.key}"
    return {
        key: {"class": f"is-{panel.freshness.state}"},
        f"{key}-equity": panel.equity,
        f"{key}-free": panel.free,
        f"{key}-isolated": panel.isolated_locked,
        f"{key}-usage": panel.cross_usage,
        f"{key}-usage-words": {"text": panel.cross_usage_words, "class": f"tone-{panel.cross_usage_tone}"},
        f"{key}-age": {"datetime": panel.freshness.as_of.isoformat()},
        **{f"{key}-pool-{pool.name}": pool.equity for pool in panel.pools},
        **{f"{key}-pool-{pool.name}-free": pool.free for pool in panel.pools},
    }
