"""An exchange with very many traders, each with an account and ten events, and what support asks about them."""

import time
from collections.abc import Iterator
from random import Random

from django.core.management import call_command
from django.db import connection, models
from django.test import Client

from tenants.models import User
from tenants.scope import operator_scope
from tests.crowd import analyze, copy_row
from tests.factories import (
    ALICES_ADDRESS,
    browser_at,
    make_account,
    make_command,
    make_exchange,
    make_fill,
    make_margin_change,
    make_market,
)
from tests.records import make_funding, make_ledger_entry, make_setting_change
from trading.models import Fill, Market, VenueAccount
from trading.models.events import Step
from trading.services.events import record

REQUESTS, SEED = 200, 11
# The busiest account has one event of each of two kinds for every so many accounts.
BUSIEST_PART = 10
MOMENT = "now() - random() * interval '1 year'"


class NotAnAnswer(Exception):
    """The page said something other than 200: nothing is measured then."""


def answered(accounts: int) -> tuple[list[float], list[float]]:
    """The seconds of each search and of each page of a timeline."""
    call_command("migrate", verbosity=0)
    exchange = make_exchange("crowd", "alice", "olga", "sam")
    with operator_scope(exchange.operator.pk):
        busiest = make_account(exchange.trader, ALICES_ADDRESS, agent_key=b"")
        _fill(busiest, make_market("CROWD"), accounts)
        browser = browser_at(exchange, exchange.support)
        pages = _pages(Random(SEED), busiest, accounts // BUSIEST_PART)
        return _seconds(browser, _searches(Random(SEED))), _seconds(browser, pages)


def _fill(account: VenueAccount, market: Market, accounts: int) -> None:
    """So many traders with an account each, and ten events for each account."""
    command = make_command(account, market, state="accepted")
    record(command, Step.SETTLED, command.state)
    step, change = command.events.get(), make_margin_change(account, market, command)
    fill, funding, entry = make_fill(account, market), make_funding(account, market), make_ledger_entry(account)
    setting = make_setting_change(account, market)
    for row in (account.trader, account, command, step, change, fill, funding, entry, setting):
        _forget_references(row)
    _copy_people(account, accounts)
    for row, times in ((fill, 4), (funding, 3), (entry, 1)):
        for number in range(times):
            _copy_for(row, account, "true", key=f"'crowd {number}'", happened_at=MOMENT)
    _copy_for(setting, account, "mod(id, 4) = 1", happened_at=MOMENT)
    _copy_for(change, account, "mod(id, 4) = 3", happened_at=MOMENT, command_id="NULL", key="'crowd'")
    new = {"id": "gen_random_uuid()", "form_key": "gen_random_uuid()"}
    _copy_for(command, account, "mod(id, 2) = 0", **new, prepared_at=MOMENT)
    copy_row(step, "(SELECT id FROM trading_command) AS asked, generate_series(1, 2) AS n", command_id="asked.id")
    for row in (fill, funding):
        copy_row(row, f"generate_series(1, {accounts // BUSIEST_PART}) AS n", key="'busiest ' || n", happened_at=MOMENT)
    analyze()


def _copy_people(account: VenueAccount, count: int) -> None:
    copy_row(
        account.trader,
        f"generate_series(1, {count}) AS n",
        email="substr(md5(n::text), 1, 8) || n || '@crowd.example'",
        wallet="'0x' || md5('wallet' || n) || substr(md5(n::text), 1, 8)",
    )
    traders = "(SELECT id FROM tenants_user WHERE wallet <> '' ORDER BY id) AS trader"
    copy_row(account, traders, trader_id="trader.id", address="'0x' || md5(trader.id::text) || '00000000'")
    analyze()


def _copy_for(row: models.Model, account: VenueAccount, condition: str, **columns: str) -> None:
    """A copy for each of the other accounts that meet a condition."""
    others = f"(SELECT id FROM trading_venueaccount WHERE id <> {account.pk} AND {condition}) AS other"
    copy_row(row, others, account_id="other.id", **columns)


def _forget_references(row: models.Model) -> None:
    """Rows that are only read need no check of what they refer to, and come in half the time."""
    table = row._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute("SELECT conname FROM pg_constraint WHERE contype = 'f' AND conrelid = %s::regclass", [table])
        for (name,) in cursor.fetchall():
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')


def _searches(random: Random) -> Iterator[str]:
    """A third each by the beginning of an e-mail, a wallet and an address, some so short that very many begin so."""
    first, last = _copied()
    for number in range(REQUESTS):
        trader = User.objects.get(pk=random.randint(first, last))
        text = (trader.email, trader.wallet, trader.accounts.get().address)[number % 3]
        yield f"/support/?q={text[: random.choice((3, 5, 8, 12, len(text)))]}"


def _pages(random: Random, busiest: VenueAccount, events: int) -> Iterator[str]:
    """Half the first pages of anybody's, half any page of the busiest account's."""
    first, last = _copied()
    fills = Fill.objects.filter(account=busiest).order_by("pk")
    for number in range(REQUESTS):
        if number % 2:
            yield f"/support/traders/{random.randint(first, last)}/timeline/"
        else:
            fill = fills[random.randrange(events)]
            after = f"{fill.happened_at.isoformat()}~fill~{fill.pk}".replace("+", "%2B")
            yield f"/support/traders/{busiest.trader_id}/timeline/?after={after}"


def _copied() -> tuple[int, int]:
    """The first and the last id of the traders that were copied: those with a wallet."""
    ends = User.objects.exclude(wallet="").aggregate(first=models.Min("pk"), last=models.Max("pk"))
    return ends["first"], ends["last"]


def _seconds(browser: Client, addresses: Iterator[str]) -> list[float]:
    """The time of each request, after one that finds nothing built."""
    asked = list(addresses)
    _ask(browser, asked[0])
    return [_ask(browser, address) for address in asked]


def _ask(browser: Client, address: str) -> float:
    began = time.perf_counter()
    answer = browser.get(address)
    taken = time.perf_counter() - began
    if answer.status_code != 200:
        raise NotAnAnswer(f"{address}: {answer.status_code}")
    return taken
