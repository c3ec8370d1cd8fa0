"""Signs of life, and the one honest sentence about the state of things."""

from sync.clock import database_now
from sync.models import Heartbeat


def beat(name: str) -> None:
    """Note that this kind of process is alive."""
    now = database_now()
    if not Heartbeat.objects.filter(name=name).update(at=now):
        Heartbeat.objects.get_or_create(name=name, defaults={"at": now})
