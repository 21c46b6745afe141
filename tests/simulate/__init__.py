"""The scheduler and the budget in simulated time: a venue that counts for itself, accounts whose risk moves.

What decides is the platform's own code (``trading.services.schedule``, ``trading.venues.ledger``); what is simulated
is the clock, the prices, the traders and the venue.
"""
