"""The connect pages: how a trader's account comes here, is given a trading key, pays the fee, and leaves again."""
