"""What became of an approval, as it goes on record: addresses and dates, never a key."""

from typing import Any

from tenants import audit
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


def put_on_record(approval: WalletApproval, state: ApprovalState, reason: str) -> None:
    """Write down how an approval was settled, the same whoever settled it: call it in the transaction that does.

    ``reason`` says why it was not accepted.
    """
    result, end = RESULTS[ApprovalKind(approval.kind)], ENDS.get(state, "")
    audit.record_by(
        approval.account.trader,
        action=f"{result}: {end}" if end else result,
        subject=approval.account.address,
        after=what(approval) | ({} if state == ApprovalState.ACCEPTED else {"reason": reason}),
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
