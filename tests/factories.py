"""A small mirror of what the sandbox says, for tests of pages: real answers, stored by the engine, not all of them.

It stays inside the test's transaction, so it is several times faster than `pull.pull`.
"""

from typing import Any

from contacts.models import Contact
from contacts.resources.contacts import CONTEXTS
from deals import metadata
from deals.models import Deal, Pipeline, PipelineSight
from deals.streams import save_fields
from nimble.client import Client
from nimble.models import Connection
from sync import pull, registry, store
from sync.clock import database_now
from sync.models import Brought, Quarantined, Stream

NOBODY = {"read": {"user_ids": [], "group_ids": []}, "edit": None}


def mirrored(connection: Connection, *, deals: int = 10, contacts: int = 20) -> Connection:
    """Pipelines with their fields, some deals and contacts, as this person sees them; every stream counts as done."""
    client = Client(connection)
    save(connection, "pipeline", client.pipelines()["pipelines"])
    save_fields(connection.workspace_id, metadata.fields(client.deal_fields()))
    save(connection, "deal", client.deals(limit=deals)["resources"][:deals])
    save(connection, "contact", client.list_contacts(per_page=contacts, contexts=CONTEXTS)["resources"])
    pull.ensure_streams(connection)
    Stream.objects.filter(connection=connection).update(completed_at=database_now())
    return connection


def save(connection: Connection, kind: str, payloads: list[dict[str, Any]]) -> dict[str, int]:
    """Store what Nimble said of some records: their ids there → ours."""
    tally = store.save_page(registry.resource(kind), connection, payloads, read_at=database_now())
    assert tally.quarantined == 0, f"{tally.quarantined} of these {kind}s could not be stored"
    return tally.ids


def private_deal(connection: Connection, name: str) -> Deal:
    """A deal that nobody but this person may see."""
    payload = Client(connection).deals(limit=1)["resources"][0]
    mine = {"owner": {"user_id": connection.nimble_user_id, "name": connection.name}, "privacy": NOBODY}
    named = {**payload.get("fields_values_with_names", {}), "name": [{"value": name}]}
    payload = {**payload, **mine, "fields_values_with_names": named, "fields_values": {}}
    return Deal.objects.get(pk=save(connection, "deal", [payload])[payload["deal_id"]])


def private_contact(connection: Connection, name: str, *, company: bool = False) -> Contact:
    """A person or company that nobody but this person may see."""
    kind, field = ("company", "company name") if company else ("person", "last name")
    listed = Client(connection).list_contacts(per_page=100, contexts=CONTEXTS)["resources"]
    payload = next(each for each in listed if each["record_type"] == kind)
    fields = {**payload["fields"], "first name": [], field: [{"value": name, "modifier": ""}]}
    payload = {**payload, "owner_id": connection.nimble_user_id, "privacy": NOBODY, "fields": fields}
    return Contact.objects.get(pk=save(connection, "contact", [payload])[payload["id"]])


def caught_up(connection: Connection) -> Connection:
    """As after this person's complete listings, now and later: Nimble hides nothing public from them."""
    pull.ensure_streams(connection)
    Stream.objects.filter(connection=connection).update(completed_at=database_now(), decided=2**60)
    for pipeline in Pipeline.objects.filter(workspace=connection.workspace):
        PipelineSight.objects.get_or_create(
            record=pipeline, connection=connection, defaults={"seen_at": database_now()}
        )
    return connection


def quarantined(
    connection: Connection, kind: str, nimble_id: str, reason: str = "Unstorable: x", **payload: Any
) -> Quarantined:
    """A record that Nimble sent to this person and that could not be stored."""
    now = database_now()
    row = Quarantined.objects.create(
        workspace=connection.workspace, kind=kind, nimble_id=nimble_id, reason=reason, payload=payload, at=now
    )
    Brought.objects.create(record=row, connection=connection, at=now)
    return row
