"""What DNS says of a name."""

from dns.exception import DNSException
from dns.resolver import NXDOMAIN, NoAnswer, Resolver

PATIENCE_SECONDS = 4.0


class NamesSilent(Exception):
    """No name server gave an answer that can be used."""


def texts_of(name: str) -> tuple[str, ...]:
    """The text records of a name, each in one piece; none where there is no such name. Raises ``NamesSilent``."""
    try:
        answer = resolver().resolve(f"{name}.", "TXT", lifetime=PATIENCE_SECONDS)
    except (NXDOMAIN, NoAnswer):
        return ()
    except DNSException as problem:
        raise NamesSilent(str(problem)) from problem
    return tuple(b"".join(record.strings).decode(errors="replace") for record in answer)


def resolver() -> Resolver:
    """The name servers that this machine uses, and no memory of what they said: a record may be a second old."""
    return Resolver()
