"""The Aster venue: wire (bytes out), signing, decoding (bytes in), refusals (its codes), adapter."""
