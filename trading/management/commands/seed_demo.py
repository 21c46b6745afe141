"""``manage.py seed_demo``: three operators, their people, and funded accounts at the sandbox venues.

Safe to run again: what exists is kept, and what a fresh sandbox has forgotten is given to it again, through the same
signed requests that a real wallet would send.
"""

import hashlib
import json
from argparse import ArgumentParser
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3
from django.conf import settings
from django.contrib.auth.hashers import ScryptPasswordHasher
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from branding.models import Brand
from branding.theme import HARBOR, MERIDIAN, VANTA, Theme
from tenants.models import Domain, MarginPolicy, Operator, Role, User
from tenants.scope import operator_scope
from trading.connect import account_adapter, account_onboarding, configured_venues, gateway_of, seal
from trading.models import VenueAccount
from trading.services.accounts import give_key
from trading.services.fees import read_fees
from trading.services.readings import ReadingKind
from trading.services.sync import sync_account, sync_markets
from trading.venues import typed_data
from trading.venues.base import Adapter, Network, Venue
from trading.venues.errors import VenueError
from trading.venues.hyperliquid.approvals import unify
from trading.venues.keys import PrivateSigningKey
from trading.venues.onboarding import WalletWish, Wish

LOOPBACK = ("127.0.0.1", "localhost", "::1")
STARTING_BALANCE = "10000"
CHAIN_ID = 421614
KEY_LIFETIME = timedelta(days=90)
DEMO_WORK_FACTOR = 2**8
LOGOS = settings.BASE_DIR / "branding" / "logos"


@dataclass(frozen=True, slots=True)
class Demo:
    """One demo operator: for whom it is, where its traders trade, and how it looks and behaves."""

    slug: str
    name: str
    theme: Theme
    venues: tuple[Venue, ...]
    policy: dict[str, Any]


DEMOS = (
    Demo(
        slug="harbor",
        name="Harbor Markets",
        theme=HARBOR,
        venues=(Venue.HYPERLIQUID,),
        policy={
            "offers_cross": False,
            "default_mode": "isolated",
            "isolated_leverage": 3,
            "cross_leverage": 2,
            "leverage_cap": 5,
            "slider_marks": [1, 2, 3, 4, 5],
            "margin_presets": [Decimal(10), Decimal(25), Decimal(50), Decimal(100)],
        },
    ),
    Demo(
        slug="vanta",
        name="Vanta",
        theme=VANTA,
        venues=(Venue.HYPERLIQUID, Venue.ASTER),
        policy={
            "offers_cross": True,
            "default_mode": "isolated",
            "isolated_leverage": 10,
            "cross_leverage": 10,
            "leverage_cap": None,
            "slider_marks": [1, 5, 10, 20, 40, 75, 100],
            "margin_presets": [Decimal(25), Decimal(100), Decimal(250), Decimal(500)],
        },
    ),
    Demo(
        slug="meridian",
        name="Meridian",
        theme=MERIDIAN,
        venues=(Venue.ASTER,),
        policy={
            "offers_cross": True,
            "default_mode": "isolated",
            "isolated_leverage": 5,
            "cross_leverage": 3,
            "leverage_cap": 20,
            "slider_marks": [1, 3, 5, 10, 15, 20],
            "margin_presets": [Decimal(10), Decimal(50), Decimal(100), Decimal(250)],
        },
    ),
)


class Command(BaseCommand):
    help = "Create the demo operators and fund their traders at the sandbox venue."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--output", type=Path, default=settings.STATE / "demo.json", help="where the sign-ins go")
        parser.add_argument(
            "--without-accounts", action="store_true", help="operators and people alone: no venue is asked"
        )

    def handle(self, **options: Any) -> None:
        for venue, _ in configured_venues():
            if urlsplit(_address(venue)).hostname not in LOOPBACK:
                name = f"{venue.name}_URL"
                raise CommandError(f"The demo trades on the sandbox only: {name} must point to this machine.")
        operators = [_make_operator(demo) for demo in DEMOS]
        if not options["without_accounts"]:
            told: set[Venue] = set()
            try:
                for demo in DEMOS:
                    _make_accounts(demo, told)
            except VenueError as error:
                raise CommandError(f"The sandbox did not answer as expected: {error}") from error
        output: Path = options["output"]
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps({"operators": operators}, indent=2) + "\n")


def _address(venue: Venue) -> str:
    url: str = getattr(settings, f"{venue.name}_URL")
    return url


def _make_operator(demo: Demo) -> dict[str, Any]:
    """One operator with its host, look, policy and people; what of it a newcomer has to know."""
    host = f"{demo.slug}.localhost"
    with transaction.atomic():
        operator, _ = Operator.objects.get_or_create(slug=demo.slug, defaults={"name": demo.name})
        Domain.objects.get_or_create(host=host, defaults={"operator": operator})
    with operator_scope(operator.pk):
        _brand(demo)
        policy = demo.policy | {"venues": [venue.value for venue in demo.venues]}
        MarginPolicy.objects.get_or_create(operator=operator, defaults=policy)
        people = {
            "trader": _person(demo, "trader", ""),
            "owner": _person(demo, "owner", Role.OWNER),
            "support": _person(demo, "support", Role.SUPPORT),
        }
        if Venue.HYPERLIQUID in [venue for venue, _ in _venues_of(demo)]:
            people["unified"] = _person(demo, "unified", "")
    return {"name": demo.name, "host": host, **people}


def _make_accounts(demo: Demo, told: set[Venue]) -> None:
    """The accounts of one operator's traders; ``told`` are the venues whose markets have been read."""
    with operator_scope(Operator.objects.get(slug=demo.slug).pk):
        for venue, network in _venues_of(demo):
            _account(_trader(demo, "trader"), venue, network, told)
            if venue is Venue.HYPERLIQUID:
                _account(_trader(demo, "unified"), venue, network, told, is_unified=True)


def _venues_of(demo: Demo) -> list[tuple[Venue, Network]]:
    return [(venue, network) for venue, network in configured_venues() if venue in demo.venues]


def _brand(demo: Demo) -> None:
    if Brand.objects.exists():
        return
    logo = (LOGOS / f"{demo.slug}.svg").read_bytes()
    theme = demo.theme
    Brand(
        name=demo.name,
        accent=theme.accent,
        neutral_hue=theme.neutral_hue,
        neutral_chroma=Decimal(str(theme.neutral_chroma)),
        scheme=theme.scheme.value,
        radius=theme.radius,
        gap=theme.gap,
        density=theme.density,
        font=theme.font,
        logo=logo,
        logo_type="image/svg+xml",
        logo_digest=hashlib.sha256(logo).hexdigest()[:16],
    ).save()


def _trader(demo: Demo, part: str) -> User:
    trader: User = User.objects.get(email=_email(demo, part))
    return trader


def _email(demo: Demo, part: str) -> str:
    return f"{part}@{demo.slug}.example"


def _person(demo: Demo, part: str, role: str) -> dict[str, str]:
    email, password = _email(demo, part), f"{demo.slug}-{part}-demo"
    if not User.objects.filter(email=email).exists():
        User(email=email, role=role, password=_hashed(password)).save()
    return {"email": email, "password": password}


def _hashed(password: str) -> str:
    """A cheap hash of a password that the terminal prints anyway; the first sign-in replaces it by a dear one."""
    hasher = ScryptPasswordHasher()
    return hasher.encode(password, hasher.salt(), n=DEMO_WORK_FACTOR)


def _account(trader: User, venue: Venue, network: Network, told: set[Venue], *, is_unified: bool = False) -> None:
    """Give the trader a wallet at the sandbox: money in it, and a key that may trade and never withdraw."""
    wallet = PrivateSigningKey(hashlib.sha256(f"demo wallet {trader.pk} {settings.SECRET_KEY}".encode()).digest())
    account: VenueAccount
    account, is_new = VenueAccount.objects.get_or_create(
        trader=trader, venue=venue.value, network=network.value, address=wallet.address
    )
    if is_new or account_onboarding(account).key_name(wallet.address, account.agent_address) is None:
        _fund(venue, wallet.address)
        if is_unified:
            _unify(account, wallet)
        give_agent_key(account, wallet, account_adapter(account))
    adapter = account_adapter(account)
    if venue not in told:
        sync_markets(adapter)
        told.add(venue)
    read_fees(adapter, account)
    # What was executed costs ten times as much, and the newcomer who signs in now needs the minute's budget himself.
    sync_account(adapter, account, frozenset({ReadingKind.ACCOUNT}))


def _fund(venue: Venue, address: str) -> None:
    body = json.dumps({"venue": venue.value, "address": address, "amount": STARTING_BALANCE})
    answer = urllib3.request(
        "POST", f"{_address(venue)}/sandbox/fund", body=body, headers={"Content-Type": "application/json"}
    )
    if answer.status != 200:
        raise CommandError(f"The sandbox refused to fund the demo trader: {answer.data.decode(errors='replace')}")


def _unify(account: VenueAccount, wallet: PrivateSigningKey) -> None:
    """What most traders have: one balance behind every position (Hyperliquid 3.9)."""
    adapter = account_adapter(account)
    wish = unify(
        network=Network(account.network),
        chain_id=CHAIN_ID,
        user=wallet.address,
        nonce=adapter.moment(timezone.now()),
    )
    adapter.send(wish.signed(_wallet_signature(wallet, wish.typed_data), owner=wallet.address))


def _wallet_signature(wallet: PrivateSigningKey, payload: dict[str, Any]) -> str:
    raw = wallet.sign_raw(typed_data.digest(payload))
    return f"0x{raw[:64].hex()}{raw[64] + 27:02x}"


def give_agent_key(account: VenueAccount, wallet: PrivateSigningKey, adapter: Adapter) -> None:
    """A new trading key, approved by the wallet: a used one is never approved again (Hyperliquid 5.3)."""
    gateway, now = gateway_of(Venue(account.venue)), timezone.now()
    credential = gateway.new_key()
    wish = WalletWish(
        wish=Wish.KEY,
        owner=wallet.address,
        network=Network(account.network),
        chain_id=gateway.wallet_chain or CHAIN_ID,
        nonce=adapter.moment(now),
        agent=credential.public,
        name="perpsstudio",
        valid_until=(now + KEY_LIFETIME).replace(microsecond=0),
    )
    payload = gateway.payload(wish)
    adapter.send(payload.signed(_wallet_signature(wallet, payload.typed_data), owner=wallet.address))
    give_key(account, credential.public, seal(credential), wish.valid_until)
