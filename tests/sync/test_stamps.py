"""Every shape of a timestamp, on the way from Nimble to a page: read or left out, and no reason to stop anything."""

import pytest

from contacts.models import Contact
from deals.models import Deal
from nimble.models import Connection
from sync import pull, when
from sync.models import Quarantined, Run, Stream
from tests.people import ADA, BJORN
from tests.sandboxes import SandboxServer
from tests.sync.test_when import SHAPES

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.broken_answers]

NO_STAMP = [text for text, moment in SHAPES if moment is None] + [{"at": 1}]


def runs(connection: Connection) -> dict[str, Run]:
    return {run.stream.name: run for run in pull.pull(connection) or []}


@pytest.mark.parametrize("kind", ["contact", "deal"])
def test_each_shape_is_stored_and_its_page_goes_on(ada: Connection, nimble: SandboxServer, kind: str):
    model = {"contact": Contact, "deal": Deal}[kind]
    given = [*[text for text, _moment in SHAPES], {"at": 1}]
    ids = [one["id"] for one in nimble.objects(kind) if not one["privacy"]["read"]][: len(given)]
    assert len(ids) == len(given)
    raw = dict(zip(ids, given, strict=True))
    for nimble_id, text in raw.items():
        nimble.edit(ADA, kind, nimble_id, silent=True, raw={"created": text, "updated": text})
    pull.pause(ada, "notes")
    done = runs(ada)
    assert {run.state for run in done.values()} == {Run.State.DONE}, [run.error for run in done.values()]
    assert not Quarantined.objects.exists()
    for row in model.objects.filter(nimble_id__in=ids):
        text = raw[row.nimble_id]
        assert row.remote["updated"] == text
        assert (row.created_in_nimble, row.updated_in_nimble) == (when.moment(text), when.moment(text))
    assert model.objects.filter(nimble_id__in=ids).count() == len(ids)


def test_what_follows_odd_stamps_still_arrives(mirror: Connection, nimble: SandboxServer):
    odd = [row.known_id for row in Contact.objects.filter(is_private=False)[: len(NO_STAMP)]]
    deals = [row.known_id for row in Deal.objects.filter(is_private=False)[: len(NO_STAMP)]]
    for kind, ids in (("contact", odd), ("deal", deals)):
        for nimble_id, text in zip(ids, NO_STAMP, strict=True):
            nimble.edit(BJORN, kind, nimble_id, raw={"updated": text})
    made = {kind: nimble.edit(BJORN, kind)["id"] for kind in ("contact", "deal")}
    pull.sync_now(mirror, "contacts", "deals")
    done = runs(mirror)
    assert {run.state for run in done.values()} == {Run.State.DONE}, [run.error for run in done.values()]
    assert Contact.objects.filter(nimble_id=made["contact"]).exists()
    assert Deal.objects.filter(nimble_id=made["deal"]).exists()
    for name in ("contacts", "deals"):
        assert when.moment(Stream.objects.get(connection=mirror, name=name).cursor["reached"])
