"""Agents and builders: what only the owner's wallet approves, and any key may read (Aster rules 1.5, 1.6)."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from trading.sandbox.aster import failures
from trading.sandbox.aster.authority import Authority
from trading.sandbox.aster.calls import READ, Access, Call, Route
from trading.sandbox.aster.numbers import plain
from trading.sandbox.aster.parameters import Parameters
from trading.sandbox.engine import Engine
from trading.sandbox.state import Account, Agent, ApprovedBuilder

Json = dict[str, Any]

SUCCESS: Json = {"code": 200, "msg": "success"}
HIGHEST_RATE = Decimal("0.001")
MOST_BUILDERS = 10
# The venue asks for 100 of its own coin, which nobody holds here: the same number of dollars stands for it.
BUILDER_BALANCE = Decimal(100)


@dataclass(frozen=True)
class WalletCalls:
    engine: Engine

    def routes(self) -> dict[tuple[str, str], Route]:
        """What is answered, by method and name."""
        wallet = Access.WALLET
        return {
            ("POST", "approveAgent"): Route(self._approve_agent, wallet, kind="ApproveAgent"),
            ("POST", "updateAgent"): Route(self._update_agent, wallet, kind="UpdateAgent"),
            ("DELETE", "agent"): Route(self._delete_agent, wallet, kind="DelAgent"),
            ("POST", "approveBuilder"): Route(self._approve_builder, wallet, kind="ApproveBuilder"),
            ("POST", "updateBuilder"): Route(self._update_builder, wallet, kind="UpdateBuilder"),
            ("DELETE", "builder"): Route(self._delete_builder, wallet, kind="DelBuilder"),
            ("POST", "registerAndApproveAgent"): Route(self._approve_agent, Access.NEWCOMER, 50),
            ("GET", "agent"): Route(self._agents, READ),
            ("GET", "builder"): Route(self._builders, READ),
        }

    # agents

    def _approve_agent(self, call: Call) -> Json:
        account, parameters = call.account, call.parameters
        address, name = parameters.address("agentAddress"), parameters.text("agentName")
        until = parameters.integer("expired")
        if until <= self.engine.clock():
            raise failures.invalid("expired")
        if address == account.address or self._is_taken(account, address):
            raise failures.other(-1130, "Agent address is already in use")
        if "builder" in parameters:
            self._check_builder(account, parameters)
        others = [row for row in account.agents if row.address != address and row.name != name]
        agent = Agent(address, name, until, parameters.values.get("ipWhitelist", ""))
        _grant(agent, parameters)
        account.agents = [*others, agent]
        if "builder" in parameters:
            self._keep_builder(account, parameters)
        return SUCCESS

    def _is_taken(self, account: Account, address: str) -> bool:
        """An agent acts for one account, and is none itself."""
        others = (row for row in self.engine.state.accounts.values() if row is not account)
        return any(row.address == address or Authority.agent(row, address) is not None for row in others)

    def _own_agent(self, call: Call) -> Agent:
        agent = Authority.agent(call.account, call.parameters.address("agentAddress"))
        if agent is None:
            raise failures.other(-1130, "No agent found")
        return agent

    def _update_agent(self, call: Call) -> Json:
        agent = self._own_agent(call)
        agent.ip_addresses = call.parameters.values.get("ipWhitelist", "")
        _grant(agent, call.parameters)
        return SUCCESS

    def _delete_agent(self, call: Call) -> Json:
        call.account.agents.remove(self._own_agent(call))
        return SUCCESS

    def _agents(self, call: Call) -> list[Json]:
        return [
            {
                "agentAddress": row.address,
                "agentName": row.name,
                "ipWhitelist": row.ip_addresses,
                "expired": row.valid_until,
                "source": "builder" if call.account.approved else "api",
                "canRead": True,
                "canSpotTrade": row.trades_spot,
                "canPerpTrade": row.trades_perpetuals,
                "canWithdraw": row.withdraws,
            }
            for row in call.account.agents
        ]

    # builders

    def _check_builder(self, account: Account, parameters: Parameters) -> None:
        address, rate = parameters.address("builder"), parameters.number("maxFeeRate")
        if not 0 <= rate <= HIGHEST_RATE:
            raise failures.other(-1130, "The fee rate exceeds the maximum rate")
        if address == account.address:
            raise failures.other(-1130, "User and builder must not be equal")
        others = [row for row in account.approved if row.address != address]
        if len(others) >= MOST_BUILDERS:
            raise failures.other(-1130, "Too many builders for user")
        builder = self.engine.account(address)
        if builder is None or self.engine.ledger.cross_equity(builder) < BUILDER_BALANCE:
            raise failures.other(-1130, "Builder's ASTER balance is too small")

    @staticmethod
    def _keep_builder(account: Account, parameters: Parameters) -> None:
        address, name = parameters.address("builder"), parameters.values.get("builderName", "")
        others = [row for row in account.approved if row.address != address]
        account.approved = [*others, ApprovedBuilder(address, name, parameters.number("maxFeeRate"))]

    def _approve_builder(self, call: Call) -> Json:
        self._check_builder(call.account, call.parameters)
        self._keep_builder(call.account, call.parameters)
        return SUCCESS

    def _own_builder(self, call: Call) -> ApprovedBuilder:
        address = call.parameters.address("builder")
        found = next((row for row in call.account.approved if row.address == address), None)
        if found is None:
            raise failures.other(-1130, "No builder found for user")
        return found

    def _update_builder(self, call: Call) -> Json:
        builder = self._own_builder(call)
        self._check_builder(call.account, call.parameters)
        builder.rate = call.parameters.number("maxFeeRate")
        return SUCCESS

    def _delete_builder(self, call: Call) -> Json:
        call.account.approved.remove(self._own_builder(call))
        return SUCCESS

    def _builders(self, call: Call) -> list[Json]:
        return [
            {
                "userAddress": call.account.address,
                "builderAddress": row.address,
                "maxFeeRate": plain(row.rate),
                "builderName": row.name,
            }
            for row in call.account.approved
        ]


def _grant(agent: Agent, parameters: Parameters) -> None:
    agent.trades_spot = parameters.flag("canSpotTrade")
    agent.trades_perpetuals = parameters.flag("canPerpTrade")
    agent.withdraws = parameters.flag("canWithdraw")
