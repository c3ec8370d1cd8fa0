"""Tags of contacts as a whole: an edit of each contact, together, and taken back together."""

from collections import Counter

import pytest
from django.test import Client
from django.urls import reverse

from contacts import queries, tagging
from nimble.models import Connection
from sync import outbox
from sync.models import Batch, Edit, State


@pytest.fixture
def web(mirror: Connection) -> Client:
    client = Client()
    client.force_login(mirror.user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def tag(mirror: Connection) -> tagging.Tag:
    return min(tagging.listed(mirror.user), key=lambda one: one.count)


def counts(connection: Connection) -> dict[str, int]:
    return {one.name: one.count for one in tagging.listed(connection.user)}


def test_tags_are_counted_as_the_viewer_sees_them(mirror: Connection):
    seen = queries.for_user(mirror.user).values_list("tags", flat=True)
    assert counts(mirror) == dict(Counter(name for names in seen for name in names))


def test_tag_is_renamed_on_every_contact_and_back_by_one_undo(mirror, web: Client, tag: tagging.Tag, nimble):
    answer = web.post(reverse("contacts:rename_tag"), {"tag": tag.name, "name": "Brand new"}, follow=True)
    assert "tagged Brand new now" in answer.content.decode()
    assert counts(mirror)["Brand new"] == tag.count
    outbox.deliver()
    assert set(Edit.objects.values_list("state", flat=True)) == {State.CONFIRMED}
    assert len([one for one in nimble.objects("contact") if "Brand new" in one["tags"]]) == tag.count
    web.post(reverse("inbox:undo_batch", args=[Batch.objects.get().pk]))
    outbox.deliver()
    assert counts(mirror)[tag.name] == tag.count
    assert "Brand new" not in counts(mirror)


def test_tag_that_becomes_one_that_is_there_is_not_there_twice(mirror, web: Client):
    tagged = queries.for_user(mirror.user).exclude(tag_index="")
    contact = next(one for one in tagged if len(one.tags) > 1)
    first, second = contact.tags[:2]
    web.post(reverse("contacts:rename_tag"), {"tag": first, "name": second})
    contact.refresh_from_db()
    assert contact.tags.count(second) == 1
    assert first not in contact.tags


def test_many_contacts_are_done_part_by_part(mirror, web: Client, tag: tagging.Tag, monkeypatch):
    monkeypatch.setattr(tagging, "MOST", 1)
    big = max(tagging.listed(mirror.user), key=lambda one: one.count)
    answer = web.post(reverse("contacts:remove_tag"), {"tag": big.name}, follow=True)
    assert "still have it" in answer.content.decode() or "still has it" in answer.content.decode()
    assert counts(mirror)[big.name] == big.count - 1
