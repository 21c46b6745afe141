"""The names of every key and channel of the live layer. What begins with one is written with ``…``.

========================================  ==========================================================================
``board:{venue}:{network}``               hash ``as_of`` (Unix ms), ``data`` (the whole board)
``lock:stream:{venue}:{network}``         held by the one process that follows the venue
``frames:{venue}:{network}``              hash: kind of frame → how many its process has heard
``clock:{venue}:{network}``               seconds that the venue's clock is ahead of ours, when that was asked last
``market:{venue}:{network}:{market}``     channel of public patches
``marks:{venue}:{network}``               channel of the marks of all markets
``{operator}:account:{account}``          channel of private patches and changes
``{channel}:state``                       full last state of any of these three, for those who come late
``{operator}:changes:{account}``          hash: fragment → Unix ms of its last change
``{operator}:turn:{account}``             how many changes of the account its pages were told of
``{operator}:shape:{account}``            hash: fragment → digest of its structure when last announced
``{operator}:looking``                    sorted set: account → Unix seconds until which somebody looks
``{operator}:read:account:{account}``     there while the account's orders and fills were read lately
``{operator}:lock:account:{account}``     held while a worker syncs the account
``{operator}:ending:account:{account}``   there from a command's end until the reading begins that shows what it did
``read:markets:{venue}:{network}``        there while the rules of a venue's markets were read lately
``looking:operators``                     sorted set: operator → as above
``looking:markets``                       sorted set: market channel → as above
``looking:arrivals``                      channel: somebody began to look at the account or market channel named
``live:control``                          channel every live application hears (it has to hear something)
``lock:task:{name}``                      held while a turn of a periodic task runs
``weather:{venue}:{network}:{egress}…``   list of what came of the newest requests to a venue, newest first, by door
``said:{venue}:{network}:{door}``         list of what a venue said of a halt, newest first, by door
``silences:{venue}:{network}:{egress}``   sorted set: an order to be silent → Unix ms until which
``since:{venue}:{network}:{egress}``      since when a venue has the weather it has, and which
``asking:{venue}:{network}``              there while an order was let through lately to ask if orders are taken again
``probe:{venue}:{network}``               there while a venue that is down was tried lately
``schedule:{venue}:{network}:handed``     sorted set: account → Unix seconds until which a worker has it
``schedule:{venue}:{network}:resting``    hash: account → failed readings in a row, Unix seconds until which it rests
``{operator}:freshness:{venue}:{network}``  ages of an operator's accounts by class; operator 0: of all together
``schedule:{venue}:{network}:strained``   there while the promises of freshness have no slack
``schedule:{venue}:{network}:whole``      there while an account nobody waits for was read whole lately
``schedule:{venue}:{network}:near``       who is nearest to a liquidation: operators, accounts, distances
``schedule:{venue}:{network}:measured``   there while the ages of all accounts were measured lately
``addresses``                             sorted set: address of ours → Unix seconds until which it has workers
``budget:{venue}:{network}:{egress}…``    what one address of ours spends at a venue (``trading.venues.budget``)
``limits:{venue}:{network}``              what a venue said last of its limits (``trading.metering``)
``allowance:{venue}:{network}…``          the requests that addresses have for life (``trading.venues.allowance``)
========================================  ==========================================================================
"""

from trading.venues.snapshots import Network, Venue
from trading.venues.weather import WORDS, Door

ADDRESSES = "addresses"
ARRIVALS = "looking:arrivals"
CONTROL = "live:control"
LOOKED_AT_MARKETS = "looking:markets"
OPERATORS_WITH_LOOKERS = "looking:operators"


def board(venue: Venue, network: Network) -> str:
    """Where the board of a venue lies."""
    return f"board:{venue}:{network}"


def stream_lock(venue: Venue, network: Network) -> str:
    """Held by the process that follows the venue."""
    return f"lock:stream:{venue}:{network}"


def stream_frames(venue: Venue, network: Network) -> str:
    """How many frames of each kind the process that follows the venue has heard, those it could not read included."""
    return f"frames:{venue}:{network}"


def clock_offset(venue: Venue, network: Network) -> str:
    """The venue's clock less ours in seconds, when that was asked last."""
    return f"clock:{venue}:{network}"


def market_channel(venue: Venue, network: Network, market: str) -> str:
    """The channel of a market's public patches, the same for every operator."""
    return f"market:{venue}:{network}:{market}"


def marks_channel(venue: Venue, network: Network) -> str:
    """The channel of all marks of a venue, for the market switcher."""
    return f"marks:{venue}:{network}"


def account_channel(operator_id: int, account_id: int) -> str:
    """The channel of one account's private patches."""
    return f"{operator_id}:account:{account_id}"


def state(channel: str) -> str:
    """Where the full last state of a channel lies, for those who come late. The channel's own name leads."""
    return f"{channel}:state"


def changes(operator_id: int, account_id: int) -> str:
    """When each fragment of an account's page last changed."""
    return f"{operator_id}:changes:{account_id}"


def turn(operator_id: int, account_id: int) -> str:
    """How many changes of an account its pages were told of: what was read before the last one is old."""
    return f"{operator_id}:turn:{account_id}"


def shape(operator_id: int, account_id: int) -> str:
    """What the structure of an account was when it was last announced."""
    return f"{operator_id}:shape:{account_id}"


def looking(operator_id: int) -> str:
    """Which accounts of an operator are looked at."""
    return f"{operator_id}:looking"


def whole_read(operator_id: int, account_id: int) -> str:
    """There while the account's orders and fills were read lately."""
    return f"{operator_id}:read:account:{account_id}"


def markets_read(venue: Venue, network: Network) -> str:
    """There while the rules of a venue's markets were read lately."""
    return f"read:markets:{venue}:{network}"


def account_lock(operator_id: int, account_id: int) -> str:
    """Held while a worker syncs the account."""
    return f"{operator_id}:lock:account:{account_id}"


def commands_ending(operator_id: int, account_id: int) -> str:
    """There from the end of a command until the reading begins that shows what it and all after it did."""
    return f"{operator_id}:ending:account:{account_id}"


def task_lock(name: str) -> str:
    """Held while one turn of a periodic task runs."""
    return f"lock:task:{name}"


def weather(venue: Venue, network: Network, egress: str, door: Door = Door.READ) -> str:
    """What came of the newest requests of a kind to a venue from one address of ours, or what it said to them all."""
    if door in WORDS:
        return said(venue, network, door)
    return f"weather:{venue}:{network}:{egress}" + ("" if door is Door.READ else f":{door}")


def said(venue: Venue, network: Network, door: Door) -> str:
    """What a venue's lists of markets, or its answers to orders, said of a halt: its word to everybody."""
    return f"said:{venue}:{network}:{door}"


def silences(venue: Venue, network: Network, egress: str) -> str:
    """For how long a venue told one address of ours to be silent."""
    return f"silences:{venue}:{network}:{egress}"


def since(venue: Venue, network: Network, egress: str) -> str:
    """The weather of a venue and since when, where it is not fine."""
    return f"since:{venue}:{network}:{egress}"


def asking(venue: Venue, network: Network) -> str:
    """There while an order was let through lately to ask whether a venue takes orders again."""
    return f"asking:{venue}:{network}"


def probe(venue: Venue, network: Network) -> str:
    """There while a venue that is down was tried lately."""
    return f"probe:{venue}:{network}"


def handed(venue: Venue, network: Network) -> str:
    """Which accounts workers have in their hands."""
    return f"schedule:{venue}:{network}:handed"


def resting(venue: Venue, network: Network) -> str:
    """Which accounts keep failing, and until when each is left alone."""
    return f"schedule:{venue}:{network}:resting"


def freshness(operator_id: int, venue: Venue, network: Network) -> str:
    """How old the accounts of an operator are, by class."""
    return f"{operator_id}:freshness:{venue}:{network}"


def whole_turn(venue: Venue, network: Network) -> str:
    """There while an account that nobody waits for was read whole lately, though nothing lay idle."""
    return f"schedule:{venue}:{network}:whole"


def strained(venue: Venue, network: Network) -> str:
    """There while the promises of freshness have no slack."""
    return f"schedule:{venue}:{network}:strained"


def measured(venue: Venue, network: Network) -> str:
    """There while the ages at a venue were measured lately."""
    return f"schedule:{venue}:{network}:measured"


def near(venue: Venue, network: Network) -> str:
    """Who is nearest to a liquidation."""
    return f"schedule:{venue}:{network}:near"


def budget(venue: Venue, network: Network, egress: str) -> str:
    """What one address of ours spends at a venue."""
    return f"budget:{venue}:{network}:{egress}"


def limits(venue: Venue, network: Network) -> str:
    """What a venue said last of its limits on us."""
    return f"limits:{venue}:{network}"


def allowance(venue: Venue, network: Network) -> str:
    """The requests that accounts have for life. The venue counts them wherever they come from: no address of ours."""
    return f"allowance:{venue}:{network}"
