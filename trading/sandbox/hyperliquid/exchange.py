"""The signed door: one action in, the venue's answer out (Hyperliquid rules 4)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from trading.sandbox.engine import Engine
from trading.sandbox.hyperliquid import actions
from trading.sandbox.hyperliquid.account_actions import AccountActions
from trading.sandbox.hyperliquid.actions import DEFAULT, Json, MalformedError
from trading.sandbox.hyperliquid.allowance import Allowance
from trading.sandbox.hyperliquid.authority import Authority
from trading.sandbox.hyperliquid.order_actions import OrderActions
from trading.sandbox.hyperliquid.transfers import Transfers
from trading.sandbox.refusals import RefusedError
from trading.sandbox.state import Account, Command

EXPIRED_COST = 5
LARGEST_BATCH = 200
# Actions that carry the request's nonce themselves (Hyperliquid rules 4.2, 4.3).
NUMBERED = frozenset({*actions.USER, "agentSendAsset"})

Performer = Callable[[Account, Json], Json]


def _nothing(_account: Account, _action: Json) -> Json:
    """A noop: its nonce is used up, and that is all."""
    return DEFAULT


@dataclass
class Exchange:
    """``performers`` carry out the actions by their type, for the account that the signer acts for."""

    engine: Engine
    performers: Mapping[str, Performer] = field(init=False)

    def __post_init__(self) -> None:
        self.authority = Authority(self.engine.state)
        self.allowance = Allowance(self.engine)
        self.performers = {
            **OrderActions(self.engine).performers(),
            **AccountActions(self.engine, self.authority).performers(),
            **Transfers(self.engine).performers(),
            "reserveRequestWeight": self.allowance.reserve,
            "noop": _nothing,
        }

    def handle(self, body: object) -> Json:
        """Execute one request; MalformedError for what does not deserialize, every other refusal is an answer."""
        request = actions.envelope(body)
        action = request["action"]
        own = action.get("nonce", action.get("time")) if action["type"] in NUMBERED else request["nonce"]
        if own != request["nonce"]:
            raise MalformedError("the action's nonce differs from the request's")
        signer = self.authority.signer(request)
        command = Command(self.engine.clock(), signer, "", action["type"], request["nonce"], "ok")
        self.engine.tape.command(command)
        try:
            account = self._admit(signer, request)
            command.address = account.address
            response = self.performers[action["type"]](account, action)
        except RefusedError as refusal:
            command.outcome = str(refusal)
            return {"status": "err", "response": str(refusal)}
        self.engine.tape.touch(account)
        self.engine.settle()
        return {"status": "ok", "response": response}

    def _admit(self, signer: str, request: Json) -> Account:
        """The account that the signer acts for. What the address's limit refuses uses up no nonce."""
        now, action = self.engine.clock(), request["action"]
        account = self.authority.account(signer, action["type"], now)
        if request["vaultAddress"] is not None:
            raise RefusedError(f"Vault not registered: {request['vaultAddress']}")
        if request["expiresAfter"] is not None and request["expiresAfter"] < now:
            account.requests += EXPIRED_COST
            raise RefusedError("Action already expired")
        self.allowance.check(account, action["type"], _batch_length(action))
        self.authority.use_nonce(signer, request["nonce"], now)
        self.allowance.spend(account, _batch_length(action))
        if _batch_length(action) > LARGEST_BATCH:
            raise RefusedError("Signed action over weight limit of 200.")
        return account


def _batch_length(action: Json) -> int:
    return max((len(value) for value in action.values() if isinstance(value, list)), default=1)
