"""Thousands of commands through a bad day, and what the venue's own record says of each afterwards.

``python -m tests.chaos`` runs a venue, PostgreSQL and Valkey of its own, several processes that trade, real Celery
workers that settle and read, and the followers of both venues' streams. Requests are delayed, cut, refused, garbled,
executed late or twice; frames come out of order, twice or never; a process is killed with SIGKILL every two seconds and
at every point of a command's path, the database dies once and the broker forgets all. Then every command is compared
with what the venue did, and every account's rows, as they stand, with what the venue says.
"""
