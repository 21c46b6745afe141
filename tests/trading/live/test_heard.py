"""What a stream may claim to know, and from when."""

from tests.trading.live.prices import at, state
from trading.live.board import NOTHING_KNOWN, Board
from trading.live.heard import Heard
from trading.venues.streaming import Disconnected, SignOfLife, StateFrame, Unreadable


def test_every_frame_confirms_what_the_same_connection_said_before() -> None:
    heard = Heard(NOTHING_KNOWN)
    heard.listen(StateFrame(state("BTC", "86000")), at(0))
    heard.listen(SignOfLife("pong"), at(5))

    assert heard.board() == Board({"BTC": state("BTC", "86000")}, at(5), {})


def test_market_that_this_connection_has_not_told_keeps_its_own_time() -> None:
    heard = Heard(Board({"BTC": state("BTC", "85000"), "ETH": state("ETH", "3000")}, at(-60)))
    heard.listen(StateFrame(state("BTC", "86000")), at(0))
    board = heard.board()

    assert (board.as_of, board.lagging) == (at(0), {"ETH": at(-60)})
    assert (board.time_of("BTC"), board.time_of("ETH")) == (at(0), at(-60))


def test_after_a_break_nothing_is_current_until_it_is_told_again() -> None:
    heard = Heard(NOTHING_KNOWN)
    heard.listen(StateFrame(state("BTC", "86000")), at(0))
    heard.listen(SignOfLife("pong"), at(2))
    heard.listen(Disconnected("cut"), at(30))
    assert heard.board().as_of == at(2)

    heard.listen(SignOfLife(""), at(31))
    assert heard.board().time_of("BTC") == at(2)

    heard.listen(StateFrame(state("BTC", "86100")), at(32))
    assert heard.board() == Board({"BTC": state("BTC", "86100")}, at(32), {})


def test_unreadable_frame_makes_every_market_doubtful() -> None:
    heard = Heard(NOTHING_KNOWN)
    heard.listen(StateFrame(state("BTC", "86000")), at(0))
    heard.listen(Unreadable("markPx"), at(1))
    heard.listen(StateFrame(state("ETH", "3000")), at(2))

    assert heard.board().lagging == {"BTC": at(0)}


def test_reading_fills_gaps_and_never_overwrites_the_stream() -> None:
    heard = Heard(NOTHING_KNOWN)
    heard.listen(StateFrame(state("BTC", "86000")), at(0))
    heard.read([state("BTC", "85000"), state("ETH", "3000")], at(1))

    assert {name: row.mark for name, row in heard.board().states.items()} == {"BTC": 86000, "ETH": 3000}


def test_nothing_heard_is_nothing_known() -> None:
    heard = Heard(NOTHING_KNOWN)
    heard.listen(SignOfLife(""), at(0))

    assert not heard.board().is_known
