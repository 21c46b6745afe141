"""The product's settings, with two more addresses to compare with."""

from perpsstudio.settings import *  # noqa: F403

ROOT_URLCONF = "tests.bench.site"
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = False
SESSION_COOKIE_NAME = "session"
