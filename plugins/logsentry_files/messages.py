"""What a reader and the child that unpacks for it say to each other.

A request is a `REQUEST` that carries the open file (SCM_RIGHTS, unix(7)), then the path and the first bytes, which have been
read. An answer is an `ANSWER` and its payload: blocks of content, then one message of another kind.
"""

from __future__ import annotations

import struct

REQUEST = struct.Struct("<I?dHI")
"""The number of the archive, whether it is a regular file, the largest ratio, the sizes of the path and of the first bytes."""

ANSWER = struct.Struct("<cIQI")
"""The kind of message, the number of the archive, how many bytes of the archive had been taken, the size of the payload."""

DATA = b"D"
END = b"E"
REFUSED = b"R"
"""The payload is the sentence for the user."""
SHORT = b"S"
"""There was not enough memory."""
