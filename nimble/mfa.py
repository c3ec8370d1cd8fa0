"""The secrets of second factors, encrypted where allauth keeps them: inside the JSON of its Authenticator."""

from typing import Any

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator

from nimble.encryption import decrypt, encrypt

SECRETS = ("secret", "seed")


class MFAAdapter(DefaultMFAAdapter):
    """allauth asks it whenever it stores or reads such a secret."""

    def encrypt(self, text: str) -> str:
        return encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return decrypt(encrypted_text)


def check(authenticator: Authenticator) -> None:
    """Raises `Undecipherable` where one of its secrets was encrypted with a key that is not set."""
    resealed(authenticator.data)


def reseal(authenticator: Authenticator) -> None:
    """Encrypt its secrets with the first key."""
    authenticator.data = resealed(authenticator.data)
    authenticator.save(update_fields=["data"])


def resealed(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, **{name: encrypt(decrypt(data[name])) for name in SECRETS if name in data}}
