"""Django's pages for a WSGI server: the fastest way to serve them where a proxy routes ``/live/`` elsewhere."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "perpsstudio.settings")

application = get_wsgi_application()
# Django would import every view at the first request; here a server that answers has them already.
get_resolver().url_patterns  # noqa: B018  # a cached property
