"""Pages and live streams behind one port.

``/live/`` goes to the raw-ASGI stream application, everything else to Django's WSGI handler in a thread pool: Django
under ASGI would serve a sixth of the pages. Where a proxy can route ``/live/`` to a process of its own, serve
``perpsstudio.wsgi`` and ``trading.live.app`` separately and gain another third.
"""

from typing import Any, cast

from a2wsgi import WSGIMiddleware
from asgiref.typing import ASGI3Application, ASGIReceiveCallable, ASGIReceiveEvent, ASGISendCallable, Scope

from perpsstudio.wsgi import application as pages
from trading.live.app import application as live

# As many threads as the database pool has connections.
PAGE_THREADS = 8

# Both libraries describe the same two protocols, each with types of its own.
_pages = cast("ASGI3Application", WSGIMiddleware(cast("Any", pages), workers=PAGE_THREADS))


async def application(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """The ASGI root."""

    async def received() -> ASGIReceiveEvent:
        # a2wsgi wants a coroutine of each event of a form's body, and granian hands out another kind of awaitable.
        return await receive()

    if scope["type"] == "http" and not scope["path"].startswith("/live/"):
        await _pages(scope, received, send)
    else:
        await live(scope, receive, send)
