"""Aster: its markets and rules, and its REST and websocket wire over the engine."""
