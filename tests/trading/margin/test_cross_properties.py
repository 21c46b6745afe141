"""What must hold of every cross account, by the venue's definition and not by our formula."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.trading.margin.strategies import NEAR, STEP, accounts, cross_spare_at, decimals, positions
from trading.margin.cross import collateral, liquidations, remarked
from trading.margin.isolated import liquidation
from trading.margin.types import Account, AccountMode, Basis, Liquidation, MarginMode, NoLiquidation, Position

FEW = settings(max_examples=50, deadline=None)


def is_closer(held: Position, before: Liquidation, after: Liquidation) -> bool:
    """Whether a liquidation price moved towards the losing side's start, or nowhere."""
    if held.size > 0:
        return (before.price or Decimal(0)) <= (after.price or Decimal(0))
    return (after.price or Decimal(0)) <= (before.price or Decimal(0))


@FEW
@given(accounts())
def test_at_each_cross_price_the_accounts_equity_equals_its_maintenance(account: Account) -> None:
    for held, answer in zip(account.positions, liquidations(account), strict=True):
        if held.mode is MarginMode.ISOLATED:
            assert answer == liquidation(held)
            continue
        if answer.price is None:
            continue
        scale = account.cross_equity + abs(held.size) * (answer.price + held.mark_price)
        assert abs(cross_spare_at(account, held.market, answer.price)) <= NEAR * scale
        tick = held.side.sign * answer.price * STEP
        assert cross_spare_at(account, held.market, answer.price + tick) > 0
        assert cross_spare_at(account, held.market, answer.price - tick) < 0


@FEW
@given(accounts(), st.lists(decimals("0.001", "20", 3), min_size=3, max_size=5))
def test_a_cross_position_without_a_price_is_safe_or_lost_at_every_price(
    account: Account, factors: list[Decimal]
) -> None:
    for held, answer in zip(account.positions, liquidations(account), strict=True):
        if held.mode is MarginMode.CROSS and answer.price is None:
            spare = [cross_spare_at(account, held.market, held.mark_price * factor) for factor in factors]
            assert (answer.reason is NoLiquidation.COVERED) == (held.size > 0)
            assert min(spare) >= 0 if held.size > 0 else max(spare) <= 0


@FEW
@given(accounts(), decimals("0.1", "5", 2))
def test_more_maintenance_of_another_position_brings_every_cross_price_closer(
    account: Account, growth: Decimal
) -> None:
    cross = account.of_mode(MarginMode.CROSS)
    assume(len(cross) > 1)
    grown = replace(cross[0], size=cross[0].size * (1 + growth))
    heavier = Account.of([grown, *cross[1:]], account.cross_equity)
    before = liquidations(Account.of(cross, account.cross_equity))
    after = liquidations(heavier)
    assert all(is_closer(*rows) for rows in zip(cross[1:], before[1:], after[1:], strict=True))


@FEW
@given(accounts(), decimals("0.01", "5000", 2))
def test_equity_that_leaves_the_account_brings_every_cross_price_closer(account: Account, amount: Decimal) -> None:
    poorer = replace(account, cross_equity=account.cross_equity - amount)
    pairs = zip(account.positions, liquidations(account), liquidations(poorer), strict=True)
    for held, before, after in pairs:
        assert before == after if held.mode is MarginMode.ISOLATED else is_closer(held, before, after)


@FEW
@given(accounts(), decimals("0.5", "1.5", 3))
def test_an_own_move_of_the_mark_leaves_the_price_where_it_is(account: Account, factor: Decimal) -> None:
    held = account.positions[0]
    moved = remarked(account, {held.market: held.mark_price * factor})
    before, after = liquidations(account)[0], liquidations(moved)[0]
    assert before.reason is after.reason
    if before.price is not None and after.price is not None:
        assert abs(before.price - after.price) <= NEAR * (before.price + held.mark_price) * 1000


@FEW
@given(accounts(), decimals("-1000000", "1000000", 2))
def test_the_venues_prices_tell_the_collateral_that_was_hidden(account: Account, hidden: Decimal) -> None:
    priced = liquidations(account)
    assume(any(held.mode is MarginMode.CROSS and p.price for held, p in zip(account.positions, priced, strict=True)))
    quoted = tuple(
        replace(held, venue_liquidation=price) for held, price in zip(account.positions, priced, strict=True)
    )
    partial = replace(account, positions=quoted, cross_equity=account.cross_equity - hidden, mode=AccountMode.PORTFOLIO)
    behind = collateral(partial)
    assert (behind.basis, behind.reason) == (Basis.ANCHORED, None)
    for ours, theirs in zip(liquidations(partial), priced, strict=True):
        assert (ours.price is None) == (theirs.price is None)
        if ours.price is not None and theirs.price is not None:
            assert abs(ours.price - theirs.price) <= STEP * theirs.price


@FEW
@given(positions(MarginMode.CROSS, "A"), positions(MarginMode.CROSS, "B"), decimals("0.02", "2", 3))
def test_contradicting_prices_of_the_venue_are_no_basis(first: Position, second: Position, share: Decimal) -> None:
    account = Account.of([first, second], (first.notional + second.notional) * share)
    one, other = liquidations(account)
    assume(one.price is not None and other.price is not None)
    assert other.price is not None
    wrong = Liquidation(other.price * (1 + first.notional / second.notional + Decimal("0.01")))
    quoted = (replace(first, venue_liquidation=one), replace(second, venue_liquidation=wrong))
    answers = liquidations(replace(account, positions=quoted, mode=AccountMode.UNIFIED))
    assert [(answer.price, answer.reason) for answer in answers] == [(None, NoLiquidation.CONTRADICTORY_PRICES)] * 2


@FEW
@given(accounts(), decimals("0.5", "1.5", 3))
def test_the_mark_of_an_isolated_position_does_not_touch_cross_collateral(account: Account, factor: Decimal) -> None:
    buckets = sum((held.equity for held in account.of_mode(MarginMode.ISOLATED)), Decimal(0))
    unified = replace(account, mode=AccountMode.UNIFIED, spot_collateral=account.cross_equity + buckets)
    marks = {held.market: held.mark_price * factor for held in account.of_mode(MarginMode.ISOLATED)}
    behind = collateral(remarked(unified, marks))
    assert behind.basis is Basis.SPOT
    assert behind.equity is not None
    assert abs(behind.equity - account.cross_equity) <= NEAR * (account.cross_equity + abs(buckets) * 10)


@FEW
@given(accounts(), decimals("0.8", "1.2", 3), decimals("0", "1000000", 2))
def test_hidden_collateral_is_settled_before_the_marks_move(account: Account, factor: Decimal, hidden: Decimal) -> None:
    priced = liquidations(account)
    assume(any(held.mode is MarginMode.CROSS and p.price for held, p in zip(account.positions, priced, strict=True)))
    quoted = tuple(replace(held, venue_liquidation=p) for held, p in zip(account.positions, priced, strict=True))
    partial = replace(account, positions=quoted, cross_equity=account.cross_equity - hidden, mode=AccountMode.PORTFOLIO)
    marks = {held.market: held.mark_price * factor for held in account.positions}
    known, told = collateral(remarked(account, marks)), collateral(remarked(partial, marks))
    assert told.basis is Basis.ANCHORED
    assert known.equity is not None
    assert told.equity is not None
    assert abs(told.equity - known.equity) <= STEP * (abs(known.equity) + hidden + account.cross_equity)
