"""Whether a host answers, asked the way a browser would ask."""

import http.client

from perpsstudio.embedded.ports import LOOPBACK


def answers(host: str, port: int, path: str = "/healthz") -> bool:
    """Whether the host's page answers 200. The name goes into the request: not every system resolves *.localhost."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": f"{host}:{port}"})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
