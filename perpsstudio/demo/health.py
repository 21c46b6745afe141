"""Whether a host answers, asked the way a browser would ask."""

import http.client

from perpsstudio.embedded.ports import LOOPBACK


def answers(host: str, port: int, *paths: str) -> bool:
    """Whether the host's pages answer with a page or a redirect, and not with an error."""
    return all(_answers(host, port, path) for path in paths)


def _answers(host: str, port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        # The name goes into the request: not every system resolves *.localhost.
        connection.request("GET", path, headers={"Host": f"{host}:{port}"})
        return connection.getresponse().status < http.HTTPStatus.BAD_REQUEST
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
