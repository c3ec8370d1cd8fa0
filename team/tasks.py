"""Celery's side of telling people. Rung for both kinds of workers, so that one can tell of the other's silence."""

from celery import shared_task

from sync import leases
from team import digest, notices

LEASE = "notices"
LEASE_SECONDS = 120


@shared_task(expires=30)
def tell() -> None:
    """Tell what is new, settle what is over, and send the e-mails that are due."""
    token = leases.acquire(LEASE, LEASE_SECONDS)
    if token is None:
        return
    try:
        notices.refresh()
        digest.send_due()
    finally:
        leases.release(LEASE, token)
