"""What the connect page shows. Never a key: an agent's address is public, its private key is in no view model."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Panel(StrEnum):
    """The one panel that stands open."""

    NOT_CONNECTED = "not_connected"
    CONNECTED = "connected"
    KEY_WAITING = "key_waiting"
    FEE_WAITING = "fee_waiting"
    READY = "ready"
    EXPIRED = "expired"
    REVOKED = "revoked"
    TAKING_BACK = "taking_back"
    CHECKING = "checking"


class StepState(StrEnum):
    """Where a step of the way stands."""

    DONE = "done"
    CURRENT = "current"
    TODO = "todo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step on the way to trading."""

    label: str
    detail: str
    state: StepState


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the wallet is asked to sign: ``payload`` is the typed data as JSON, ``owner`` the account that must sign.

    After ``fresh_until`` it has to be written anew. ``switches_chain``: the wallet has to go to ``chain_id``, rather
    than the payload to the chain of the wallet.
    """

    id: int
    kind: str
    payload: str
    owner: str
    chain_id: int
    button: str
    fresh_until: datetime
    switches_chain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One line of what is connected."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueTab:
    """One of the venues that a trader may have an account at."""

    venue: str
    label: str
    state: str
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectPage:
    """The page of one venue in one of its states. ``problems`` maps a form to its sentence, ``typed`` is what was typed
    there. ``venues`` lists all venues where there are several.
    """

    venue: str
    venue_label: str
    venues: tuple[VenueTab, ...]
    now: datetime

    panel: Panel
    title: str
    text: str
    steps: tuple[Step, ...]
    facts: tuple[Fact, ...] = ()
    request: Request | None = None
    refusal: str = ""
    address: str = ""
    short: str = ""
    wallet: str = ""
    can_paste: bool = False
    can_paste_api_key: bool = False
    can_watch: bool = False
    can_revoke: bool = False
    can_renew: bool = False
    can_start_over: bool = False
    has_key: bool = False
    has_fee: bool = False
    problems: Mapping[str, str] = field(default_factory=dict)
    typed: Mapping[str, str] = field(default_factory=dict)
