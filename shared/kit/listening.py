"""The address to listen on, taken before anything heavy begins, so that a taken one is known at once."""

import socket

from shared.kit.life import CannotStart


class CannotListen(CannotStart):
    """The address is taken or not ours; the message says what to do."""


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket bound to the address; connections are refused until the server listens. Raises CannotListen."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise cannot_listen(host, port, error) from error
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise cannot_listen(host, port, error) from error
    return bound


def cannot_listen(host: str, port: int, error: OSError) -> CannotListen:
    return CannotListen(
        f"cannot listen on {host} port {port}: {error.strerror or error}. "
        "Stop the program that has it, or set LICENSING_PORT (and LICENSING_HOST) to another."
    )
