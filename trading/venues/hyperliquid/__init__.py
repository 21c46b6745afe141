"""The Hyperliquid venue: wire (bytes out), signing, parse (bytes in), refusals (its texts), adapter."""
