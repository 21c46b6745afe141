"""What the console's previews say of themselves when no answer comes."""

import re

import pytest

from tests.factories import Exchange, browser_at
from trading.models import Market

LATE = "This could not be worked out just now; what stands here is from before."


@pytest.mark.parametrize("name", ["brand", "margin", "markets"])
def test_preview_brings_the_line_that_is_shown_when_it_could_not_be_renewed(
    alpha: Exchange, market: Market, name: str
) -> None:
    owner = browser_at(alpha, alpha.owner)
    page = owner.get(f"/console/{name}/").content.decode()

    (line,) = re.findall(
        rf'hx-post="/console/{name}/preview/"[^>]*>\s*<header.*?</header>\s*<p ([^>]*)>{re.escape(LATE)}</p>',
        page,
        re.DOTALL,
    )
    assert line == 'class="finding" role="status" data-late hidden'
