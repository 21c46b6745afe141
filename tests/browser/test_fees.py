"""The exchange's fees: two forms on one page, of which each takes its own answer only."""

from django.contrib.messages import constants
from django.contrib.messages.storage.base import Message
from playwright.sync_api import expect

from tenants.console.fees import FeeForm, VenueFee
from tests.browser.site import Site, answer, in_turn
from tests.trading.panels.page import HEAD
from trading.venues.snapshots import Venue

PAGE = '{% extends "console/fees.html" %}'
IN_FORCE = "In force now, for every order from here on."


def fees(percent: str) -> dict[str, object]:
    """The page with this rate at the first venue and nothing at the other."""
    forms = {Venue.HYPERLIQUID: FeeForm({"percent": percent}), Venue.ASTER: FeeForm()}
    shown = [
        VenueFee(venue=venue, label=venue.title(), needs="", form=form, approved=0, accounts=0, is_charging=False)
        for venue, form in forms.items()
    ]
    return {"fees": shown, "highest": "0.1"}


def test_answer_to_one_venues_form_leaves_what_is_typed_for_the_other(site: Site) -> None:
    page = site.templates.from_string(PAGE)
    put_in_force = {"messages": [Message(constants.SUCCESS, IN_FORCE)]}
    site.answers["/console/fees/"] = in_turn(
        answer(page.render(HEAD | fees("much")), 422), answer(page.render(HEAD | fees("") | put_in_force))
    )
    site.show(PAGE, **fees(""))
    rate, other = site.page.locator("#percent_hyperliquid"), site.page.locator("#percent_aster")
    button = site.page.locator("#put_hyperliquid")
    other.fill("0.05")
    rate.fill("much")
    button.click()
    expect(site.page.locator("#error_percent_hyperliquid")).to_have_text(
        "This is not a number. Type a rate such as 0.025."
    )
    expect(other).to_have_value("0.05")

    rate.fill("")
    button.press("Enter")
    expect(site.notes).to_have_text([IN_FORCE])
    expect(site.page.locator("#error_percent_hyperliquid")).to_be_empty()
    expect(button).to_be_focused()
    expect(other).to_have_value("0.05")
