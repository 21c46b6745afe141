"""What templates call: words in the page's language, and addresses."""

import pytest
from django.urls import reverse
from markupsafe import Markup

from branding.jinja import url, words


def test_words_are_written_as_they_stand_and_values_are_escaped() -> None:
    assert words("At most %(share)s of it, 100 %%.", share="<b>5</b>") == Markup(
        "At most &lt;b&gt;5&lt;/b&gt; of it, 100 %."
    )
    assert words("A share, 100 %%.") == Markup("A share, 100 %.")


def test_words_without_their_value_are_an_error() -> None:
    with pytest.raises(KeyError):
        words("At most %(share)s.")


def test_address_of_one_page_is_not_that_of_another() -> None:
    assert [url("close_dialog", 1), url("close_dialog", 2), url("close_dialog", 1)] == [
        reverse("close_dialog", args=[number]) for number in (1, 2, 1)
    ]
