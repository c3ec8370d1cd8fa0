"""Tokens and the client secret are encrypted where allauth keeps them.

allauth owns the models, so the existing field instances are taught to encrypt on the way to the database and to
decrypt on the way back. That covers `save`, `update` and `values_list`, and makes no migration. `TOKEN_KEYS` holds
Fernet keys: the first one encrypts, each of them decrypts. What none of them decrypts raises: nothing is ever taken for
clear text.
"""

from functools import lru_cache
from typing import Any, cast

from allauth.socialaccount.models import SocialApp, SocialToken
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.serializers.base import SerializationError
from django.db.models import Field, Model

ENCRYPTED: dict[type[Model], tuple[str, ...]] = {SocialToken: ("token", "token_secret"), SocialApp: ("secret",)}


class Undecipherable(Exception):
    """A stored secret that none of the keys in TOKEN_KEYS opens."""


class TooLong(ValueError):
    """A secret that does not fit its column once it is encrypted."""


def install() -> None:
    """Teach the fields. Called once, when the apps are ready."""
    for model, names in ENCRYPTED.items():
        for name in names:
            _teach(cast(Field, model._meta.get_field(name)))


def encrypt(value: str) -> str:
    """The empty text says that there is no secret, and stays what it is."""
    return value and keyring().encrypt(value.encode()).decode("ascii")


def decrypt(value: str) -> str:
    if not value:
        return value
    try:
        return keyring().decrypt(value.encode()).decode()
    except InvalidToken:
        raise Undecipherable("A stored secret was encrypted with a key that TOKEN_KEYS does not hold.") from None


def keyring() -> MultiFernet:
    return _keyring(tuple(settings.TOKEN_KEYS))


@lru_cache(maxsize=4)
def _keyring(keys: tuple[str, ...]) -> MultiFernet:
    if not keys:
        raise ImproperlyConfigured("TOKEN_KEYS is not set.")
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError:
        raise ImproperlyConfigured("TOKEN_KEYS must hold Fernet keys, separated by commas.") from None


def sealed(field: Any, value: str) -> str:
    """The encrypted value, if its column has room for it. Raises TooLong."""
    secret = encrypt(value)
    if field.max_length and len(secret) > field.max_length:
        raise TooLong(
            f"Encrypted, this secret takes {len(secret)} characters, and there is room for {field.max_length}. "
            "Ask Nimble for a shorter one."
        )
    return secret


def _teach(field: Field) -> None:
    prepare = type(field).get_prep_value

    def get_prep_value(value: Any) -> Any:
        value = prepare(field, value)
        return sealed(field, value) if isinstance(value, str) else value

    def from_db_value(value: Any, _expression: Any, _connection: Any) -> Any:
        return value if value is None else decrypt(value)

    def value_to_string(_instance: Model) -> str:
        # `dumpdata` and every other serializer come through here.
        raise SerializationError(
            f"{field.model._meta.label} holds secrets and is not exported: "
            "use --exclude socialaccount.socialtoken --exclude socialaccount.socialapp"
        )

    field.get_prep_value = get_prep_value  # type: ignore[method-assign]
    field.from_db_value = from_db_value  # type: ignore[attr-defined]
    field.value_to_string = value_to_string  # type: ignore[assignment, method-assign]
