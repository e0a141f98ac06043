"""How bodies are written whose media types schemathesis does not know."""

import json

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def lines(_context, value):
    """One JSON object a line."""
    values = value if isinstance(value, list) else [value]
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


@schemathesis.serializer("application/zip")
def archive(_context, value):
    """Bytes that are no archive: what must be refused in words."""
    return value if isinstance(value, bytes) else str(value).encode()
