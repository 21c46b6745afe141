"""PostgreSQL and Valkey without an installation, for newcomers and for tests.

``postgres`` and ``valkey`` know one server each, ``accounts`` under whose account PostgreSQL may run, ``processes``
how children are started and never left behind. ``python -m perpsstudio.embedded -- COMMAND`` runs a command with both
servers, on data that is deleted afterwards. Production sets ``DATABASE_URL`` and ``REDIS_URL`` instead.
"""
