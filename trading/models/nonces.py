"""Where each signer's sequence of nonces stands."""

from django.db import models


class SignerNonce(models.Model):
    """The last nonce of one signer at one venue. No operator owns it: the same key may be given to several accounts,
    also of several operators, and the venue counts its nonces once (Hyperliquid 5.3, Aster 1.3)."""

    # A digest of venue, network and the key's address: no address stands here in clear.
    signer = models.CharField(max_length=64, primary_key=True)
    last = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.signer[:8]}… at {self.last}"
