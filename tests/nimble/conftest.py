"""What tests of the door to Nimble need beside `tests.people`."""

from datetime import timedelta

import pytest
from allauth.socialaccount.models import SocialToken
from django.test import Client
from django.utils import timezone

from nimble.models import Connection
from tests.people import ADA, BJORN, EVE, REDIRECT_URI, ZOE, Connect

__all__ = ["ADA", "BJORN", "EVE", "REDIRECT_URI", "ZOE", "Connect"]


def expire(connection: Connection) -> None:
    """The access token has ended, by our clock."""
    SocialToken.objects.filter(account=connection.account).update(expires_at=timezone.now() - timedelta(seconds=1))


def person(first: str = "Grace", last: str = "Hopper") -> dict:
    fields = {"first name": [{"value": first, "modifier": ""}], "last name": [{"value": last, "modifier": ""}]}
    return {"record_type": "person", "fields": fields}


@pytest.fixture
def django_client_factory() -> type[Client]:
    """For a second browser."""
    return Client
