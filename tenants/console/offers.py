"""The operator's choice of markets as rows, and as a change on record."""

from collections.abc import Mapping, Sequence

from django.db import transaction
from django.utils import timezone

from tenants import audit
from tenants.access import MemberRequest
from tenants.console.market_consequences import decisions, recorded
from tenants.console.market_facts import MarketFacts
from tenants.console.market_form import MarketsForm
from tenants.console.policies import NEVER_CHANGED, Outdated, hold_offers
from tenants.models import MarginPolicy, MarketChoice
from tenants.policy import MarketKey, MarketOffer, Policy
from trading.markets import policy_in_force


def version_in_force() -> str:
    """What tells one state of the choice from the next."""
    changed_at = MarginPolicy.objects.values_list("markets_changed_at", flat=True).first()
    return changed_at.isoformat() if changed_at else NEVER_CHANGED


@transaction.atomic
def change_markets(request: MemberRequest, known: Policy, markets: Sequence[MarketFacts], form: MarketsForm) -> bool:
    """Put a choice in force, at once and on record; False where it is in force already.

    Markets that the form does not decide about stay as they are. Raises ``Outdated``, also where the venues are others
    than in the policy that the form was read under (``known``): what it leaves open may be at none of them.
    """
    hold_offers(request)
    policy = policy_in_force()
    if version_in_force() != form.based_on or policy.venues != known.venues:
        raise Outdated
    made = decisions(policy, markets, form)
    before, after = recorded(policy, made, offers_new=form.offers_new)
    if not after:
        return False
    _write(policy, form)
    audit.record(request, action="markets changed", subject="markets", before=before, after=after)
    return True


def _write(policy: Policy, form: MarketsForm) -> None:
    """One row for each market that deviates from what holds for all, and for each that the form left alone."""
    row = MarginPolicy.objects.first() or MarginPolicy()
    row.offers_new_markets = form.offers_new
    row.markets_changed_at = timezone.now()
    row.save(update_fields=["offers_new_markets", "markets_changed_at"] if row.pk else None)
    usual = MarketOffer(is_offered=form.offers_new)
    left_alone = {key: offer for key, offer in policy.markets.items() if key not in form.offers}
    decided = {key: offer for key, offer in form.offers.items() if offer != usual}
    MarketChoice.objects.all().delete()
    MarketChoice.objects.bulk_create(_rows(left_alone | decided))


def _rows(offers: Mapping[MarketKey, MarketOffer]) -> list[MarketChoice]:
    return [
        MarketChoice(
            venue=venue.value,
            name=name,
            is_offered=offer.is_offered,
            place=offer.place,
            leverage_cap=offer.leverage_cap,
        )
        for (venue, name), offer in offers.items()
    ]
