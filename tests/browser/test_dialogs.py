"""Dialogs one after the other: each gets its own answers only, and is left only by who means to leave it."""

from functools import partial

from playwright.sync_api import Route, expect

from tests.browser.site import Answer, Site, answer

LINKS = """<a id="first" href="/first/" hx-get="/first/" hx-target="#dialogs">First</a>
<a id="second" href="/second/" hx-get="/second/" hx-target="#dialogs">Second</a>"""
WINDOW = """<dialog id="window" class="dialog" data-opens><header class="dialog-head"><h2>%s</h2></header>
<form hx-post="/send/" hx-target="#notices" hx-swap="afterbegin" hx-status:422="target:#preview swap:outerMorph"
      hx-status:5xx="swap:none"><input id="price" name="price"><button>Send</button><div id="preview">%s</div>
<p id="error_price"></p></form></dialog>"""
REFUSED = """<div id="preview"><p class="why"><span>Split it.</span> <time><span>3 s old</span></time></p></div>
<p id="error_price" class="field-error" hx-swap-oob="outerMorph">Too far.</p>"""
COUNT = "() => { window.done = 0; document.addEventListener('htmx:finally:request', () => { window.done += 1; }); }"
NO_ANSWER = "First: No answer arrived, so it is not known yet whether this was done."


def window(name: str) -> Answer:
    return answer(WINDOW % (name, f"of the {name.lower()}"))


def leave_on_its_way(site: Site) -> Route:
    """The first dialog is left while its form is on its way; the second one is open."""
    waiting: dict[str, Route] = {}
    site.show_content(LINKS)
    site.answers |= {"/first/": window("First"), "/second/": window("Second")}
    site.answers["/send/"] = partial(waiting.__setitem__, "/send/")
    site.page.locator("#first").click()
    site.page.get_by_role("button", name="Send").click()
    site.until(lambda: "/send/" in waiting)
    site.page.keyboard.press("Escape")
    expect(site.page.locator("#window")).to_have_count(0)
    site.page.locator("#second").click()
    expect(site.page.locator("#preview")).to_have_text("of the second")
    return waiting["/send/"]


def test_refusal_of_a_form_that_was_left_is_said_and_not_put_into_another(site: Site) -> None:
    leave_on_its_way(site).fulfill(status=422, body=REFUSED, content_type="text/html")

    expect(site.page.locator("#window .toast-title")).to_have_text("First: Split it. Too far.")
    expect(site.page.locator("#preview")).to_have_text("of the second")
    expect(site.page.locator("#error_price")).to_be_empty()


def test_form_that_was_left_and_got_no_answer_is_named(site: Site) -> None:
    leave_on_its_way(site).fulfill(status=503, body="", content_type="text/html")

    expect(site.page.locator("#window .toast-title")).to_contain_text(NO_ANSWER)
    expect(site.page.locator("#preview")).to_have_text("of the second")


def test_form_that_was_left_and_is_carried_out_is_told_as_any_other(site: Site) -> None:
    leave_on_its_way(site).fulfill(body="<p>Done</p>", content_type="text/html")

    expect(site.page.locator("#notices")).to_have_text("Done")
    expect(site.page.locator("#preview")).to_have_text("of the second")
    expect(site.page.locator("#window .toast")).to_have_count(0)


def test_dialog_that_comes_late_takes_no_later_ones_place(site: Site) -> None:
    waiting: dict[str, Route] = {}
    site.show_content(LINKS)
    site.page.evaluate(COUNT)
    site.answers |= {"/first/": partial(waiting.__setitem__, "/first/"), "/second/": window("Second")}
    site.page.locator("#first").click()
    site.until(lambda: "/first/" in waiting)
    site.page.locator("#second").click()
    expect(site.page.locator("#window h2")).to_have_text("Second")
    site.page.locator("#price").fill("86000")
    waiting["/first/"].fulfill(body=WINDOW % ("First", "of the first"), content_type="text/html")
    site.page.wait_for_function("() => window.done === 2")

    expect(site.page.locator("#window h2")).to_have_text("Second")
    expect(site.page.locator("#price")).to_have_value("86000")


def test_dialog_is_left_by_a_press_beside_it_and_by_no_other(site: Site) -> None:
    site.show_content(LINKS)
    site.answers["/first/"] = window("First")
    site.page.locator("#first").click()
    dialog, mouse = site.page.locator("#window"), site.page.mouse
    box, field = dialog.bounding_box(), site.page.locator("#price").bounding_box()
    assert box
    assert field
    beside, within = (box["x"] - 20, box["y"] + 20), (box["x"] + 3, box["y"] + 3)

    mouse.click(*within)
    mouse.move(field["x"] + 5, field["y"] + 5)
    mouse.down()
    mouse.move(*beside)
    mouse.up()
    mouse.move(*beside)
    mouse.down(click_count=2)
    mouse.up(click_count=2)
    expect(dialog).to_be_visible()

    mouse.click(*beside)
    expect(dialog).to_have_count(0)
