"""Django's pages for a WSGI server: the fastest way to serve them where a proxy routes ``/live/`` elsewhere."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "perpsstudio.settings")

application = get_wsgi_application()
