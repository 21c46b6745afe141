"""A wallet and its agent that talk to the venue's doors without a network, signing with a library nobody here wrote."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount

from trading.sandbox.aster.doors import Answer, Doors, Incoming

TESTNET, MAINNET, WALLET_CHAIN = 714, 1666, 56
DOMAIN_TYPES = [
    {"name": "name", "type": "string"},
    {"name": "version", "type": "string"},
    {"name": "chainId", "type": "uint256"},
    {"name": "verifyingContract", "type": "address"},
]


def sign_typed(key: LocalAccount, kind: str, message: dict[str, Any], chain: int) -> str:
    """Signature of typed data whose field types follow the values (Aster rules 1.5)."""
    types = {bool: "bool", int: "uint256", str: "string"}
    payload = {
        "domain": {
            "name": "AsterSignTransaction",
            "version": "1",
            "chainId": chain,
            "verifyingContract": "0x" + "0" * 40,
        },
        "types": {
            "EIP712Domain": DOMAIN_TYPES,
            kind: [{"name": name, "type": types[type(value)]} for name, value in message.items()],
        },
        "primaryType": kind,
        "message": message,
    }
    signed = key.sign_message(encode_typed_data(full_message=payload))
    return "0x" + signed.signature.hex().removeprefix("0x")


@dataclass
class Trader:
    """``say`` sends what the agent signed, ``approve`` what the wallet signed."""

    doors: Doors
    wallet: LocalAccount = field(default_factory=Account.create)
    agent: LocalAccount = field(default_factory=Account.create)
    nonce: int = 0

    @property
    def address(self) -> str:
        return str(self.wallet.address).lower()

    def next_nonce(self) -> int:
        self.nonce = max(self.nonce + 1, self.doors.engine.clock() * 1000)
        return self.nonce

    def text(self, *, signer: LocalAccount | None = None, chain: int = TESTNET, **parameters: Any) -> str:
        """The parameters with login and signature, as they travel."""
        key = signer or self.agent
        login = {"nonce": self.next_nonce(), "user": self.wallet.address, "signer": key.address}
        message = urlencode({name: value for name, value in (parameters | login).items() if value is not None})
        return f"{message}&signature={sign_typed(key, 'Message', {'msg': message}, chain)}"

    def send(self, method: str, name: str, text: str, **fields: Any) -> Answer:
        """Bytes as they are, in the query of a read and the body of a command."""
        place = {"query": text} if method == "GET" else {"body": text}
        return self.doors.handle(Incoming(method, f"/fapi/v3/{name}", **place, **fields))

    def say(self, method: str, name: str, **parameters: Any) -> Any:
        """The payload of a success; a refusal fails the test."""
        answer = self.send(method, name, self.text(**parameters))
        assert answer.status == 200, answer.text
        return json.loads(answer.text)

    def refused(self, method: str, name: str, **parameters: Any) -> tuple[int, str]:
        """Code and text of a refusal."""
        return refusal(self.send(method, name, self.text(**parameters)))

    def approval(self, kind: str, fields: dict[str, Any], chain: int = WALLET_CHAIN) -> str:
        """The text of an approval: ``fields`` in signing order under their names on the wire."""
        fields |= {"asterChain": "Testnet", "user": self.wallet.address, "nonce": self.next_nonce()}
        message = {name[0].upper() + name[1:]: value for name, value in fields.items()}
        texts = {name: str(value).lower() if isinstance(value, bool) else value for name, value in fields.items()}
        signature = sign_typed(self.wallet, kind, message, chain)
        return urlencode(texts | {"signature": signature, "signatureChainId": chain})

    def approve_agent(self, *, valid_until: int | None = None, may_trade: bool = True) -> Answer:
        """Let the agent act for the wallet."""
        until = self.doors.engine.clock() + 90 * 86_400_000 if valid_until is None else valid_until
        fields = {
            "agentName": "desk",
            "agentAddress": self.agent.address,
            "ipWhitelist": "",
            "expired": until,
            "canSpotTrade": False,
            "canPerpTrade": may_trade,
            "canWithdraw": False,
        }
        return self.send("POST", "approveAgent", self.approval("ApproveAgent", fields))

    # short ways

    def order(self, symbol: str, side: str, kind: str = "MARKET", **parameters: Any) -> Any:
        return self.say("POST", "order", symbol=symbol, side=side, type=kind, **parameters)

    def refused_order(self, symbol: str, side: str, kind: str = "MARKET", **parameters: Any) -> tuple[int, str]:
        return self.refused("POST", "order", symbol=symbol, side=side, type=kind, **parameters)

    def position(self, symbol: str = "BTCUSDT") -> Any:
        """The one row of a symbol in one-way mode."""
        (row,) = self.say("GET", "positionRisk", symbol=symbol)
        return row

    def isolate(self, symbol: str = "BTCUSDT", leverage: int = 10) -> None:
        self.say("POST", "marginType", symbol=symbol, marginType="ISOLATED")
        self.say("POST", "leverage", symbol=symbol, leverage=leverage)


def refusal(answer: Answer) -> tuple[int, str]:
    assert answer.status == 400, answer.text
    body = json.loads(answer.text)
    return body["code"], body["msg"]
