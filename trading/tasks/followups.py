"""Going on where a command was settled and the next one of the same wish has not been written down."""

import logging

from trading.connect import KeyUnreadable, trading_adapter
from trading.models import VenueAccount
from trading.services.followups import carry_on, unfinished

logger = logging.getLogger(__name__)


def follow_up(account: VenueAccount) -> None:
    """Do what the account's settled commands leave to be done; without its key that has to be left."""
    for command in unfinished(account):
        try:
            carry_on(trading_adapter(account), command)
        except KeyUnreadable as problem:
            logger.warning("Nothing can follow command %s: %s", command.pk, problem)
