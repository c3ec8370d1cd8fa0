"""What `manage.py check` says about the door to Nimble."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

from nimble.encryption import keyring
from nimble.transport import LOOPBACK, Denied, origin


def install() -> None:
    register(check_base_url, Tags.security)
    register(check_token_keys, Tags.security)


def check_base_url(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Tokens go to this address: it is https or this machine, and this machine only while nobody else is served."""
    try:
        host = urlsplit(origin(settings.NIMBLE_BASE_URL)).hostname
    except Denied as error:
        return [Error(str(error), id="nimble.E001")]
    public = urlsplit(settings.PUBLIC_URL)
    if host in LOOPBACK and not settings.DEBUG and public.hostname not in LOOPBACK:
        return [
            Error(
                "NIMBLE_BASE_URL is on this machine, as the sandbox is, but PUBLIC_URL serves others.",
                hint="Set NIMBLE_BASE_URL=https://app.nimble.com",
                id="nimble.E002",
            )
        ]
    return []


def check_token_keys(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    try:
        keyring()
    except ImproperlyConfigured as error:
        return [
            Error(
                str(error),
                hint="Make a key with: python -c 'from cryptography.fernet import Fernet as F; "
                "print(F.generate_key().decode())'",
                id="nimble.E003",
            )
        ]
    return []
