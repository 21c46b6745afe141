"""Meters of a gate, as the tests of its budget fill them, and what a venue answers."""

from trading.venues.ledger import Answer, Meter

MINUTE = Meter("budget:test:minute", 1200)
ORDERS = Meter("budget:test:orders", 30, 10.0)
KEEPING = Meter("budget:test:keeping", 1200, kept=288)
CLEAN = Answer()
SLOW = Answer(slow_down=True)
