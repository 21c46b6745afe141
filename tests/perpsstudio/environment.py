"""An environment in which nothing says where the product's parts are."""

import os

SETTINGS = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "AGENT_KEY_SECRETS", "DEBUG", "HTTPS"}
VENUE_SETTINGS = {"HYPERLIQUID_URL", "HYPERLIQUID_NETWORK", "HYPERLIQUID_DEXES", "ASTER_URL", "ASTER_NETWORK"}
BARE = {name: value for name, value in os.environ.items() if name not in SETTINGS | VENUE_SETTINGS | {"STATE", "PORT"}}
