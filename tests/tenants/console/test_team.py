"""The team: asked in by a link that works once, changed by owners, and never without one."""

import io
import logging
import re
from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.test import Client
from django.utils import timezone

from tenants import team
from tenants.models import AuditEvent, Invitation, Role, User
from tenants.scope import operator_scope
from tests.factories import Exchange, browser_at, make_user
from tests.tenants.full_record import close_the_record
from tests.trading.panels.page import Elements

PAGE, JOIN = "/console/team/", "/join/"
EMAIL, PASSWORD = "nina@alpha.example", "a long and quiet evening"


def invite(exchange: Exchange, email: str = EMAIL, role: str = Role.SUPPORT) -> str:
    """The path of the link that the owner is shown."""
    answer = browser_at(exchange, exchange.owner).post(PAGE, {"email": email, "role": role})
    assert answer.status_code == 200, answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]
    (link,) = re.findall(rf'value="http://{exchange.host}(/join/[^"]+/)"', answer.content.decode())
    return str(link)


def follow(link: str, exchange: Exchange) -> tuple[Client, int]:
    """A browser of nobody's that opened the link, and how that ended."""
    browser = browser_at(exchange)
    return browser, browser.get(link, follow=True).status_code


def status_of(link: str, exchange: Exchange) -> int:
    return follow(link, exchange)[1]


def enter(link: str, exchange: Exchange) -> Client:
    """Open the link and join by it."""
    browser, _ = follow(link, exchange)
    assert browser.post(JOIN, {"password": PASSWORD}).status_code == 302
    return browser


def member(exchange: Exchange, email: str = EMAIL) -> User:
    with operator_scope(exchange.operator.pk):
        found: User = User.objects.get(email=email)
        return found


def change(exchange: Exchange, person: User, what: str) -> str:
    answer = browser_at(exchange, exchange.owner).post(f"{PAGE}{person.pk}/", {"change": what}, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_whoever_has_the_link_chooses_a_password_and_is_in(alpha: Exchange) -> None:
    link, newcomer = invite(alpha), browser_at(alpha)
    assert EMAIL in newcomer.get(link, follow=True).content.decode()

    answer = newcomer.post(JOIN, {"password": PASSWORD})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/support/")
    assert newcomer.get("/support/").status_code == 200
    assert newcomer.get(PAGE).status_code == 404
    assert member(alpha).role == Role.SUPPORT
    signed_in = browser_at(alpha).post("/sign-in/", {"email": EMAIL, "password": PASSWORD})
    assert signed_in.headers["Location"] == "/support/"


def test_link_works_once(alpha: Exchange) -> None:
    link = invite(alpha)
    slower, _ = follow(link, alpha)
    enter(link, alpha)
    again = slower.post(JOIN, {"password": "another long password"})

    assert (again.status_code, status_of(link, alpha)) == (404, 404)
    assert "If you joined already, sign in." in again.content.decode()
    assert "This link was used, was withdrawn, or is too old." in again.content.decode()
    assert member(alpha).check_password(PASSWORD)


def test_link_ends_by_itself_by_a_newer_one_and_by_hand(alpha: Exchange) -> None:
    first = invite(alpha)
    second = invite(alpha)
    assert [status_of(link, alpha) for link in (first, second)] == [404, 200]

    with operator_scope(alpha.operator.pk):
        invitation = Invitation.objects.get()
    for _ in range(2):
        answer = browser_at(alpha, alpha.owner).post(f"{PAGE}invitations/{invitation.pk}/")
        assert (answer.status_code, answer.headers["Location"]) == (302, PAGE)
    assert status_of(second, alpha) == 404

    third = invite(alpha)
    with operator_scope(alpha.operator.pk):
        Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert status_of(third, alpha) == 404
    assert "ended" in browser_at(alpha, alpha.owner).get(PAGE).content.decode()


def test_link_is_worth_nothing_at_another_operator(alpha: Exchange, beta: Exchange) -> None:
    assert status_of(invite(alpha), beta) == 404


def test_weak_password_is_a_sentence_and_leaves_the_link_as_it_is(alpha: Exchange) -> None:
    link = invite(alpha)
    browser, _ = follow(link, alpha)
    answer = browser.post(JOIN, {"password": "short"})

    assert (answer.status_code, "at least 12 characters" in answer.content.decode()) == (422, True)
    assert status_of(link, alpha) == 200


def renew(exchange: Exchange, person: User) -> str:
    """The path of the link to a new password that the owner is shown."""
    answer = browser_at(exchange, exchange.owner).post(f"{PAGE}{person.pk}/", {"change": "link"})
    assert answer.status_code == 200, answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]
    (link,) = re.findall(rf'value="http://{exchange.host}(/join/[^"]+/)"', answer.content.decode())
    return str(link)


def test_member_who_lost_his_password_chooses_another_and_stays_what_he_is(alpha: Exchange) -> None:
    elsewhere, link = browser_at(alpha, alpha.support), renew(alpha, alpha.support)
    assert elsewhere.get("/support/").status_code == 200

    browser, _ = follow(link, alpha)
    assert "Choose a new password" in browser.get(JOIN).content.decode()
    answer = browser.post(JOIN, {"password": PASSWORD})

    assert (answer.status_code, answer.headers["Location"]) == (302, "/support/")
    assert (browser.get("/support/").status_code, elsewhere.get("/support/").status_code) == (200, 302)
    kept = member(alpha, alpha.support.email)
    assert (kept.pk, kept.role, kept.check_password(PASSWORD)) == (alpha.support.pk, Role.SUPPORT, True)
    assert status_of(link, alpha) == 404
    with operator_scope(alpha.operator.pk):
        told = list(AuditEvent.objects.order_by("pk").values_list("action", "actor__email", "after"))
    assert told == [
        ("link to a new password made", alpha.owner.email, {}),
        ("chose a new password", alpha.support.email, {"role": "support", "link made by": str(alpha.owner)}),
    ]


def test_link_to_a_new_password_lives_a_day_and_an_invitation_a_week(alpha: Exchange) -> None:
    renew(alpha, alpha.support)
    invite(alpha)

    with operator_scope(alpha.operator.pk):
        lives = {row.email: row.expires_at - row.created_at for row in Invitation.objects.all()}
    assert lives == {alpha.support.email: timedelta(hours=24), EMAIL: timedelta(days=7)}


def test_link_to_a_new_password_is_for_members_who_may_come_in(alpha: Exchange, beta: Exchange) -> None:
    change(alpha, alpha.support, "close")
    owner = browser_at(alpha, alpha.owner)
    refused = owner.post(f"{PAGE}{alpha.support.pk}/", {"change": "link"}, follow=True).content.decode()
    assert "Open it again first." in refused
    for stranger in (alpha.trader, beta.support):
        assert owner.post(f"{PAGE}{stranger.pk}/", {"change": "link"}).status_code == 404
    with operator_scope(alpha.operator.pk):
        assert not Invitation.objects.exists()


def test_link_to_a_new_password_is_for_others_and_ones_own_is_changed(alpha: Exchange) -> None:
    owner = browser_at(alpha, alpha.owner)
    refused = owner.post(f"{PAGE}{alpha.owner.pk}/", {"change": "link"}, follow=True).content.decode()

    assert "Your own password is changed by whoever knows it" in refused
    with operator_scope(alpha.operator.pk):
        assert not Invitation.objects.exists()
    rows = re.findall(r'id="member-\d+">([^<]+)<(.*?)</tr>', refused, re.DOTALL)
    assert {who: "/account/password/" in actions for who, actions in rows} == {
        alpha.owner.email: True, alpha.support.email: False,
    }  # fmt: skip


def test_link_to_a_new_password_is_offered_for_members_with_an_email_alone(alpha: Exchange) -> None:
    with operator_scope(alpha.operator.pk):
        User(role=Role.SUPPORT, wallet="0x" + "ab" * 20).save()
    page = browser_at(alpha, alpha.owner).get(PAGE).content.decode()

    rows = re.findall(r'id="member-\d+">([^<]+)<(.*?)</tr>', page, re.DOTALL)
    links = {who: "New sign-in link" in actions for who, actions in rows}
    assert links == {alpha.owner.email: False, alpha.support.email: True, "0xabab…abab": False}


@pytest.mark.parametrize("what", ["owner", "close"])
def test_link_to_a_new_password_ends_with_any_change_of_the_member(alpha: Exchange, what: str) -> None:
    link = renew(alpha, alpha.support)
    change(alpha, alpha.support, what)

    assert status_of(link, alpha) == 404


def test_link_of_somebody_closed_at_that_moment_sets_no_password(alpha: Exchange) -> None:
    browser, _ = follow(renew(alpha, alpha.support), alpha)
    with operator_scope(alpha.operator.pk):
        User.objects.filter(pk=alpha.support.pk).update(is_active=False)
    answer = browser.post(JOIN, {"password": PASSWORD})

    assert (answer.status_code, member(alpha, alpha.support.email).check_password(PASSWORD)) == (404, False)


def test_invitation_sets_no_password_of_somebody_who_came_in_another_way(alpha: Exchange) -> None:
    browser, _ = follow(invite(alpha), alpha)
    with operator_scope(alpha.operator.pk):
        make_user(EMAIL, Role.OWNER)
    answer = browser.post(JOIN, {"password": PASSWORD})

    assert (answer.status_code, member(alpha).check_password(PASSWORD)) == (404, False)


def test_whoever_is_signed_in_as_support_may_follow_a_link_of_his_own(alpha: Exchange) -> None:
    browser = browser_at(alpha, alpha.support)
    assert browser.get(invite(alpha, role=Role.OWNER), follow=True).status_code == 200
    answer = browser.post(JOIN, {"password": PASSWORD})

    assert (answer.status_code, answer.headers["Location"]) == (302, "/console/")
    assert browser.get(PAGE).status_code == 200


def test_owner_who_makes_himself_support_is_led_to_what_he_may_see(alpha: Exchange) -> None:
    change(alpha, alpha.support, "owner")
    answer = browser_at(alpha, alpha.owner).post(f"{PAGE}{alpha.owner.pk}/", {"change": "support"}, follow=True)

    assert (answer.status_code, answer.redirect_chain[-1][0]) == (200, "/support/")


def test_what_cannot_be_undone_asks_once_more_and_names_whom_it_is_about(alpha: Exchange) -> None:
    page = Elements(browser_at(alpha, alpha.owner).get(PAGE).content.decode()).found
    named = {attributes["id"] for _, attributes in page if (attributes.get("id") or "").startswith("member-")}
    places = [
        place for place, (tag, _) in enumerate(page) if tag == "button" and page[place][1].get("name") == "change"
    ]
    asked = {page[place][1]["value"]: "summary" in [tag for tag, _ in page[place - 5 : place]] for place in places}

    assert named == {f"member-{alpha.owner.pk}", f"member-{alpha.support.pk}"}
    assert asked == {"link": False, "support": True, "owner": True, "close": True}
    assert {page[place][1].get("aria-describedby") for place in places} == named


def test_secret_of_a_link_is_kept_nowhere(alpha: Exchange) -> None:
    link = invite(alpha)
    secret, (browser, _) = link.split("/")[2], follow(link, alpha)

    with operator_scope(alpha.operator.pk):
        kept = [*Invitation.objects.values_list(), *AuditEvent.objects.values_list(), *browser.session.items()]
    assert secret not in repr(kept)


def test_secret_of_a_link_is_in_no_address_but_its_own(alpha: Exchange) -> None:
    answer = browser_at(alpha).get(invite(alpha))

    assert (answer.status_code, answer.headers["Location"]) == (302, JOIN)
    assert (answer.headers["Referrer-Policy"], "no-store" in answer.headers["Cache-Control"]) == ("no-referrer", True)


def test_secret_of_a_link_is_not_written_to_the_log(alpha: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    (console,) = [handler for handler in logging.getLogger().handlers if handler.name == "console"]
    written = io.StringIO()
    monkeypatch.setattr(console, "stream", written)
    link = invite(alpha)
    for browser in (browser_at(alpha), browser_at(alpha, alpha.support)):
        assert browser.post(link, {"password": "short"}).status_code in {403, 405}

    assert written.getvalue().count("/join/***/") == 2
    assert link.split("/")[2] not in written.getvalue()


@pytest.mark.parametrize(
    ("email", "sentence"),
    [
        ("alice@alpha.example", "Somebody with this e-mail is here already."),
        ("SAM@alpha.example", "Somebody with this e-mail is here already."),
        ("nobody", "Enter a valid email address."),
        ("", "Enter an e-mail address."),
    ],
)
def test_who_cannot_be_invited_is_said_in_words(alpha: Exchange, email: str, sentence: str) -> None:
    answer = browser_at(alpha, alpha.owner).post(PAGE, {"email": email, "role": "support"})

    assert (answer.status_code, sentence in answer.content.decode()) == (422, True)


def test_role_is_changed_and_a_way_in_closed_at_once(alpha: Exchange) -> None:
    support = browser_at(alpha, alpha.support)
    change(alpha, alpha.support, "owner")
    assert support.get(PAGE).status_code == 200
    change(alpha, alpha.support, "close")
    assert support.get(PAGE).status_code == 302
    change(alpha, alpha.support, "reopen")
    change(alpha, alpha.support, "support")
    assert (support.get(PAGE).status_code, support.get("/support/").status_code) == (404, 200)


@pytest.mark.parametrize("what", ["support", "close"])
def test_last_owner_stays(alpha: Exchange, what: str) -> None:
    assert "This is the only owner." in change(alpha, alpha.owner, what)
    kept = member(alpha, alpha.owner.email)
    assert (kept.role, kept.is_active) == (Role.OWNER, True)


def test_owner_may_go_where_another_one_stays(alpha: Exchange) -> None:
    change(alpha, alpha.support, "owner")
    browser: Client = browser_at(alpha, alpha.owner)
    browser.post(f"{PAGE}{alpha.owner.pk}/", {"change": "close"})

    assert not member(alpha, alpha.owner.email).is_active
    assert browser.get(PAGE).status_code == 302


@pytest.mark.parametrize("what", ["support", "close"])
def test_links_of_an_owner_end_with_his_being_one(alpha: Exchange, what: str) -> None:
    change(alpha, alpha.support, "owner")
    link, others = invite(alpha, role=Role.OWNER), f"{PAGE}{alpha.owner.pk}/"
    browser_at(alpha, alpha.support).post(others, {"change": what})

    assert status_of(link, alpha) == 404
    with operator_scope(alpha.operator.pk):
        assert not Invitation.objects.exists()


def test_links_of_others_stay_when_a_member_goes(alpha: Exchange) -> None:
    link = invite(alpha)
    change(alpha, alpha.support, "close")

    assert status_of(link, alpha) == 200


@pytest.mark.parametrize("lost", [{"is_active": False}, {"role": Role.SUPPORT}, {"role": ""}])
def test_whoever_lost_the_role_since_he_asked_changes_nothing(alpha: Exchange, lost: dict[str, object]) -> None:
    """His request was admitted as an owner's, and another owner was quicker."""
    change(alpha, alpha.support, "owner")
    with operator_scope(alpha.operator.pk):
        User.objects.filter(pk=alpha.owner.pk).update(**lost)
        with pytest.raises(team.TeamRefused, match="not an owner any more"):
            team.change_member(alpha.owner.pk, alpha.support.pk, is_active=False)
        with pytest.raises(team.TeamRefused, match="not an owner any more"):
            team.invite(alpha.owner, EMAIL, Role.OWNER, timezone.now())
        assert not Invitation.objects.exists()
    assert member(alpha, alpha.support.email).is_active


@pytest.mark.parametrize("what", ["", "trader", "delete"])
def test_nothing_else_can_be_made_of_a_member(alpha: Exchange, what: str) -> None:
    answer = browser_at(alpha, alpha.owner).post(f"{PAGE}{alpha.support.pk}/", {"change": what})

    assert (answer.status_code, member(alpha, alpha.support.email).role) == (404, Role.SUPPORT)


def test_traders_are_not_of_the_team(alpha: Exchange) -> None:
    browser = browser_at(alpha, alpha.owner)

    assert browser.post(f"{PAGE}{alpha.trader.pk}/", {"change": "owner"}).status_code == 404
    assert "alice@alpha.example" not in browser.get(PAGE).content.decode()


def test_nothing_happens_that_cannot_be_put_on_record(alpha: Exchange) -> None:
    link = invite(alpha)
    owner, (newcomer, _) = browser_at(alpha, alpha.owner), follow(link, alpha)
    with operator_scope(alpha.operator.pk):
        invitation = Invitation.objects.get()
    sent = [
        (owner, PAGE, {"email": "other@alpha.example", "role": Role.OWNER}),
        (owner, f"{PAGE}{alpha.support.pk}/", {"change": "close"}),
        (owner, f"{PAGE}invitations/{invitation.pk}/", {}),
        (newcomer, JOIN, {"password": PASSWORD}),
    ]
    close_the_record()
    for browser, path, form in sent:
        with pytest.raises(IntegrityError):
            browser.post(path, form)

    with operator_scope(alpha.operator.pk):
        assert list(Invitation.objects.all()) == [invitation]
        assert not User.objects.filter(email=EMAIL).exists()
    assert member(alpha, alpha.support.email).is_active


def test_every_step_is_on_record(alpha: Exchange) -> None:
    enter(invite(alpha), alpha)
    change(alpha, member(alpha), "owner")
    change(alpha, member(alpha), "close")

    with operator_scope(alpha.operator.pk):
        told = [(event.action, event.actor.email) for event in AuditEvent.objects.order_by("pk")]
    owner = alpha.owner.email
    assert told == [
        ("invited to the team", owner),
        ("joined the team", EMAIL),
        ("team member changed", owner),
        ("team member changed", owner),
    ]
