"""Deleting a field or a choice: Nimble checks whether a deal uses it, and the page waits for that."""

import pytest
from django.test import Client
from django.urls import reverse

from deals.models import Deal, DealField, Pipeline
from deals.pipelines.page import using
from deals.pipelines.parts import Part, schema
from nimble.models import Connection
from sync import outbox
from sync.models import Edit, State
from tests.deals.pipelines.conftest import CONFIRMED, Post, page, states, there


@pytest.fixture
def used(mirror: Connection, pipeline: Pipeline) -> Part:
    """A field that deals have values in."""
    return next(one.part for one in schema(pipeline.remote).fields if using(mirror.user, one.part))


def test_field_that_no_deal_uses_goes_after_the_check(mirror, pipeline: Pipeline, post: Post, web: Client, nimble):
    post("add_part", "field", name="Unused", kind="string")
    part = next(one.part for one in page(pipeline, mirror).schema.fields if one.name == "Unused")
    url = reverse("deals:remove_part", args=[pipeline.pk, part])
    assert "0 deals that you see use it" in web.get(url).content.decode()
    assert post("remove_part", part, deliver=False).url == url
    waiting = web.get(url).content.decode()
    assert "Nimble is asked to delete it" in waiting
    assert 'hx-trigger="every 1s"' in waiting
    outbox.deliver()
    assert "It is deleted" in web.get(url).content.decode()
    assert "Unused" not in [one["name"] for one in there(nimble, pipeline)["fields"]]
    assert not DealField.objects.filter(field_id=part.id).exists()


@pytest.mark.parametrize("answers", ["403", "406"])
def test_field_in_use_stays_until_its_name_is_typed(
    mirror, pipeline: Pipeline, post: Post, web: Client, nimble, used: Part, answers: str
):
    nimble.switch(field_in_use=answers)
    url = reverse("deals:remove_part", args=[pipeline.pk, used])
    post("remove_part", used)
    assert states() == {State.REJECTED}
    assert used.id in [one["field_id"] for one in there(nimble, pipeline)["fields"]]
    said = web.get(url).content.decode()
    assert "is used in" in said
    name = DealField.objects.get(field_id=used.id).name
    assert post("remove_part", used, name="something else").status_code == 422
    post("remove_part", used, name=name)
    assert State.REJECTED not in states()
    assert used.id not in [one["field_id"] for one in there(nimble, pipeline)["fields"]]
    assert "It is deleted" in web.get(url).content.decode()


@pytest.mark.parametrize("status", [403, 404, 406, 500])
def test_other_refusal_offers_no_deletion_all_the_same(
    mirror, pipeline: Pipeline, post: Post, web: Client, nimble, used: Part, status: int
):
    nimble.fault(method="DELETE", path="/fields/", status=status, body={"message": "Not now"}, times=1)
    post("remove_part", used)
    Edit.objects.filter(state=State.RETRYING).update(state=State.FAILED)
    url = reverse("deals:remove_part", args=[pipeline.pk, used])
    said = web.get(url).content.decode()
    assert "all the same" not in said
    if status == 406:
        assert "Nimble did not delete it: Not now" in said
        assert "Look at the record in Nimble, then send it again or discard it." in said
    name = DealField.objects.get(field_id=used.id).name
    post("remove_part", used, name=name)
    assert used.id in [one["field_id"] for one in there(nimble, pipeline)["fields"]], "a deal uses it"


def test_use_that_is_told_beforehand_is_what_the_viewer_sees(mirror, pipeline: Pipeline, used: Part):
    mine = Deal.objects.filter(pipeline_nimble_id=pipeline.nimble_id)
    kept = [deal for deal in mine if deal.remote.get("fields_values", {}).get(used.id)]
    assert using(mirror.user, used) == len(kept)


def test_deletion_whose_answer_was_lost_is_noticed(mirror, pipeline: Pipeline, post: Post, nimble):
    post("add_part", "field", name="Unused", kind="string")
    part = next(one.part for one in page(pipeline, mirror).schema.fields if one.name == "Unused")
    nimble.fault(method="DELETE", path="/fields/", cut="after", times=1)
    post("remove_part", part)
    Edit.objects.update(not_before=None)
    outbox.deliver()
    assert states() == CONFIRMED


def test_deletion_that_nothing_takes_back_offers_no_undo(
    mirror: Connection, pipeline: Pipeline, post: Post, web: Client
):
    post("add_part", "field", name="Unused", kind="string")
    part = next(one.part for one in page(pipeline, mirror).schema.fields if one.name == "Unused")
    url = reverse("deals:remove_part", args=[pipeline.pk, part])
    told = web.post(url, follow=True).content.decode()
    assert "Nimble is asked to delete Unused" in told
    edit = Edit.objects.get(fields__has_key=part.named("removed"))
    assert reverse("sync:undo", args=[edit.pk]) not in told
