"""Hyperliquid's wire protocol as the sandbox speaks it."""
