"""Going on where a command was settled and the next one of the same wish has not been written down."""

import logging

from trading.connect import KeyUnreadable, trading_adapter
from trading.models import Command, VenueAccount
from trading.services.followups import carry_on, unfinished

logger = logging.getLogger(__name__)


def follow_up(account: VenueAccount) -> None:
    """Do what the account's settled commands leave to be done."""
    for command in unfinished(account):
        go_on(command)


def go_on(command: Command) -> None:
    """Do what a settled command leaves to be done; without its account's key that has to be left."""
    try:
        carry_on(trading_adapter(command.account), command)
    except KeyUnreadable as problem:
        logger.warning("Nothing can follow command %s: %s", command.pk, problem)
