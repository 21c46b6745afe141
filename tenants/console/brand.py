"""The brand's editor: type, look, publish."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from branding.drafts import sign_draft
from branding.forms import BrandForm, initial_of
from branding.publishing import NOTHING_YET, Draft, NotPublishable, Outdated, live_brand, live_draft, publish
from branding.theme import HARBOR, VANTA, Finding, Theme, findings
from tenants.access import MemberRequest, require_form, role_required
from tenants.models import Role

STARTS: dict[str, tuple[str, Theme]] = {"calm": ("Calm and light", HARBOR), "dense": ("Dense and dark", VANTA)}
CONFLICT = 409
# The theme's tokens in the words of somebody who looks at the page.
WORDS = {
    "bg": "the page",
    "s1": "panels",
    "s2": "fields",
    "s3": "switches",
    "line-strong": "an outline",
    "ink": "text",
    "ink2": "quiet text",
    "ink3": "muted text",
    "accent": "the accent",
    "accent-ink": "text",
    "accent-text": "text in the accent",
    "accent-wash": "the accent's wash",
    "up": "green",
    "down": "red",
    "warn": "amber",
    "up-wash": "the wash of green",
    "down-wash": "the wash of red",
    "warn-wash": "the wash of amber",
    "up-ink": "text",
    "down-ink": "text",
    "warn-ink": "text",
}
CHANGED_MEANWHILE = (
    "Somebody published another version while you were editing. What you typed is kept below; "
    "publish again to put it in place of that version."
)


@role_required(Role.OWNER)
@require_http_methods(["GET", "HEAD", "POST"])
def edit_brand(request: MemberRequest) -> HttpResponse:
    """Show the form with what is live, or publish what was typed."""
    if request.method == "POST":
        return _publish(request)
    version = _live_version()
    live = live_draft(request.operator.name)
    start = STARTS.get(request.GET.get("start", ""))
    draft = replace(live, theme=start[1]) if start else None
    form = BrandForm(initial=initial_of(draft or live, version), operator_id=request.operator.operator_id)
    return _render_editor(request, form, draft)


def _publish(request: MemberRequest) -> HttpResponse:
    form = _form_in(request)
    if not form.is_valid():
        return _render_editor(request, form, None, status=422)
    try:
        published = publish(request, form.draft, based_on=form.based_on_version)
    except NotPublishable:
        problem = gettext("This look cannot go live yet: what stands beside the preview has to be readable first.")
        return _render_editor(request, form, form.draft, problem, status=422)
    except Outdated:
        return _render_editor(request, form, form.draft, gettext(CHANGED_MEANWHILE), status=CONFLICT)
    said = gettext("Live now on every page.") if published else gettext("This is what is live already.")
    messages.success(request, said)
    return redirect("console_brand")


@role_required(Role.OWNER)
@require_form
def preview_brand(request: MemberRequest) -> HttpResponse:
    """What was typed, drawn but not saved: the fragment beside the form, or the whole page without scripts."""
    form = _form_in(request)
    draft = form.draft if form.is_valid() else None
    if not request.htmx:
        return _render_editor(request, form, draft)
    return render(request, "console/_brand_preview.html", _preview(request, form, draft) | {"is_fragment": True})


def _form_in(request: MemberRequest) -> BrandForm:
    return BrandForm(request.POST, request.FILES, operator_id=request.operator.operator_id)


def _render_editor(
    request: MemberRequest, form: BrandForm, draft: Draft | None, problem: str = "", status: int = 200
) -> HttpResponse:
    based_on = _live_version() if status == CONFLICT else form["based_on"].value()
    page = _preview(request, form, draft) | {"problem": problem, "starts": STARTS, "based_on": based_on or NOTHING_YET}
    return render(request, "console/brand.html", page, status=status)


def _preview(request: MemberRequest, form: BrandForm, draft: Draft | None) -> dict[str, Any]:
    """The preview of a draft; of what is live while the form makes no sense."""
    shown = draft or live_draft(request.operator.name)
    kept = form.chosen_logo if form.is_bound else shown.logo
    found = findings(shown.theme)
    return {
        "form": form,
        "kept_logo": kept.digest if kept else "",
        "frame_url": frame_url(request, shown),
        "logo_url": _logo_url(request, shown) if shown.logo else "",
        "blocking": _sentences(found, blocking=True),
        "advice": _sentences(found, blocking=False),
        "is_draft": draft is not None,
    }


def frame_url(request: MemberRequest, draft: Draft) -> str:
    """The address of the real terminal in a draft's look."""
    return f"{reverse('console_frame_terminal')}?{_signed(request, draft)}"


def _logo_url(request: MemberRequest, draft: Draft) -> str:
    return f"{reverse('console_frame_logo')}?{_signed(request, draft)}"


def _signed(request: MemberRequest, draft: Draft) -> str:
    return urlencode({"brand": sign_draft(request.operator.operator_id, draft)})


def _sentences(found: tuple[Finding, ...], *, blocking: bool) -> list[str]:
    return [_sentence(finding) for finding in found if finding.is_blocking is blocking]


def _sentence(finding: Finding) -> str:
    """A finding without the names of tokens, which only a developer knows."""
    kind, _, pair = finding.name.partition("-")
    front, _, ground = pair.partition("-on-")
    if kind != "contrast" or front not in WORDS or ground not in WORDS:
        return f"{finding.message[:1].upper()}{finding.message[1:]}."
    measured = f"a contrast of {finding.measured:.2f}:1"
    return (
        f"{WORDS[front].capitalize()} on {WORDS[ground]} has {measured}; it takes {finding.needed}:1 to be seen well."
    )


def _live_version() -> int:
    live = live_brand()
    return live.pk if live else NOTHING_YET
