"""Contacts that are stored as a pull stores them, and a mirror of the whole sandbox."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from contacts import metadata
from contacts.models import Contact, ContactField
from nimble.models import Connection
from sync import registry, store
from sync.clock import database_now
from sync.models import Stream

Keep = Callable[..., list[Contact]]

METADATA = {
    "tabs": [
        {
            "tab_name": tab,
            "contact_types": record_type,
            "members": [
                {
                    "type": "group",
                    "name": "Basic Info",
                    "fields": [
                        {"field_id": f"{name}-{modifier}", "name": name, "modifier": modifier, **more}
                        for name, modifiers, more in (
                            *((name, [""], {"field_type": {"field_kind": "string"}}) for name in names),
                            ("description", [""], {"field_type": {"field_kind": "long_string"}}),
                            ("email", ["work", "personal", "other"], {"multiples": True}),
                            ("phone", ["work", "mobile"], {"multiples": True}),
                        )
                        for modifier in modifiers
                    ],
                },
                {
                    "type": "group",
                    "name": "Billing",
                    "fields": [
                        {
                            "field_id": "tier",
                            "name": "Tier",
                            "field_type": {
                                "field_kind": "choice",
                                "values": {"values": [{"id": "1", "value": "Bronze"}, {"id": "2", "value": "Silver"}]},
                            },
                        },
                        {"field_id": "since", "name": "Since", "field_type": {"field_kind": "datetime"}},
                        {"field_id": "seats", "name": "Seats", "field_type": {"field_kind": "number"}},
                        {"field_id": "vip", "name": "VIP", "field_type": {"field_kind": "boolean"}},
                        {"field_id": "by", "name": "Looked after by", "field_type": {"field_kind": "user"}},
                        {
                            "field_id": "source",
                            "name": "source",
                            "read_only": True,
                            "field_type": {"field_kind": "string"},
                        },
                    ],
                },
            ],
        }
        for tab, record_type, names in (
            ("People", "person", ["first name", "last name", "contact employment"]),
            ("Firms", "company", ["company name"]),
        )
    ]
}


@pytest.fixture
def keep(ada: Connection) -> Keep:
    """Stores payloads as read by Ada (or by whoever is named), with the fields' metadata beside them."""
    ContactField.objects.bulk_create(
        ContactField(workspace=ada.workspace, position=position, **field)
        for position, field in enumerate(metadata.fields(METADATA))
    )
    Stream.objects.create(connection=ada, name="contacts", completed_at=database_now())

    def save(*payloads: dict[str, Any], kind: str = "contact", connection: Connection = ada) -> list[Any]:
        resource = registry.resource(kind)
        tally = store.save_page(resource, connection, payloads, read_at=database_now())
        assert tally.quarantined == 0
        rows = resource.model._default_manager.in_bulk([tally.ids[payload["id"]] for payload in payloads])
        return [rows[tally.ids[payload["id"]]] for payload in payloads]

    return save


@pytest.fixture
def visitor(ada: Connection) -> Client:
    """A browser in which Ada is signed in."""
    client = Client()
    client.force_login(ada.user, backend="django.contrib.auth.backends.ModelBackend")
    return client
