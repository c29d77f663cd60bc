"""Bytes as text that a page holds, and that its scripts inflate."""

import base64
import zlib


def deflated(content: bytes) -> str:
    """Return bytes deflated, in base 64.

    >>> zlib.decompress(base64.b64decode(deflated(b"weights")))
    b'weights'
    """
    return base64.b64encode(zlib.compress(content, 9)).decode()
