"""Whether the doorbell's wires are whole."""

import os

from django.conf import settings
from kombu.exceptions import OperationalError

from crmportal.celery import app

SECONDS = 5


def name() -> str:
    """The broker as a person knows it, without its password."""
    if settings.CELERY_BROKER_URL.startswith("filesystem"):
        return f"the broker's folder {settings.BROKER_DIR}"
    return f"the broker {app.connection().as_uri()}"


def reachable() -> bool:
    """Whether a message could be left there now; takes a few seconds at most."""
    if settings.CELERY_BROKER_URL.startswith("filesystem"):
        return os.access(settings.BROKER_DIR / "queue", os.W_OK)
    try:
        with app.connection_for_write(connect_timeout=SECONDS) as connection:
            connection.ensure_connection(max_retries=1, timeout=SECONDS)
    except (OSError, OperationalError):
        return False
    return True
