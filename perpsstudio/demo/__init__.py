"""The whole product on one machine with one command (``make run``, ``manage.py demo``).

``state`` keeps what outlives a run, ``programs`` lists what runs, ``supervisor`` keeps it running, ``health`` asks
whether it answers, and ``run`` puts them in order.
"""
