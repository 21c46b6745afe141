"""Our liquidation prices held against the venue's own, from raw payloads alone: no database, no network.

``hyperliquid`` and ``aster`` turn a venue's bytes into accounts, ``judging`` compares what the margin engine makes of
them with what the venue says, ``report`` writes the findings down for people and for programs.
"""
