"""Trading keys: pasted, refused, lost between two orders, encrypted anew, and never seen by anybody."""

import logging
from decimal import ROUND_HALF_EVEN, Decimal
from io import StringIO
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from django.views.debug import ExceptionReporter
from pytest_django.fixtures import Settings

from tenants.models import AuditEvent, Operator
from tenants.scope import every_operator
from tests.factories import make_order
from tests.sandbox_process import SandboxProcess
from tests.trading.accounts.conftest import BUILDER, CONNECT, Trader, revoke_elsewhere, signature, sit_down
from trading.connect import KeyUnreadable, _vault, public_adapter, trading_adapter
from trading.live import board
from trading.models import BuilderFee, Command, Fill, Market, Position, VenueAccount, WalletApproval
from trading.services.accounts import note_refusal
from trading.venues.base import Network, Venue
from trading.venues.errors import Reason
from trading.venues.hyperliquid.approvals import approve_agent
from trading.venues.hyperliquid.signing import SigningKey


def approve_at_venue(trader: Trader, agent: SigningKey, name: str = "mine") -> None:
    """What the trader does with the venue's own page."""
    nonce = int(timezone.now().timestamp() * 1000)
    approval = approve_agent(network=Network.TESTNET, chain_id=1, agent=agent.address, nonce=nonce, name=name)
    public_adapter(Venue.HYPERLIQUID).send(
        approval.signed(signature(approval.typed_data, trader.wallet), owner=trader.address)
    )


def paste(trader: Trader, key: str, address: str = "") -> int:
    return trader.post("key", address=address or trader.wallet.address, agent_key=key).status_code


def order(trader: Trader, **changes: str) -> str:
    """Place an order on the ticket as htmx does; the words that come back."""
    board.publish(
        Venue.HYPERLIQUID, Network.TESTNET, public_adapter(Venue.HYPERLIQUID).markets().states, timezone.now()
    )
    fields = {
        "form_key": str(uuid4()), "side": "long", "kind": "market", "size": "0.001", "unit": "coin",
        "mode": "isolated", "leverage": "10",
    }  # fmt: skip
    answer = trader.browser.post("/trade/BTC/order/", fields | changes, headers={"HX-Request": "true"})
    return answer.content.decode()


def test_letting_a_key_or_an_account_go_asks_once_more(alice: Trader) -> None:
    agent = SigningKey.generate()
    approve_at_venue(alice, agent)
    assert paste(alice, agent.reveal().hex()) == 302
    page = alice.browser.get(CONNECT).content.decode()

    for step in ("forget", "leave"):
        before, found, _ = page.partition(f'action="{CONNECT}{step}/"')
        inside = before.rfind('<details class="removal"') > before.rfind("</details>")
        assert (step, bool(found), inside) == (step, True, True)


@pytest.mark.parametrize("name", ["mine", ""])
def test_pasted_key_trades_for_the_account_it_was_approved_by(alice: Trader, name: str) -> None:
    agent = SigningKey.generate()
    approve_at_venue(alice, agent, name)

    assert paste(alice, agent.reveal().hex()) == 302
    assert paste(alice, "0x" + agent.reveal().hex()) == 302

    account = alice.account
    assert (alice.panel(), account.agent_address) == ("ready", agent.address)
    assert (account.agent_expires_at is None) == (name == "")
    assert alice.audit() == [f"trading key pasted: {alice.address}"]
    assert "Filled: buy 0.001 BTC" in order(alice)


def test_key_that_may_not_trade_for_the_address_is_refused(alice: Trader, venue: SandboxProcess) -> None:
    bob = sit_down(venue, "bob@alpha.example")
    bobs = SigningKey.generate()
    approve_at_venue(bob, bobs)
    stranger, own = SigningKey.generate(), SigningKey(bytes(alice.wallet.key))
    sentences = {
        bobs.reveal().hex(): "This key trades for another account than the address above.",
        stranger.reveal().hex(): "The venue does not know this trading key.",
        own.reveal().hex(): "This is the private key of an account itself, which can withdraw.",
        bytes(bob.wallet.key).hex(): "This is the private key of an account itself, which can withdraw.",
        "12": "A private key is 64 hexadecimal digits.",
        "": "A private key is 64 hexadecimal digits.",
        "0" * 64: "A private key is 64 hexadecimal digits.",
        "f" * 64: "A private key is 64 hexadecimal digits.",
        "k" * 5000: "A private key is 64 hexadecimal digits.",
    }
    for key, sentence in sentences.items():
        answer = alice.post("key", address=alice.wallet.address, agent_key=key)
        page = answer.content.decode()
        assert (answer.status_code, sentence in page, len(key) > 2 and key in page) == (422, True, False)

    assert not VenueAccount.objects.exists()
    assert alice.audit() == []


def test_watcher_reads_and_cannot_trade(alice: Trader) -> None:
    alice.connect()

    words = order(alice)
    page = alice.browser.get("/trade/BTC/").content.decode()

    assert "You are only watching this account. Connect a trading key to trade." in words
    link = '<a class="button button-main button-accent" id="place_order" href="/account/connect/?venue=hyperliquid"'
    assert f'{link} aria-describedby="place_order_why">Connect a trading key to trade</a>' in page
    assert "1,000.00" in page
    assert not Command.objects.exists()


def test_watcher_is_offered_nothing_to_do_with_his_orders(alice: Trader) -> None:
    alice.connect()
    make_order(alice.account, Market.objects.get(venue="hyperliquid", name="BTC"))

    table = alice.browser.get("/orders/").content.decode()

    why = 'title="You are only watching this account. Connect a trading key to trade."'
    assert [f'is-closed" {why}>{word}<' in table for word in ("Change", "Cancel")] == [True, True]
    assert "<form" not in table


def test_key_revoked_between_two_orders_says_connect_again(alice: Trader) -> None:
    alice.become_ready()
    assert "Filled" in order(alice)
    revoke_elsewhere(alice)

    words = order(alice)

    assert "The venue does not accept the trading key: it was replaced, revoked or has expired. Connect again." in words
    assert alice.panel() == "revoked"
    assert "The venue no longer accepts your trading key. Connect again to trade." in order(alice)
    assert [position.size for position in Position.objects.all()] == [Decimal("0.001")]
    alice.approve("key")
    assert alice.panel() == "ready"
    assert "Filled" in order(alice)


def test_refusal_of_an_earlier_key_says_nothing_of_the_present_one(alice: Trader) -> None:
    alice.become_ready()
    order(alice)
    signed_with_the_old_key = Command.objects.get(kind="order")
    alice.approve("key")

    note_refusal(signed_with_the_old_key, Reason.KEY_UNKNOWN)
    assert alice.panel() == "ready"

    order(alice)
    note_refusal(Command.objects.latest("prepared_at"), Reason.KEY_UNKNOWN)
    assert alice.panel() == "revoked"


def test_expired_key_closes_the_ticket_before_anything_is_sent(alice: Trader) -> None:
    alice.become_ready()
    VenueAccount.objects.update(agent_expires_at=timezone.now())

    words = order(alice)

    assert "Your trading key has expired. Connect again to trade." in words
    assert alice.panel() == "expired"
    assert not Command.objects.exists()
    alice.approve("key")
    assert alice.panel() == "ready"


def test_orders_carry_the_fee_from_the_approval_on(alice: Trader, fee: BuilderFee) -> None:
    alice.become_ready()
    refused = order(alice)
    alice.approve("fee")

    assert "Approve this exchange&#39;s fee to open positions. Closing works without it." in refused
    assert "Filled" in order(alice)
    fill = Fill.objects.get()
    # 0.001 BTC at the fill's price, 0.05 % of it for the operator.
    fee_paid = fill.price * fill.size * Decimal("0.0005")
    assert fill.builder_fee == fee_paid.quantize(Decimal("0.000001"), ROUND_HALF_EVEN)
    assert Command.objects.get(kind="order").intent["builder_fee"] == "0.0005"


def test_position_is_closed_without_the_fee(alice: Trader, fee: BuilderFee) -> None:
    alice.become_ready()
    alice.approve("fee")
    order(alice)
    alice.approve("no_fee")

    page = alice.browser.post(
        f"/positions/{Position.objects.get().pk}/close/now/", {"form_key": str(uuid4())}, headers={"HX-Request": "true"}
    )

    assert page.status_code == 200
    assert not Position.objects.exists()
    assert [row.builder_fee > 0 for row in Fill.objects.order_by("id")] == [True, False]


def test_fee_revoked_elsewhere_is_noticed_with_the_next_order(alice: Trader, fee: BuilderFee) -> None:
    alice.become_ready()
    alice.approve("fee")
    approval = WalletApproval.objects.filter(kind="fee").get()
    alice.approve("no_fee")
    VenueAccount.objects.update(builder=BUILDER, builder_fee=approval.rate)

    words = order(alice)

    assert "The exchange fee is not approved by your wallet. Approve it and send the order again." in words
    assert alice.panel() == "fee_waiting"


# Rotation


def test_rotation_stores_every_key_under_the_newest_secret(alice: Trader, settings: Settings) -> None:
    alice.become_ready()
    alice.ask("key")
    old, new = settings.AGENT_KEY_SECRETS[0], Fernet.generate_key().decode()
    before = trading_adapter(alice.account)._key.address  # type: ignore[attr-defined]
    settings.AGENT_KEY_SECRETS = [new, old]
    _vault.cache_clear()
    output = StringIO()

    call_command("rotate_agent_keys", stdout=output)
    call_command("rotate_agent_keys", stdout=output)

    assert output.getvalue().splitlines() == ["2 trading keys are stored under the newest secret."] * 2
    settings.AGENT_KEY_SECRETS = [new]
    _vault.cache_clear()
    assert trading_adapter(alice.account)._key.address == before  # type: ignore[attr-defined]
    alice.sign()
    assert "Filled" in order(alice)


def test_rotation_tells_how_many_keys_cannot_be_opened(alice: Trader, settings: Settings) -> None:
    alice.become_ready()
    settings.AGENT_KEY_SECRETS = [Fernet.generate_key().decode()]
    _vault.cache_clear()

    with pytest.raises(CommandError, match="1 trading keys cannot be opened with any secret"):
        call_command("rotate_agent_keys", stdout=StringIO())
    with pytest.raises(KeyUnreadable):
        trading_adapter(alice.account)


# The canary: a key that would be recognised anywhere


CANARY = "c0ffee" * 10 + "beef"
OTHER_CANARY = "decade" * 10 + "cafe"


def written(text: str, canary: str = CANARY) -> list[str]:
    """In which spellings the canary stands in a text."""
    key = bytes.fromhex(canary)
    spellings = {canary, canary.upper(), str(int(canary, 16)), repr(key), key.decode("latin-1")}
    return [spelling for spelling in spellings if spelling in text]


def whole_database() -> str:
    """Every row of every table, as text."""
    with every_operator(), connection.cursor() as cursor:
        rows = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {table}")
            rows += [str([bytes(value) if isinstance(value, memoryview) else value for value in row]) for row in cursor]
        return "\n".join(rows)


def test_key_is_seen_nowhere(
    alice: Trader, operator: Operator, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    agent = SigningKey.from_hex(CANARY)
    pages = []
    for attempt in ("before approval", "approved"):
        if attempt == "approved":
            approve_at_venue(alice, agent)
        answer = alice.post("key", address=alice.wallet.address, agent_key=CANARY)
        pages.append(answer.content.decode() + str(answer.headers))
    pages.append(order(alice))
    revoke_elsewhere(alice)
    pages.append(order(alice))
    pages += [alice.browser.get(path).content.decode() for path in (CONNECT, "/trade/BTC/", "/orders/", "/fills/")]
    account = alice.account
    objects = [repr(agent), str(agent), repr(account), str(account.__dict__), repr(trading_adapter(account))]
    objects += [str(event.__dict__) for event in AuditEvent.objects.all()]
    seen = capfd.readouterr()

    assert alice.panel() == "revoked"
    for place in (*pages, *objects, whole_database(), caplog.text, seen.out, seen.err):
        assert written(place) == []


def test_crash_while_taking_a_key_reports_none(
    alice: Trader, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.AGENT_KEY_SECRETS = ["no Fernet key"]
    _vault.cache_clear()
    approve_at_venue(alice, SigningKey.from_hex(OTHER_CANARY))
    browser = Client(headers={"host": "alpha.localhost"}, raise_request_exception=False)
    browser.force_login(alice.user)

    answer = browser.post(f"{CONNECT}key/", {"address": alice.wallet.address, "agent_key": OTHER_CANARY})
    (crash,) = [record for record in caplog.records if record.exc_info]
    report = ExceptionReporter(crash.request, *crash.exc_info)  # type: ignore[attr-defined,misc]

    assert answer.status_code == 500
    assert "Fernet key must be 32" in report.get_traceback_text()
    for text in (answer.content.decode(), caplog.text, report.get_traceback_text(), report.get_traceback_html()):
        assert written(text, OTHER_CANARY) == []


def test_new_keys_are_all_different(alice: Trader) -> None:
    alice.connect()
    agents = set()
    for _ in range(3):
        alice.approve("key")
        agents.add(alice.account.agent_address)
        alice.approve("no_key")

    assert len(agents) == 3
