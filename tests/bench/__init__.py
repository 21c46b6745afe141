"""``make bench``: our work beside a peer's in one run. Not tests: pytest collects nothing here.

Absolute times move with the machine and its load; the ratios of one run are what to compare.
"""
