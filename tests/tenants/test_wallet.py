"""Signing in with a wallet: who gets in, and everything that does not."""

from collections.abc import Callable

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount

from tenants import wallet
from tenants.models import AuditEvent, User
from tenants.scope import every_operator, operator_scope
from tests.factories import Exchange, browser_at

# The first key of EIP-155's own example.
OWNER: LocalAccount = Account.from_key("0x" + "46" * 32)
OTHER: LocalAccount = Account.from_key("0x" + "47" * 32)
SIGN_IN = "/sign-in/wallet/"
ASK = "/sign-in/wallet/message/"


@pytest.fixture(autouse=True)
def no_attempts_yet(db: None) -> None:
    cache.clear()


def ask(client: Client, owner: LocalAccount = OWNER, chain_id: str = "0x1") -> str:
    message: str = client.post(ASK, {"address": owner.address, "chain_id": chain_id}).json()["message"]
    return message


def sign(message: str, owner: LocalAccount = OWNER) -> str:
    return "0x" + bytes(owner.sign_message(encode_defunct(text=message)).signature).hex()


def users() -> list[User]:
    with every_operator():
        return list(User.objects.exclude(wallet=""))


def test_message_is_the_one_of_the_standard(alpha: Exchange) -> None:
    lines = ask(browser_at(alpha)).split("\n")

    assert lines[:4] == [
        "alpha.localhost wants you to sign in with your Ethereum account:",
        "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F",
        "",
        "Sign in to this exchange. This costs nothing, moves no funds and lets nobody trade.",
    ]
    assert [line.partition(": ")[0] for line in lines[5:]] == [
        "URI", "Version", "Chain ID", "Nonce", "Issued At", "Expiration Time",
    ]  # fmt: skip
    assert lines[5:8] == ["URI: http://alpha.localhost/sign-in/", "Version: 1", "Chain ID: 1"]


def test_first_sign_in_makes_a_trader_of_this_operator_only(alpha: Exchange, beta: Exchange) -> None:
    client = browser_at(alpha)
    message = ask(client)

    answer = client.post(SIGN_IN, {"message": message, "signature": sign(message)})

    assert (answer.status_code, answer.headers["Location"]) == (302, "/account/connect/")
    (user,) = users()
    assert (user.operator_id, user.wallet, user.email) == (alpha.operator.pk, OWNER.address.lower(), "")
    assert (user.is_trader, user.has_usable_password(), str(user)) == (True, False, "0x9d8a…5a4f")
    assert client.get("/account/connect/").status_code == 200


def test_second_sign_in_is_the_same_user(alpha: Exchange) -> None:
    for place in ("/account/connect/", "/orders/"):
        client = browser_at(alpha)
        message = ask(client).replace("\n", "\r\n")  # as a form posts it
        answer = client.post(
            SIGN_IN, {"message": message, "signature": sign(message.replace("\r\n", "\n")), "next": "/orders/"}
        )
        assert answer.headers["Location"] == place

    assert len(users()) == 1
    with operator_scope(alpha.operator.pk):
        events = AuditEvent.objects.filter(action="signed in with a wallet").order_by("id")
        assert [(event.subject, event.after) for event in events] == [
            (OWNER.address.lower(), {"first time": True}),
            (OWNER.address.lower(), {"first time": False}),
        ]


def test_same_wallet_at_two_operators_is_two_users(alpha: Exchange, beta: Exchange) -> None:
    for exchange in (alpha, beta):
        client = browser_at(exchange)
        message = ask(client)
        assert client.post(SIGN_IN, {"message": message, "signature": sign(message)}).status_code == 302

    assert {user.operator_id for user in users()} == {alpha.operator.pk, beta.operator.pk}


def test_email_and_password_still_admit(alpha: Exchange) -> None:
    answer = browser_at(alpha).post(
        "/sign-in/", {"email": "alice@alpha.example", "password": "correct horse battery staple"}
    )

    assert (answer.status_code, answer.headers["Location"]) == (302, "/")


def refused(client: Client, message: str, signature: str, sentence: str) -> None:
    """One sentence beside the button, nobody created, nobody signed in."""
    answer = client.post(SIGN_IN, {"message": message, "signature": signature})

    assert (answer.status_code, answer.content.decode().count(sentence)) == (422, 1)
    assert users() == []
    assert client.get("/orders/").status_code == 302


def test_replay_is_refused(alpha: Exchange) -> None:
    message = ask(browser_at(alpha))
    assert browser_at(alpha).post(SIGN_IN, {"message": message, "signature": sign(message)}).status_code == 302
    with every_operator():
        User.objects.filter(wallet=OWNER.address.lower()).update(wallet=OTHER.address.lower())

    answer = browser_at(alpha).post(SIGN_IN, {"message": message, "signature": sign(message)})

    assert answer.status_code == 422
    assert "This sign-in was used already, or is older than five minutes." in answer.content.decode()
    assert [user.wallet for user in users()] == [OTHER.address.lower()]


def test_nonce_is_spent_by_a_failed_attempt_too(alpha: Exchange) -> None:
    client = browser_at(alpha)
    message = ask(client)

    refused(client, message, sign(message, OTHER), "The signature is not from the wallet that was asked.")
    refused(client, message, sign(message), "This sign-in was used already")


Forgery = Callable[[str], str]
ALTERED: dict[str, tuple[Forgery, str]] = {
    "wrong domain": (lambda text: text.replace("alpha.localhost wants", "evil.example wants"), "is for another site"),
    "wrong chain": (lambda text: text.replace("Chain ID: 1", "Chain ID: 10"), "for another network"),
    "other statement": (lambda text: text.replace("costs nothing", "costs all"), "not the one this page asked for"),
    "other address": (lambda text: text.replace(OWNER.address, OTHER.address), "not the one this page asked for"),
    "invented nonce": (lambda text: text.replace("Nonce: ", "Nonce: 0"), "was used already"),
    "later expiry": (lambda text: text.replace("Expiration Time: 2", "Expiration Time: 3"), "not the one this page"),
    "second line": (lambda text: text + "\nResources:\n- https://evil.example", "not the message this page asked"),
    "nothing": (lambda text: "", "not the message this page asked"),
    "noise": (lambda text: "\x00" * 5000, "not the message this page asked"),
}


@pytest.mark.parametrize("name", ALTERED)
def test_altered_message_is_refused_even_with_a_good_signature(alpha: Exchange, name: str) -> None:
    client = browser_at(alpha)
    forge, sentence = ALTERED[name]
    message = forge(ask(client))

    refused(client, message, sign(message), sentence)


def test_message_of_another_operator_is_refused(alpha: Exchange, beta: Exchange) -> None:
    message = ask(browser_at(beta))
    here = message.replace("beta.localhost", "alpha.localhost")

    refused(browser_at(alpha), message, sign(message), "This signature is for another site.")
    refused(browser_at(alpha), here, sign(here), "This sign-in was used already")


def test_expired_message_is_refused(alpha: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    client = browser_at(alpha)
    message = ask(client)
    later = timezone.now() + wallet.LIFETIME
    monkeypatch.setattr("tenants.wallet.timezone.now", lambda: later)

    refused(client, message, sign(message), "This sign-in is older than five minutes.")


def test_nonce_is_forgotten_after_five_minutes(alpha: Exchange) -> None:
    nonce = ask(browser_at(alpha)).partition("Nonce: ")[2].partition("\n")[0]
    client = cache._cache.get_client()  # type: ignore[attr-defined]

    left = client.ttl(cache.make_key(f"operator:{alpha.operator.pk}:sign-in:{nonce}"))

    assert 295 <= left <= 300


@pytest.mark.parametrize(
    "signature",
    ["", "0x", "0x12", "0x" + "00" * 65, "0x" + "ff" * 65, "0x" + "11" * 64 + "1b", "zz" * 65, "0x" + "g1" * 65],
)
def test_malformed_signature_is_refused(alpha: Exchange, signature: str) -> None:
    client = browser_at(alpha)
    message = ask(client)

    answer = client.post(SIGN_IN, {"message": message, "signature": signature})

    assert answer.status_code == 422
    assert users() == []


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"address": "0x12", "chain_id": "1"}, "An account address is 0x and 40 digits from 0 to f. Copy it whole."),
        ({"address": "0x" + "0" * 40, "chain_id": "1"}, "An account address is 0x and 40 digits from 0 to f."),
        ({"address": OWNER.address.replace("9d8A", "9d8a"), "chain_id": "1"}, "One character of this address"),
        ({"address": OWNER.address, "chain_id": "main"}, "Your wallet did not say which network it is on."),
        ({"address": OWNER.address, "chain_id": "0"}, "Your wallet did not say which network it is on."),
        ({}, "An account address is 0x and 40 digits from 0 to f. Copy it whole."),
    ],
)
def test_message_is_asked_for_with_an_address_and_a_chain(
    alpha: Exchange, fields: dict[str, str], sentence: str
) -> None:
    answer = browser_at(alpha).post(ASK, fields)

    assert (answer.status_code, answer.json()["problem"].startswith(sentence)) == (422, True)


def test_eleventh_message_in_five_minutes_is_refused(alpha: Exchange) -> None:
    client = browser_at(alpha)
    answers = [client.post(ASK, {"address": OWNER.address, "chain_id": "1"}).status_code for _ in range(11)]

    assert answers == [200] * 10 + [429]


def test_closed_account_stays_out(alpha: Exchange) -> None:
    with operator_scope(alpha.operator.pk):
        User(wallet=OWNER.address.lower(), is_active=False).save()
    client = browser_at(alpha)
    message = ask(client)

    answer = client.post(SIGN_IN, {"message": message, "signature": sign(message)})

    assert (answer.status_code, "This account is closed." in answer.content.decode()) == (422, True)
    assert client.get("/orders/").status_code == 302


def test_forms_need_the_csrf_token(alpha: Exchange) -> None:
    client = Client(enforce_csrf_checks=True, headers={"host": alpha.host})

    assert [client.post(path, {}).status_code for path in (ASK, SIGN_IN)] == [403, 403]


def test_domain_keeps_its_port(alpha: Exchange) -> None:
    client = Client(headers={"host": "alpha.localhost:8000"})

    assert ask(client).startswith("alpha.localhost:8000 wants you to sign in")
