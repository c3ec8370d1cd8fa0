"""Ids that we choose ourselves: where Nimble lets us, a lost answer can be asked after by id."""

import hashlib
import secrets
import time


def object_id() -> str:
    """A new 24-digit id of Nimble's shape: seconds since 1970, then randomness."""
    return f"{int(time.time()):08x}{secrets.token_hex(8)}"


def lease_token(holder: str = "") -> str:
    """A token that names one attempt; every finalising statement carries it. It begins with who holds it."""
    return f"{holder}{secrets.token_hex(8)}"


def holder(name: str) -> str:
    """The beginning of the tokens of one program, by its name (`push@host`)."""
    return f"{hashlib.sha256(name.encode()).hexdigest()[:12]}-"
