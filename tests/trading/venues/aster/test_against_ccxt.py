"""An independent client signs the same texts with the same key to the same bytes; it writes v in capital letters,
which the venue takes (Aster 1.3)."""

import ccxt
import pytest

from tests.trading.venues.aster.cases import CASES
from tests.trading.venues.aster.figures import AGENT_KEY, agent
from trading.venues.aster import signing, wire
from trading.venues.base import Command, Network

CLIENT = ccxt.aster({"privateKey": AGENT_KEY})


@pytest.mark.parametrize("network", list(Network))
@pytest.mark.parametrize("command", [command for command, _, _ in CASES[::8]])
def test_a_request_is_signed_as_ccxt_signs_it(command: Command, network: Network) -> None:
    call = wire.call(command)
    CLIENT.options["v3ChainId"] = signing.AGENT_CHAIN[network]
    theirs = CLIENT.sign(f"fapi/v3/{call.name}", ["fapiPrivate"], call.method, dict(call.parameters))
    text, _, signature = theirs["body"].rpartition("&signature=")
    assert theirs["method"] == call.method
    assert text.endswith(f"&{call.text}" if call.text else "")
    key = agent().key
    assert key.sign(signing.text_digest(text, network)) == signature.lower()
    assert signing.recover(signing.text_digest(text, network), signature) == key.address
