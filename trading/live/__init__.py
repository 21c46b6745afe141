"""Live numbers: who publishes them, where they lie, and how they reach a page.

``manage.py stream`` follows the venue, keeps the *board* (public market state) in Redis and renders patches: public
ones once for everybody, private ones only for accounts that somebody looks at. ``live.app`` admits a page by a signed
ticket and passes on what its channels carry. Workers tell through ``live.publish`` that an account has changed.

What a page receives, as server-sent events:

``patch``     ``{key: text}`` or ``{key: {"text", "class", "value", "datetime"}}``: numbers to be written into place.
              A key is an id or a ``data-live`` name; ``now`` carries the server's clock (ISO 8601).
``fragment``  HTML whose root takes the place of the element with its id: the order book, rendered once for everybody.
``refresh``   names of fragments whose structure changed and that have to be fetched again, separated by spaces.

Ages travel as moments (``datetime``), never as texts alone: a page counts them by its own clock, set right by ``now``,
so they stay true exactly when nothing comes any more. ``now`` comes on connecting and every few seconds.

Keys and channels are named in ``keys``: what belongs to an operator begins with the operator's id, public market data
is shared by all of them.
"""
