"""An uploaded logo becomes a small PNG of our own making: what arrived is looked at and never passed on."""

import hashlib
import io
import warnings
from dataclasses import dataclass
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

FORMATS = ("PNG", "JPEG", "WEBP")
LARGEST_FILE = 1_000_000
SMALLEST_SIDE = 24
LARGEST_SIDE = 4096
KEPT_SIDE = 256


class NotALogo(ValueError):
    """A file that cannot be the logo; the message is the sentence for the owner."""


@dataclass(frozen=True, slots=True)
class Logo:
    """Image bytes, their media type, and the digest by which the address changes with the image."""

    data: bytes
    content_type: str
    digest: str


def read_logo(file: BinaryIO, size: int) -> Logo:
    """Check an upload of ``size`` bytes and draw it anew as a PNG of at most 256 pixels a side. Raises ``NotALogo``."""
    if size > LARGEST_FILE:
        raise NotALogo(f"The file has {size / 1_000_000:.1f} MB; a logo may have 1 MB.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file, formats=FORMATS) as image:
                _check_sides(*image.size)
                return _drawn_anew(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise NotALogo(f"The image is too large; {LARGEST_SIDE} pixels a side are the most.") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError) as problem:
        if isinstance(problem, NotALogo):
            raise
        raise NotALogo("This is not a PNG, JPEG or WebP image that can be read.") from None


def _check_sides(width: int, height: int) -> None:
    if min(width, height) < SMALLEST_SIDE:
        raise NotALogo(f"The image is {width} × {height} pixels; at least {SMALLEST_SIDE} a side are needed.")
    if max(width, height) > LARGEST_SIDE:
        raise NotALogo(f"The image is {width} × {height} pixels; {LARGEST_SIDE} a side are the most.")


def _drawn_anew(image: Image.Image) -> Logo:
    drawn = image.convert("RGBA")
    drawn.thumbnail((KEPT_SIDE, KEPT_SIDE))
    # A fresh canvas: nothing but pixels comes along, no metadata and no profile.
    clean = Image.new("RGBA", drawn.size)
    clean.paste(drawn)
    output = io.BytesIO()
    clean.save(output, "PNG", optimize=True)
    data = output.getvalue()
    return Logo(data=data, content_type="image/png", digest=hashlib.sha256(data).hexdigest()[:16])
