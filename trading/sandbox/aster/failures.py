"""The venue's own ways to say no that no rule of margin knows: codes with their texts (Aster rules 3.8)."""

from trading.sandbox.refusals import RefusedError


def _failure(code: int, text: str) -> RefusedError:
    return RefusedError(text, None, code)


def missing(name: str) -> RefusedError:
    return _failure(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def unwanted(name: str) -> RefusedError:
    return _failure(-1106, f"Parameter '{name}' sent when not required.")


def illegal(name: str) -> RefusedError:
    return _failure(-1100, f"Illegal characters found in parameter '{name}'.")


def invalid(name: str) -> RefusedError:
    return _failure(-1130, f"Data sent for parameter '{name}' is not valid.")


def too_precise() -> RefusedError:
    return _failure(-1111, "Precision is over the maximum defined for this asset.")


def bad_symbol() -> RefusedError:
    return _failure(-1121, "Invalid symbol.")


def bad_signature() -> RefusedError:
    return _failure(-1022, "Signature for this request is not valid.")


def check_failed() -> RefusedError:
    return _failure(-1130, "Signature check failed")


def not_permitted() -> RefusedError:
    return _failure(-2015, "Invalid API-key, IP, or permissions for action.")


def unknown_key() -> RefusedError:
    return _failure(-2014, "API-key format invalid.")


def nonce() -> RefusedError:
    return _failure(-4225, "Nonce Expired")


def outside_window() -> RefusedError:
    return _failure(-1021, "Timestamp for this request is outside of the recvWindow.")


def undeposited() -> RefusedError:
    return _failure(-5050, "This function can only be used after deposit")


def unknown_order() -> RefusedError:
    return _failure(-2013, "Order does not exist.")


def nothing_to_cancel() -> RefusedError:
    return _failure(-2011, "Unknown order sent.")


def no_listen_key() -> RefusedError:
    return _failure(-1125, "This listenKey does not exist.")


def other(code: int, text: str) -> RefusedError:
    return _failure(code, text)
