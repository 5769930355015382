"""Tells systemd that the server answers, for units of `Type=notify`; without systemd nothing happens.

Source: sd_notify(3): a datagram to the socket that NOTIFY_SOCKET names, whose first `@` stands for the NUL of an abstract address.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping


def tell(state: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Send a state, for instance `READY=1` or `STOPPING=1`. Answers whether there was anybody to tell."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as told:
        told.connect("\0" + address[1:] if address.startswith("@") else address)
        told.sendall(state.encode())
    return True
