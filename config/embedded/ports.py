"""Choose ports on loopback below the range that the system hands to outgoing connections."""

import random
import socket

from config.embedded.errors import NoFreePort

FIRST, LAST = 20_000, 32_000


def is_free(port: int) -> bool:
    """Return whether a server could listen on that port of 127.0.0.1 now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Connections of a server that has just ended must not count as a server.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def choose(remembered: int | None, others: frozenset[int] = frozenset()) -> int:
    """Return the remembered port while it is free, else another that is; raises `NoFreePort`."""
    if remembered is not None and remembered not in others and is_free(remembered):
        return remembered
    candidates = [port for port in range(FIRST, LAST + 1) if port not in others]
    # A random start keeps two families that begin at the same moment apart.
    random.shuffle(candidates)
    for port in candidates:
        if is_free(port):
            return port
    raise NoFreePort(first=FIRST, last=LAST)
