"""``manage.py seed_demo``: two operators, their people, and funded accounts at the sandbox venue.

Safe to run again: what exists is kept, and what a fresh sandbox has forgotten is given to it again, through the same
signed requests that a real wallet would send.
"""

import hashlib
import json
from argparse import ArgumentParser
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from branding.models import Brand
from branding.theme import HARBOR, VANTA, Theme
from tenants.models import Domain, MarginPolicy, Operator, Role, User
from tenants.scope import operator_scope
from trading.connect import public_adapter, seal
from trading.models import VenueAccount
from trading.services.sync import sync_account, sync_markets
from trading.venues import typed_data
from trading.venues.base import Adapter, Network, Venue
from trading.venues.errors import VenueError
from trading.venues.hyperliquid.approvals import approve_agent
from trading.venues.hyperliquid.signing import SigningKey

LOOPBACK = ("127.0.0.1", "localhost", "::1")
STARTING_BALANCE = "10000"
CHAIN_ID = 421614
LOGOS = settings.BASE_DIR / "branding" / "logos"


@dataclass(frozen=True, slots=True)
class Demo:
    """One demo operator: for whom it is, and how it looks and behaves."""

    slug: str
    name: str
    theme: Theme
    policy: dict[str, Any]


DEMOS = (
    Demo(
        slug="harbor",
        name="Harbor Markets",
        theme=HARBOR,
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
        policy={
            "offers_cross": True,
            "default_mode": "isolated",
            "isolated_leverage": 10,
            "cross_leverage": 10,
            "leverage_cap": None,
            "slider_marks": [1, 5, 10, 15, 20, 25, 40],
            "margin_presets": [Decimal(25), Decimal(100), Decimal(250), Decimal(500)],
        },
    ),
)


class Command(BaseCommand):
    help = "Create the demo operators and fund their traders at the sandbox venue."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--output", type=Path, default=settings.STATE / "demo.json", help="where the sign-ins go")

    def handle(self, **options: Any) -> None:
        if urlsplit(settings.HYPERLIQUID_URL).hostname not in LOOPBACK:
            raise CommandError("The demo trades on the sandbox only: HYPERLIQUID_URL must point to this machine.")
        adapter = public_adapter(Venue.HYPERLIQUID)
        try:
            sync_markets(adapter)
            operators = [_seed(demo, adapter) for demo in DEMOS]
        except VenueError as error:
            raise CommandError(f"The sandbox did not answer as expected: {error}") from error
        output: Path = options["output"]
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps({"operators": operators}, indent=2) + "\n")


def _seed(demo: Demo, adapter: Adapter) -> dict[str, Any]:
    host = f"{demo.slug}.localhost"
    with transaction.atomic():
        operator, _ = Operator.objects.get_or_create(slug=demo.slug, defaults={"name": demo.name})
        Domain.objects.get_or_create(host=host, defaults={"operator": operator})
    with operator_scope(operator.pk):
        _brand(demo)
        MarginPolicy.objects.get_or_create(operator=operator, defaults=demo.policy)
        people = {
            "trader": _person(demo, "trader", ""),
            "owner": _person(demo, "owner", Role.OWNER),
            "support": _person(demo, "support", Role.SUPPORT),
        }
        _account(User.objects.get(email=people["trader"]["email"]), adapter)
    return {"name": demo.name, "host": host, **people}


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


def _person(demo: Demo, part: str, role: str) -> dict[str, str]:
    email, password = f"{part}@{demo.slug}.example", f"{demo.slug}-{part}-demo"
    if not User.objects.filter(email=email).exists():
        user = User(email=email, role=role)
        user.set_password(password)
        user.save()
    return {"email": email, "password": password}


def _account(trader: User, adapter: Adapter) -> None:
    """Give the trader a wallet at the sandbox: money in it, and an agent key that may trade and never withdraw."""
    wallet = SigningKey(hashlib.sha256(f"demo wallet {trader.pk} {settings.SECRET_KEY}".encode()).digest())
    network = Network(settings.HYPERLIQUID_NETWORK)
    account: VenueAccount
    account, is_new = VenueAccount.objects.get_or_create(
        trader=trader,
        venue=Venue.HYPERLIQUID.value,
        network=network.value,
        address=wallet.address,
    )
    if is_new or adapter.account(wallet.address).equity == 0:
        _fund(wallet.address)
        give_agent_key(account, wallet, adapter)
    rates = adapter.fee_rates(wallet.address)
    VenueAccount.objects.filter(pk=account.pk).update(taker_fee=rates.taker, maker_fee=rates.maker)
    sync_account(adapter, account)


def _fund(address: str) -> None:
    body = json.dumps({"address": address, "amount": STARTING_BALANCE})
    answer = urllib3.request(
        "POST", f"{settings.HYPERLIQUID_URL}/sandbox/fund", body=body, headers={"Content-Type": "application/json"}
    )
    if answer.status != 200:
        raise CommandError(f"The sandbox refused to fund the demo trader: {answer.data.decode(errors='replace')}")


def give_agent_key(account: VenueAccount, wallet: SigningKey, adapter: Adapter) -> None:
    """A new agent key, approved by the wallet: a used one is never approved again (Hyperliquid 5.3)."""
    agent = SigningKey.generate()
    nonce = int(timezone.now().timestamp() * 1000)
    approval = approve_agent(
        network=Network(account.network), chain_id=CHAIN_ID, agent=agent.address, nonce=nonce, name="perpsstudio"
    )
    given = wallet.sign(typed_data.digest(approval.typed_data))
    signature = f"{given['r']}{str(given['s']).removeprefix('0x')}{int(given['v']):02x}"
    adapter.send(approval.signed(signature, owner=wallet.address))
    VenueAccount.objects.filter(pk=account.pk).update(
        agent_address=agent.address, agent_key=seal(agent.reveal().hex()), last_nonce=0
    )
