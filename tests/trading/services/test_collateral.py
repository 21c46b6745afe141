"""Moves between two books that others deployed at the venue."""

from decimal import Decimal
from uuid import uuid4

from tests.factories import make_market
from tests.trading.conftest import Desk
from tests.trading.services.unstorable import unstorable  # noqa: F401  # fixture
from trading.models import Market
from trading.services.collateral import move_collateral


def deployed(dex: str) -> Market:
    market = make_market(f"{dex}:GOLD", dex=dex)
    Market.objects.filter(pk=market.pk).update(spec=market.spec | {"token": "USDC:0x6d1e7cde53ba9467b783cb7c530ce054"})
    return Market.objects.get(pk=market.pk)


def test_a_move_and_its_way_back_are_filed_under_the_same_market(desk: Desk) -> None:
    # Deployed books that this venue does not know: what is looked at is what is written down.
    one, two = deployed("one"), deployed("two")

    there = move_collateral(
        desk.adapter, desk.account, source=one, target=two, amount=Decimal(5), form_key=uuid4(), form={"way": "there"}
    )
    back = move_collateral(
        desk.adapter, desk.account, source=two, target=one, amount=Decimal(5), form_key=uuid4(), form={"way": "back"}
    )

    assert (there.intent["source"], back.intent["source"]) == ("one", "two")
    assert [there.market.name, back.market.name] == ["one:GOLD", "one:GOLD"]


def test_collateral_is_moved_though_what_the_account_has_cannot_be_stored(
    desk: Desk,
    unstorable: None,  # noqa: F811
) -> None:
    one, two = deployed("one"), deployed("two")

    command = move_collateral(
        desk.adapter, desk.account, source=one, target=two, amount=Decimal(5), form_key=uuid4(), form={"way": "there"}
    )

    assert command.intent["source"] == "one"
