"""Named leases in the database: one worker at a time pulls a connection, and a killed one's lease lapses by itself."""

from datetime import timedelta

from django.db.models import Q

from sync.clock import database_now
from sync.ids import lease_token
from sync.models import Lease


def acquire(name: str, seconds: int) -> str | None:
    """Take the lease for some seconds: its token, or None when somebody else holds it."""
    now = database_now()
    token = lease_token()
    Lease.objects.get_or_create(name=name)
    free = Lease.objects.filter(Q(until=None) | Q(until__lt=now), name=name)
    return token if free.update(token=token, until=now + timedelta(seconds=seconds)) == 1 else None


def extend(name: str, token: str, seconds: int) -> bool:
    """Keep the lease for some seconds from now; False when it has passed to somebody else."""
    until = database_now() + timedelta(seconds=seconds)
    return Lease.objects.filter(name=name, token=token).update(until=until) == 1


def release(name: str, token: str) -> None:
    """Give the lease back, if it is still ours."""
    Lease.objects.filter(name=name, token=token).update(token="", until=None)


def take_over(holder: str) -> list[str]:
    """What a killed predecessor was holding is free at once; the names of its leases."""
    left = Lease.objects.filter(token__startswith=holder)
    names = list(left.values_list("name", flat=True))
    left.update(token="", until=None)
    return names


def held(name: str) -> bool:
    """Whether somebody holds it now."""
    return Lease.objects.filter(name=name, until__gte=database_now()).exists()
