"""Host names of an operator's own: claimed, proven by a record in DNS, in force, given up.

A claim leads nowhere and stands in nobody's way, so that no one can take a name by being first to type it. What proves
it is a text record at a name of its own below the host, which only whoever holds the domain can write. Where a host
leads is decided by ``tenants.hosts`` alone, from the rows of ``Domain``.
"""

import re
import secrets
from datetime import datetime

from django.conf import settings
from django.core.cache import cache
from django.db import IntegrityError, transaction

from tenants.hosts import HOST, forget_hosts
from tenants.models import Domain, DomainClaim
from tenants.names import NamesSilent, texts_of
from tenants.scope import required_scope

PROOF_LABEL = "_perpsstudio"
MOST_CLAIMS = 20
# Longer than a lookup may take: of all the threads that serve pages, one operator's checks hold one at most.
BETWEEN_CHECKS_SECONDS = 5
LONGEST_HOST = 120
NOT_A_HOST = "That is no host name. Write it as in trade.example.com, without a port."
GIVEN = "Addresses under {host} are given out by the platform."
TAKEN = "The record is there, but this name leads to an exchange already. Ask the platform."
NOT_THERE = "The text record was not found. New records may take an hour until everybody sees them."
OTHER = "There is a text record, but with another value."
SILENT = "DNS did not answer. Try again in a minute."
JUST_CHECKED = "Checked a moment ago. Try again in five seconds."
TOO_MANY = "That is more than can be waiting at once. Remove one first."
ALREADY = "This name is in your list already."
IN_USE = "You are at this address now. Come through another one to remove it."


class DomainRefused(Exception):
    """A change of the names that cannot be; the text says why."""


def read_host(typed: str) -> str:
    """A host name as DNS has it, from what people type or copy. Raises ``DomainRefused``.

    >>> read_host(" https://Trade.Example.com/trade/BTC/ ")
    'trade.example.com'
    """
    host = re.sub(r"^[a-z]+://", "", typed.strip().lower()).partition("/")[0].rstrip(".")
    is_name = HOST.fullmatch(host) and "." in host and ":" not in host and not host.rpartition(".")[2].isdigit()
    if not is_name or len(host) > LONGEST_HOST:
        raise DomainRefused(NOT_A_HOST)
    if host == settings.PLATFORM_HOST or host.endswith(f".{settings.PLATFORM_HOST}"):
        raise DomainRefused(GIVEN.format(host=settings.PLATFORM_HOST))
    return host


def record_name(claim: DomainClaim) -> str:
    """Where the text record of a claim belongs."""
    return f"{PROOF_LABEL}.{claim.host}"


def claim_host(typed: str) -> DomainClaim:
    """Write down that the operator in scope wants a host name. Raises ``DomainRefused``."""
    host = read_host(typed)
    if Domain.objects.filter(host=host, operator_id=required_scope()).exists():
        raise DomainRefused(ALREADY)
    if DomainClaim.objects.filter(proven_at=None).count() >= MOST_CLAIMS:
        raise DomainRefused(TOO_MANY)
    claim = DomainClaim(host=host, token=secrets.token_hex(16))
    try:
        with transaction.atomic():
            claim.save()
    except IntegrityError:
        raise DomainRefused(ALREADY) from None
    return claim


def is_proven(claim: DomainClaim, now: datetime) -> bool:
    """Ask DNS for the proof of a claim that waits, outside any transaction; what is missing stands in the claim.

    Raises ``DomainRefused`` while, or a moment after, another claim of the operator is asked for.
    """
    if not cache.add(f"operator:{claim.operator_id}:dns", 1, BETWEEN_CHECKS_SECONDS):
        raise DomainRefused(JUST_CHECKED)
    if not DomainClaim.objects.filter(pk=claim.pk, proven_at=None).update(checked_at=now):
        return False
    try:
        texts = texts_of(record_name(claim))
    except NamesSilent:
        return _note(claim, SILENT)
    if claim.token not in texts:
        return _note(claim, OTHER if texts else NOT_THERE)
    return True


def put_in_force(claim: DomainClaim, now: datetime) -> bool:
    """Let a name that was proven lead to its operator, unless it leads to an exchange already."""
    try:
        with transaction.atomic():
            if not DomainClaim.objects.filter(pk=claim.pk, proven_at=None).update(proven_at=now, problem=""):
                return False
            Domain.objects.create(host=claim.host, operator_id=claim.operator_id)
    except IntegrityError:
        return _note(claim, TAKEN)
    return True


def _note(claim: DomainClaim, problem: str) -> bool:
    DomainClaim.objects.filter(pk=claim.pk).update(problem=problem)
    return False


@transaction.atomic
def give_up(claim: DomainClaim, here: str) -> bool:
    """Take a name off the list, and out of force where its claim put it there: names that the platform gave stay. Says
    whether it was there to be removed. Raises ``DomainRefused`` for the host ``here`` that asks for it."""
    # A check that proves the name at this moment holds the same row: what it writes is seen here or never written.
    held = DomainClaim.objects.select_for_update().filter(pk=claim.pk).first()
    if held is None:
        return False
    if held.proven_at and held.host == here.partition(":")[0].lower():
        raise DomainRefused(IN_USE)
    held.delete()
    if held.proven_at:
        Domain.objects.filter(host=held.host, operator_id=held.operator_id).delete()
    transaction.on_commit(forget_hosts)
    return True
