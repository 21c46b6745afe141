"""Live numbers: who publishes them, where they lie, and how they reach a page.

``manage.py stream`` follows the venue, keeps the *board* (public market state) in Redis and renders patches: public
ones once for everybody, private ones only for accounts that somebody looks at. ``live.app`` admits a page by a signed
ticket and passes on what its channels carry. Workers tell through ``live.publish`` that an account has changed.

What a page receives, as server-sent events:

``patch``    ``{id: text}`` or ``{id: {"text": …, "class": …, "value": …}}``: numbers to be written into place.
``changed``  the name of a fragment that has to be fetched again, because structure changed and not only a number.
``clock``    the server's time as Unix milliseconds: on connecting and every ten seconds, as a heartbeat.

A ``patch`` carries the moment its numbers are from (ISO 8601, as the ``value`` of an age), so a page can count their
age by itself when nothing comes any more.

Keys and channels are named in ``keys``: what belongs to an operator begins with the operator's id, public market data
is shared by all of them.
"""
