"""What the palette finds: the person's own sight of deals and contacts, by words."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from nimble.models import Connection
from tests import factories
from tests.people import BJORN, Connect

pytestmark = pytest.mark.django_db


def found(connection: Connection, text: str) -> list[tuple[str, str]]:
    client = Client()
    client.force_login(connection.user, backend="django.contrib.auth.backends.ModelBackend")
    answer = client.get(reverse("team:palette"), {"q": text}).content.decode()
    groups = re.split(r'<div role="group" aria-label="', answer)[1:]
    return [
        (group.split('"')[0], title)
        for group in groups
        for title in re.findall(r'class="truncate"[^>]*>([^<]*)', group)
    ]


def test_deals_people_and_companies_by_words_in_any_order(ada: Connection):
    factories.mirrored(ada)
    factories.private_deal(ada, "Zanzibarwood renewal")
    factories.private_contact(ada, "Zanzibarwood")
    factories.private_contact(ada, "Zanzibarwood Ltd", company=True)
    assert {kind for kind, _title in found(ada, "zanzibar")} == {"Deals", "Contacts", "Companies"}
    assert found(ada, "renewal ZANZIBAR") == [("Deals", "Zanzibarwood renewal")]


def test_nothing_of_what_somebody_may_not_see(ada: Connection, connect: Connect):
    factories.mirrored(ada)
    factories.private_deal(ada, "Zanzibarwood renewal")
    factories.private_contact(ada, "Zanzibarwood")
    assert found(factories.caught_up(connect(BJORN)), "zanzibar") == []


@pytest.mark.parametrize("text", ["", "k", "\x00", "  "])
def test_a_letter_alone_finds_nothing(ada: Connection, text: str):
    factories.mirrored(ada)
    assert found(ada, text) == []
