"""Synthetic venues: Hyperliquid and Aster with their real wire protocols; the independent witness of our clients.

It shares no wire code and no margin code with what it checks. It re-derives each hash from what arrived, recovers the
signer, keeps its own ledger and liquidates by definition at each mark; no liquidation price decides anything here.

- ``numbers`` ``markets`` ``prices`` ``book``: texts and ticks, market data, seeded price paths, the synthetic book
- ``rules`` ``refusals`` ``venues``: what the venues decide differently, how they say no, and which there are
- ``state`` ``ledger``: what is remembered, and what fills, margin transfers and funding do to it
- ``tape`` ``fills`` ``checks`` ``orders`` ``liquidation``: what happened, execution, refusals, an order's life
- ``engine``: all of it together, and time
- ``hyperliquid`` ``aster``: each venue's markets and rules, and the wire protocol over its engine; ``curve`` for both
- ``server`` ``doorway`` ``control`` ``faults`` ``storage``: HTTP doors, test controls, bad days, the ledger on disk

Money is ``Decimal`` throughout. Floats are met in ``prices`` alone, as noise, and leave it as prices on the tick.
It always counts as a test network.
"""
