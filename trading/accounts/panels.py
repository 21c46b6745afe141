"""From an account's row and its open approval to the connect page: one panel, one next step."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from tenants.models import User
from trading.accounts.view_models import ConnectPage, Fact, Panel, Request, Step, StepState, VenueTab
from trading.connect import gateway_of
from trading.models import VenueAccount, WalletApproval
from trading.models.approvals import ApprovalKind, ApprovalState
from trading.panels.numbers import age, plain, short_address
from trading.services.accounts import Access, Stage, access_of, asked_fee
from trading.services.approvals import may_be_given_up, payload, signable_until
from trading.venues.allowance import AllowanceState
from trading.venues.base import Venue
from trading.venues.commands import BuilderFee
from trading.venues.gateway import Gateway
from trading.venues.onboarding import KeyKind

PANELS = {
    Stage.NOT_CONNECTED: Panel.NOT_CONNECTED,
    Stage.WATCHING: Panel.CONNECTED,
    Stage.FEE_WAITING: Panel.FEE_WAITING,
    Stage.READY: Panel.READY,
    Stage.EXPIRED: Panel.EXPIRED,
    Stage.REVOKED: Panel.REVOKED,
}
WORDS = {
    Panel.NOT_CONNECTED: (
        "Connect your account",
        "Your funds stay in your own account at the venue. This exchange trades there with a key that cannot withdraw.",
    ),
    Panel.CONNECTED: (
        "Create a trading key",
        "You see this account's balance and positions. To trade, let this exchange make a trading key and approve it "
        "in your wallet. The key can place and cancel orders and move margin. It can never withdraw.",
    ),
    Panel.KEY_WAITING: (
        "Approve the trading key in your wallet",
        "Your wallet shows what you approve: a key with this exchange's name and an end. Signing costs nothing.",
    ),
    Panel.FEE_WAITING: (
        "Approve the exchange fee",
        "This exchange takes a fee on each order, on top of the venue's. Your wallet approves the highest rate; the "
        "venue refuses anything above it.",
    ),
    Panel.READY: ("Ready to trade", "Orders go to the venue under your trading key. You can take it back at any time."),
    Panel.EXPIRED: (
        "Your trading key has expired",
        "Your account and positions are untouched. Make a new key to trade on; the old one is never used again.",
    ),
    Panel.REVOKED: (
        "The venue no longer accepts your trading key",
        "It was revoked or replaced. Your account and positions are untouched. Make a new key to trade on.",
    ),
    Panel.CHECKING: (
        "Checking with the venue",
        "Your signature was sent and the venue has not confirmed it yet. There is nothing to sign again.",
    ),
}
UNSEEN = (
    "Create a trading key",
    "This venue shows an account only to its own keys. Let this exchange make a trading key and approve it in your "
    "wallet: then your balance and positions appear here. The key can place and cancel orders and move margin. It can "
    "never withdraw.",
)
TAB_WORDS = {
    Stage.NOT_CONNECTED: "not connected",
    Stage.WATCHING: "no trading key",
    Stage.FEE_WAITING: "fee not approved",
    Stage.READY: "ready",
    Stage.EXPIRED: "key expired",
    Stage.REVOKED: "key revoked",
}
TAKING_BACK = {
    ApprovalKind.NO_KEY: (
        "Revoke the trading key in your wallet",
        "The venue forgets the key as soon as you sign. Open positions and orders stay as they are.",
    ),
    ApprovalKind.NO_FEE: (
        "Revoke the exchange fee in your wallet",
        "Orders carry no fee of this exchange any more. You can close positions; to open new ones, approve it again.",
    ),
}
REQUESTS = "orders and changes, %s; trading more raises the limit"
BUTTONS = {
    ApprovalKind.KEY: "Approve in wallet",
    ApprovalKind.FEE: "Approve in wallet",
    ApprovalKind.NO_KEY: "Revoke in wallet",
    ApprovalKind.NO_FEE: "Revoke in wallet",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a trader stands at a venue: his account there, the newest approval its wallet was asked for, and how many
    requests the account has left where the venue counts them for life."""

    gateway: Gateway
    account: VenueAccount | None
    newest: WalletApproval | None
    now: datetime
    requests: AllowanceState | None = None

    @property
    def access(self) -> Access:
        """What the account may do."""
        return access_of(self.account, self.now)

    @property
    def pending(self) -> WalletApproval | None:
        """What the wallet is being asked for, or the venue about."""
        return self.newest if self.newest is not None and not self.newest.is_settled else None


def venue_tabs(
    current: Venue, venues: Iterable[Venue], held: Mapping[Venue, VenueAccount], now: datetime
) -> tuple[VenueTab, ...]:
    """All venues in their order, each once, with how far the trader is; none where there is only one."""
    tabs = tuple(
        VenueTab(
            venue=venue.value,
            label=gateway_of(venue).label,
            state=TAB_WORDS[access_of(held.get(venue), now).stage],
            is_current=venue is current,
        )
        for venue in dict.fromkeys(venues)
    )
    return tabs if len(tabs) > 1 else ()


def build_page(
    trader: User,
    standing: Standing,
    tabs: tuple[VenueTab, ...],
    problems: Mapping[str, str],
    typed: Mapping[str, str],
) -> ConnectPage:
    """The page for an account at one venue."""
    account, access, pending, newest = standing.account, standing.access, standing.pending, standing.newest
    panel = _panel(access, pending)
    title, text = _words(panel, standing)
    fee = asked_fee(account) if account else None
    can_paste = panel in (Panel.NOT_CONNECTED, Panel.CONNECTED, Panel.EXPIRED, Panel.REVOKED)
    is_agent = account is not None and account.key_kind == KeyKind.AGENT
    return ConnectPage(
        venue=standing.gateway.venue.value,
        venue_label=standing.gateway.label,
        venues=tabs,
        now=standing.now,
        panel=panel,
        title=title,
        text=text,
        steps=_steps(account, access, fee, panel),
        facts=_facts(account, standing, fee) if account else (),
        request=_request(pending, standing.gateway) if pending and pending.state == ApprovalState.ASKED else None,
        refusal=newest.message if newest is not None and _is_worth_telling(newest) else "",
        address=account.address if account else "",
        short=short_address(account.address) if account else "",
        wallet=trader.wallet if account is None else "",
        can_paste=can_paste and KeyKind.AGENT in standing.gateway.key_kinds,
        can_paste_api_key=can_paste and KeyKind.API_KEY in standing.gateway.key_kinds,
        can_watch=standing.gateway.reads_without_key,
        can_renew=panel is Panel.READY and is_agent,
        can_revoke=bool(account and account.agent_key) and is_agent,
        can_start_over=pending is not None and may_be_given_up(pending, standing.now),
        has_key=bool(account and account.agent_key),
        has_fee=bool(account and account.builder),
        problems=problems,
        typed=typed,
    )


def _words(panel: Panel, standing: Standing) -> tuple[str, str]:
    """What the open panel says. An account that no key reads yet cannot be promised to be seen."""
    if panel is Panel.TAKING_BACK and standing.pending:
        return TAKING_BACK[ApprovalKind(standing.pending.kind)]
    if panel is Panel.CONNECTED and not standing.gateway.reads_without_key:
        return UNSEEN
    return WORDS[panel]


def _panel(access: Access, pending: WalletApproval | None) -> Panel:
    if pending is None:
        return PANELS[access.stage]
    if pending.state == ApprovalState.UNKNOWN:
        return Panel.CHECKING
    match pending.kind:
        case ApprovalKind.KEY:
            return Panel.KEY_WAITING
        case ApprovalKind.FEE:
            return Panel.FEE_WAITING
        case _:
            return Panel.TAKING_BACK


def _is_worth_telling(newest: WalletApproval) -> bool:
    ended_badly = (ApprovalState.REFUSED, ApprovalState.DEAD, ApprovalState.UNPROVEN)
    return newest.state in (*ended_badly, ApprovalState.ASKED)


def _request(pending: WalletApproval, gateway: Gateway) -> Request:
    return Request(
        id=pending.pk,
        kind=pending.kind,
        payload=json.dumps(payload(pending).typed_data),
        owner=pending.account.address,
        chain_id=pending.chain_id,
        button=BUTTONS[ApprovalKind(pending.kind)],
        fresh_until=signable_until(pending),
        switches_chain=gateway.wallet_chain is not None,
    )


def _steps(account: VenueAccount | None, access: Access, fee: BuilderFee | None, panel: Panel) -> tuple[Step, ...]:
    has_key = access.stage in (Stage.READY, Stage.FEE_WAITING)
    rows = [
        ("Account", "Your address at the venue", account is not None),
        ("Trading key", "Trades, never withdraws", has_key),
        *([("Exchange fee", f"{_percent(fee)} of each order", access.fee is not None)] if fee else []),
        ("Ready", "Trade", panel is Panel.READY),
    ]
    current = next((place for place, (_, _, is_done) in enumerate(rows) if not is_done), len(rows))
    return tuple(
        Step(label=label, detail=detail, state=_step_state(is_done, place == current))
        for place, (label, detail, is_done) in enumerate(rows)
    )


def _step_state(is_done: bool, is_current: bool) -> StepState:
    if is_done:
        return StepState.DONE
    return StepState.CURRENT if is_current else StepState.TODO


def _facts(account: VenueAccount, standing: Standing, fee: BuilderFee | None) -> tuple[Fact, ...]:
    access, pending, now = standing.access, standing.pending, standing.now
    note = standing.gateway.label
    if account.agent_key and account.key_kind == KeyKind.API_KEY and not standing.gateway.reads_without_key:
        note = f"{note}, address as you typed it"
    facts = [Fact(label="Account", value=short_address(account.address), note=note)]
    if pending is not None and pending.kind == ApprovalKind.KEY and pending.valid_until is not None:
        # What the wallet shows as well, so that the two can be compared.
        until = f"{pending.valid_until:%-d %B %Y}"
        facts.append(Fact(label="Name of the key", value=pending.agent_name, note=f"until {until}"))
        facts.append(
            Fact(label="Its address", value=short_address(pending.agent_address), note="waits for your approval")
        )
    else:
        facts.append(Fact(label="Trading key", value=_key_words(account, access, now), note=_key_note(account)))
    if fee is not None:
        words = "approved" if access.fee else "not approved"
        facts.append(
            Fact(label="Exchange fee", value=_percent(fee), note=f"{words}, paid to {short_address(fee.address)}")
        )
    if standing.requests is not None and account.agent_key:
        facts.append(_requests(standing.requests, now))
    return tuple(facts)


def _requests(known: AllowanceState, now: datetime) -> Fact:
    told = age(datetime.fromtimestamp(known.told_at, UTC), now)
    return Fact(label="Requests left at the venue", value=f"{known.left:,} of {known.cap:,}", note=REQUESTS % told)


def _key_words(account: VenueAccount, access: Access, now: datetime) -> str:
    if not account.agent_key:
        return "None: watching only"
    if access.stage is Stage.REVOKED:
        return "Not accepted any more"
    if account.agent_expires_at is None:
        return "Active"
    days = (account.agent_expires_at - now).days
    if days < 0:
        return f"Expired on {account.agent_expires_at:%-d %B %Y}"
    return f"Active until {account.agent_expires_at:%-d %B %Y}"


def _key_note(account: VenueAccount) -> str:
    if not account.agent_key:
        return "Money buttons are closed"
    return short_address(account.agent_address) if account.key_kind == KeyKind.AGENT else account.agent_address


def _percent(fee: BuilderFee) -> str:
    return f"{plain(fee.rate * 100)} %"
