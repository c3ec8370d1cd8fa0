"""Ids that we choose ourselves: where Nimble lets us, a lost answer can be asked after by id."""

import secrets
import time


def object_id() -> str:
    """A new 24-digit id of Nimble's shape: seconds since 1970, then randomness."""
    return f"{int(time.time()):08x}{secrets.token_hex(8)}"


def lease_token() -> str:
    """A token that names one attempt; every finalising statement carries it."""
    return secrets.token_hex(8)
