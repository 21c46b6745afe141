"""The exchange's own fee on orders: where it is paid, how much, and who has approved it."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.db.models import Count, Q
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from tenants import audit
from tenants.access import MemberRequest, role_required
from tenants.models import Operator, Role
from tenants.wallet import WalletRefused, read_address
from trading.connect import configured_venues, gateway_of
from trading.models import BuilderFee, VenueAccount
from trading.models.approvals import HIGHEST_BUILDER_RATE
from trading.panels.numbers import plain
from trading.venues.snapshots import Network, Venue

# Tenths of a basis point, the finest that both venues take.
STEP = Decimal("0.001")
HIGHEST_PERCENT = HIGHEST_BUILDER_RATE * 100


class FeeForm(forms.Form):
    """Address and rate at one venue; both empty: nothing is charged there."""

    address = forms.CharField(required=False, max_length=60)
    percent = forms.CharField(required=False, max_length=12)

    def clean_address(self) -> str:
        typed = self.cleaned_data["address"].strip()
        try:
            return read_address(typed) if typed else ""
        except WalletRefused as problem:
            raise forms.ValidationError(str(problem)) from None

    def clean_percent(self) -> Decimal:
        typed = self.cleaned_data["percent"].strip().removesuffix("%").strip().replace(",", ".")
        try:
            percent = Decimal(typed or 0)
        except InvalidOperation:
            raise forms.ValidationError(gettext("This is not a number. Type a rate such as 0.025.")) from None
        if not (percent.is_finite() and 0 <= percent <= HIGHEST_PERCENT):
            raise forms.ValidationError(
                gettext("The venue allows 0 %% to %(highest)s %%.") % {"highest": plain(HIGHEST_PERCENT)}
            )
        if percent % STEP:
            raise forms.ValidationError(gettext("Fees have steps of 0.001 %."))
        return percent

    def clean(self) -> dict[str, Any]:
        address, percent = self.cleaned_data.get("address"), self.cleaned_data.get("percent")
        if percent and address == "":
            self.add_error("address", gettext("Say which address the fee is paid to."))
        if address and percent == 0:
            self.add_error("percent", gettext("Say how much. To charge nothing, empty both fields."))
        return self.cleaned_data


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueFee:
    """One venue's part of the page. ``approved`` of ``accounts`` may be charged the fee in force."""

    venue: Venue
    label: str
    needs: str
    form: FeeForm
    approved: int
    accounts: int
    is_charging: bool


@role_required(Role.OWNER)
@require_http_methods(["GET", "HEAD", "POST"])
def edit_fees(request: MemberRequest) -> HttpResponse:
    """Show what is charged at each venue, or change it at one."""
    if request.method != "POST":
        return _render(request, None, None)
    venue, network = _posted(request)
    form = FeeForm(request.POST)
    if not form.is_valid():
        return _render(request, venue, form, status=422)
    changed = _change(request, venue, network, form.cleaned_data["address"], form.cleaned_data["percent"] / 100)
    said = gettext("In force now, for every order from here on.") if changed else gettext("This is in force already.")
    messages.success(request, said)
    return redirect("console_fees")


def _posted(request: MemberRequest) -> tuple[Venue, Network]:
    for venue, network in configured_venues():
        if request.POST.get("venue") == venue.value:
            return venue, network
    raise Http404


@transaction.atomic
def _change(request: MemberRequest, venue: Venue, network: Network, address: str, rate: Decimal) -> bool:
    """Put the fee in force and on record; False where it is so already. Nobody is charged without approving it."""
    Operator.objects.select_for_update().get(pk=request.operator.operator_id)
    rows = BuilderFee.objects.filter(venue=venue, network=network)
    row = rows.first()
    before = _words(row.address, row.rate) if row else _words("", Decimal(0))
    after = _words(address, rate)
    if before == after:
        return False
    if address:
        rows.delete()
        BuilderFee(venue=venue, network=network, address=address, rate=rate).save()
    else:
        rows.delete()
    audit.record(
        request,
        action="exchange fee changed",
        subject=gateway_of(venue).label,
        before=before,
        after=after,
    )
    return True


def _words(address: str, rate: Decimal) -> dict[str, str]:
    if not address:
        return {"fee": "none"}
    return {"fee": f"{plain(rate * 100)} %", "paid to": address}


def _render(request: MemberRequest, venue: Venue | None, form: FeeForm | None, status: int = 200) -> HttpResponse:
    rows = {(row.venue, row.network): row for row in BuilderFee.objects.all()}
    connected = configured_venues()
    counts = _approvals(list(rows.values()))
    shown = [
        VenueFee(
            venue=one,
            label=gateway_of(one).label,
            needs=gettext(gateway_of(one).fee_receiver),
            form=form if one is venue and form is not None else FeeForm(initial=_initial(rows.get((one, network)))),
            approved=counts[one][0] if one in counts else 0,
            accounts=counts[one][1] if one in counts else 0,
            is_charging=(one, network) in rows,
        )
        for one, network in connected
    ]
    page = {"fees": shown, "highest": plain(HIGHEST_PERCENT)}
    return render(request, "console/fees.html", page, status=status)


def _initial(row: BuilderFee | None) -> dict[str, str]:
    return {"address": row.address, "percent": plain(row.rate * 100)} if row else {}


def _approvals(rows: Sequence[BuilderFee]) -> dict[Venue, tuple[int, int]]:
    """By venue: how many accounts have approved what is asked now, and how many there are."""
    counts = {}
    for row in rows:
        accounts = VenueAccount.objects.filter(venue=row.venue, network=row.network, is_current=True)
        is_approved = Q(builder=row.address, builder_fee__gte=row.rate)
        found = accounts.aggregate(all=Count("pk"), approved=Count("pk", filter=is_approved))
        counts[Venue(row.venue)] = (found["approved"], found["all"])
    return counts
