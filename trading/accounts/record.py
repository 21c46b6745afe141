"""What became of an approval, as it goes on record: addresses and dates, never a key."""

from typing import Any, NamedTuple

from trading.models import WalletApproval
from trading.models.approvals import ApprovalKind, ApprovalState

RESULTS = {
    ApprovalKind.KEY: "trading key approved",
    ApprovalKind.NO_KEY: "trading key revoked",
    ApprovalKind.FEE: "exchange fee approved",
    ApprovalKind.NO_FEE: "exchange fee revoked",
}
ENDS = {
    ApprovalState.REFUSED: "refused by the venue",
    ApprovalState.DEAD: "never carried out",
    ApprovalState.UNPROVEN: "cannot be told",
}


class Entry(NamedTuple):
    """The words of one audit event."""

    action: str
    subject: str
    after: dict[str, Any]


def entry_of(approval: WalletApproval) -> Entry:
    """The event of a settled approval, the same whoever settled it."""
    result, end = RESULTS[ApprovalKind(approval.kind)], ENDS.get(ApprovalState(approval.state), "")
    accepted = approval.state == ApprovalState.ACCEPTED
    return Entry(
        action=f"{result}: {end}" if end else result,
        subject=approval.account.address,
        after=what(approval) | ({} if accepted else {"reason": approval.message}),
    )


def what(approval: WalletApproval) -> dict[str, Any]:
    """What was asked for."""
    facts = {
        "key": approval.agent_address,
        "name": approval.agent_name,
        "until": approval.valid_until.isoformat() if approval.valid_until else "",
        "builder": approval.builder,
        "rate": f"{approval.rate.normalize():f}" if approval.builder else "",
    }
    return {name: value for name, value in facts.items() if value}
