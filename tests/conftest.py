"""Fixtures every test may use."""

from pathlib import Path

import pytest
from django.conf import settings


@pytest.fixture(scope="session")
def venue_data() -> Path:
    """The folder of recorded venue payloads: required in CI, optional in a lone clone."""
    folder = Path(settings.VENUE_DATA)
    if not folder.is_dir():
        message = f"recorded venue payloads are not at {folder}; set VENUE_DATA to their folder"
        if settings.CI:
            pytest.fail(message)
        pytest.skip(message)
    return folder
