"""Ids that we choose ourselves: where Nimble lets us, a lost answer can be asked after by id."""

import hashlib
import secrets
import time


def object_id() -> str:
    """A new 24-digit id of Nimble's shape: seconds since 1970, then randomness."""
    return f"{int(time.time()):08x}{secrets.token_hex(8)}"


# Who takes leases here: set when a worker starts, so that it can tell what its own killed predecessor was holding.
_holder = ""


def become(name: str) -> str:
    """This process is the one worker of this name (`push@host`); returns what its leases' tokens begin with."""
    global _holder
    _holder = f"{hashlib.sha256(name.encode()).hexdigest()[:12]}-"
    return _holder


def lease_token() -> str:
    """A token that names one attempt; every finalising statement carries it. It begins with who holds it."""
    return f"{_holder}{secrets.token_hex(8)}"
