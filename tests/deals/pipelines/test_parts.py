"""Stages, lost reasons, fields, groups and choices, from the page into Nimble and back."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from deals.models import DealField, LostReason, Pipeline, Stage
from deals.pipelines.parts import Part
from nimble.models import Connection
from sync import outbox
from sync.models import Edit, State
from tests.deals.pipelines.conftest import CONFIRMED, Post, page, states, there


def part_of(pipeline: Pipeline, connection: Connection, name: str) -> Part:
    """The part of this name."""
    known = page(pipeline, connection).schema
    named = [(one.part, one.name) for one in (*known.stages, *known.groups, *known.fields)]
    named += [(choice.part, choice.value) for field in known.fields for choice in field.choices]
    return next(part for part, called in named if called == name)


def order(nimble: Any, pipeline: Pipeline) -> list[str]:
    return [one["name"] for one in there(nimble, pipeline)["fields"]]


# --- stages ---


def test_stage_is_inserted_behind_the_one_that_was_chosen(mirror, pipeline: Pipeline, post: Post, nimble):
    after = part_of(pipeline, mirror, "Qualify")
    answer = post("add_part", "stage", name="Try out", after=after.id, default_probability="35", expected_days="9")
    assert answer.url == pipeline.manage_url() + "#stages"
    assert states() == CONFIRMED
    names = [one["name"] for one in there(nimble, pipeline)["stages"]]
    assert names[names.index("Qualify") + 1] == "Try out"
    stage = Stage.objects.get(name="Try out")
    assert (stage.default_probability, stage.expected_days) == (35, 9)


def test_new_stage_shows_on_the_page_before_nimble_has_it(mirror, pipeline: Pipeline, post: Post, web: Client):
    after = part_of(pipeline, mirror, "Qualify")
    post("add_part", "stage", deliver=False, name="Try out", after=after.id)
    names = [one.name for one in page(pipeline, mirror).schema.stages]
    assert names[names.index("Qualify") + 1] == "Try out"
    assert "Saved here" in web.get(pipeline.manage_url()).content.decode()


def test_stages_that_follow_each_other_and_are_both_new_keep_their_places(mirror, pipeline, post: Post, nimble):
    post("add_part", "stage", deliver=False, name="First", after=part_of(pipeline, mirror, "Qualify").id)
    post("add_part", "stage", name="Second", after=part_of(pipeline, mirror, "First").id)
    names = [one["name"] for one in there(nimble, pipeline)["stages"]]
    assert names[names.index("Qualify") + 1 :][:2] == ["First", "Second"]


def test_stage_changes_only_where_its_editor_changed_it(mirror, pipeline: Pipeline, post: Post, nimble, web: Client):
    part = part_of(pipeline, mirror, "Qualify")
    form = web.get(reverse("deals:change_part", args=[pipeline.pk, part])).context["form"]
    nimble.edit("ada@lantern-pine.test", "pipeline", pipeline.nimble_id, set={"description": "Theirs"})
    since = nimble.state()["log"]["last"]
    post("change_part", part, seal=form.seal, name="Qualify well", default_probability="10", expected_days="7")
    assert states() == CONFIRMED
    sent = nimble.writes(since)[-1]
    assert sent["path"].endswith(f"/stages/{part.id}")
    assert Stage.objects.get(nimble_id=part.id).name == "Qualify well"
    pipeline.refresh_from_db()
    assert pipeline.description == "Theirs"


def test_stage_that_a_colleague_changed_meanwhile_becomes_a_conflict(mirror, pipeline, post: Post, nimble, web: Client):
    part = part_of(pipeline, mirror, "Qualify")
    form = web.get(reverse("deals:change_part", args=[pipeline.pk, part])).context["form"]
    stages = there(nimble, pipeline)["stages"]
    stages[0]["name"] = "Qualify again"
    nimble.edit("ada@lantern-pine.test", "pipeline", pipeline.nimble_id, set={"stages": stages})
    post("change_part", part, seal=form.seal, name="Qualify well", default_probability="10", expected_days="7")
    assert states() == {State.CONFLICT}
    assert there(nimble, pipeline)["stages"][0]["name"] == "Qualify again"


def test_archived_stage_is_archived_in_nimble_and_cannot_be_undone(mirror, pipeline, post: Post, nimble, web: Client):
    part = part_of(pipeline, mirror, "Meet")
    assert "no deal is moved" in " ".join(
        web.get(reverse("deals:archive_stage", args=[pipeline.pk, part])).content.decode().split()
    )
    post("archive_stage", part)
    assert Stage.objects.get(nimble_id=part.id).archived_at is not None
    edit = Edit.objects.get()
    undone = web.post(reverse("sync:undo", args=[edit.pk]), follow=True).content.decode()
    assert "bring" in undone
    assert Edit.objects.count() == 1


def test_final_stage_cannot_be_archived(pipeline: Pipeline, post: Post, mirror):
    assert post("archive_stage", part_of(pipeline, mirror, "Won")).status_code == 404


def test_stage_of_a_taken_name_is_not_saved(pipeline: Pipeline, post: Post):
    answer = post("add_part", "stage", name="qualify", description="Kept")
    assert answer.status_code == 422
    assert "of this name already" in answer.content.decode()
    assert "Kept" in answer.content.decode()
    assert not Edit.objects.exists()


def test_renaming_a_stage_can_be_undone(mirror, pipeline: Pipeline, post: Post, web: Client, nimble):
    part = part_of(pipeline, mirror, "Qualify")
    post("change_part", part, name="Qualify well", default_probability="10", expected_days="7")
    web.post(reverse("sync:undo", args=[Edit.objects.get().pk]))
    outbox.deliver()
    assert there(nimble, pipeline)["stages"][0]["name"] == "Qualify"


# --- a lost answer ---


@pytest.mark.parametrize(
    ("kind", "data", "where"),
    [
        ("stage", {"name": "Try out"}, "stages"),
        ("reason", {"text": "Try out"}, "lost_reasons"),
        ("group", {"name": "Try out"}, "groups"),
        ("field", {"name": "Try out", "kind": "string"}, "fields"),
    ],
)
def test_part_whose_answer_was_lost_is_not_made_twice(
    pipeline: Pipeline, post: Post, nimble, mirror, kind: str, data: dict[str, str], where: str
):
    nimble.fault(method="POST", path="/pipelines/", cut="after", times=1)
    post("add_part", kind, **data)
    edit = Edit.objects.get()
    assert edit.state == State.RETRYING
    Edit.objects.update(not_before=None)
    outbox.deliver()
    assert states() == CONFIRMED
    names = [one.get("name") or one.get("text") for one in there(nimble, pipeline)[where]]
    assert names.count("Try out") == 1


def test_part_that_never_arrived_is_sent_again_only_when_it_cannot_be_on_its_way(pipeline, post: Post, nimble, mirror):
    nimble.fault(method="POST", path="/pipelines/", cut="before", times=1)
    post("add_part", "reason", text="Try out")
    Edit.objects.update(not_before=None)
    outbox.deliver()
    edit = Edit.objects.get()
    assert (edit.state, edit.error["reason"]) == (State.RETRYING, "Settling")
    Edit.objects.update(not_before=None, sent_at=edit.created_at.replace(year=2020))
    outbox.deliver()
    assert states() == CONFIRMED
    assert LostReason.objects.filter(text="Try out").count() == 1


# --- reasons, fields, groups, choices ---


def test_lost_reason_is_added(pipeline: Pipeline, post: Post, mirror, nimble):
    post("add_part", "reason", text="Moved away")
    assert "Moved away" in [one["text"] for one in there(nimble, pipeline)["lost_reasons"]]
    assert LostReason.objects.filter(pipeline=pipeline, text="Moved away").exists()


@pytest.mark.parametrize(
    ("data", "presentation"),
    [
        ({"kind": "string"}, {}),
        ({"kind": "long_string"}, {}),
        ({"kind": "choice", "choices": "Low\nHigh\n\nLow"}, {}),
        ({"kind": "number", "number": "decimal", "digits": "3"}, {"number_type": "decimal", "fraction_digits": 3}),
        ({"kind": "number", "number": "financial", "currency": "eur"}, {"number_type": "financial", "currency": "EUR"}),
        ({"kind": "datetime"}, {"date_format": None, "ignore_specific_time": True}),
        ({"kind": "boolean"}, {}),
        ({"kind": "address"}, {}),
        ({"kind": "user"}, {}),
    ],
)
def test_field_of_each_kind_is_made(pipeline, post: Post, mirror, nimble, data: dict, presentation: dict):
    group = part_of(pipeline, mirror, "Details")
    since = nimble.state()["log"]["last"]
    post("add_part", "field", name="Brand new", group=group.id, **data)
    assert states() == CONFIRMED
    sent = nimble.writes(since)[-1]["body"]
    assert sent["presentation"] == presentation
    made = next(one for one in there(nimble, pipeline)["fields"] if one["name"] == "Brand new")
    assert (made["kind"], made["group_id"]) == (data["kind"], group.id)
    assert [one["value"] for one in made["choices"]] == (["Low", "High"] if data["kind"] == "choice" else [])
    assert DealField.objects.get(name="Brand new").pipeline_nimble_id == pipeline.nimble_id


def test_field_is_renamed_and_leaves_its_group(pipeline: Pipeline, post: Post, mirror, nimble):
    part = part_of(pipeline, mirror, "Terms")
    post("change_part", part, name="Conditions", group="")
    made = next(one for one in there(nimble, pipeline)["fields"] if one["field_id"] == part.id)
    assert (made["name"], made["group_id"]) == ("Conditions", None)
    assert DealField.objects.get(field_id=part.id).name == "Conditions"


def test_field_moves_up_and_back_by_undo(pipeline: Pipeline, post: Post, mirror, nimble, web: Client):
    before = order(nimble, pipeline)
    post("move_part", part_of(pipeline, mirror, "Terms"), by="-1")
    after = order(nimble, pipeline)
    assert after != before
    assert after.index("Terms") == before.index("Terms") - 1
    web.post(reverse("sync:undo", args=[Edit.objects.get().pk]))
    outbox.deliver()
    assert order(nimble, pipeline) == before


def test_moves_that_are_made_before_any_was_sent_become_one(pipeline: Pipeline, post: Post, mirror, nimble):
    for _ in range(2):
        post("move_part", part_of(pipeline, mirror, "Seats"), by="-1", deliver=False)
    names = [one.name for one in page(pipeline, mirror).schema.fields]
    since = nimble.state()["log"]["last"]
    outbox.deliver()
    assert order(nimble, pipeline) == names
    assert len(nimble.writes(since)) == 1


def test_choices_are_added_renamed_moved_and_deleted(pipeline: Pipeline, post: Post, mirror, nimble):
    post("add_part", "field", name="Risk", kind="choice", choices="Low\nMiddle")
    field = part_of(pipeline, mirror, "Risk")
    post("add_part", "choice", field=field.id, value="High")
    post("change_part", part_of(pipeline, mirror, "Low"), value="Lowest")
    post("move_part", part_of(pipeline, mirror, "High"), by="-1")
    post("remove_part", part_of(pipeline, mirror, "Middle"))
    assert states() == CONFIRMED
    made = next(one for one in there(nimble, pipeline)["fields"] if one["name"] == "Risk")
    assert [one["value"] for one in made["choices"]] == ["Lowest", "High"]


def test_group_is_added_renamed_moved_first_and_deleted(pipeline: Pipeline, post: Post, mirror, nimble):
    post("add_part", "group", name="Second")
    post("add_part", "field", name="Inside", kind="string", group=part_of(pipeline, mirror, "Second").id)
    post("change_part", part_of(pipeline, mirror, "Second"), name="Terms of sale")
    post("move_part", part_of(pipeline, mirror, "Terms of sale"), by="-1")
    assert [one["name"] for one in there(nimble, pipeline)["groups"]] == ["Terms of sale", "Details"]
    post("remove_part", part_of(pipeline, mirror, "Terms of sale"))
    assert states() == CONFIRMED
    assert [one["name"] for one in there(nimble, pipeline)["groups"]] == ["Details"]
    assert next(one for one in page(pipeline, mirror).schema.fields if one.name == "Inside").group == ""


# --- what Nimble refused ---

NO = {"code": 245, "message": "Invalid", "human_readable_error": "Invalid"}


def test_refused_stage_comes_back_in_its_form_and_can_be_mended_in_the_inbox(pipeline, post: Post, mirror, nimble, web):
    part = part_of(pipeline, mirror, "Qualify")
    body = {**NO, "errors": {"/expected_days": {"message": "Too long"}}}
    nimble.fault(method="PUT", path="/stages/", status=409, body=body, times=1)
    post("change_part", part, name="Qualify", default_probability="10", expected_days="700")
    form = web.get(reverse("deals:change_part", args=[pipeline.pk, part])).context["form"]
    assert "Too long" in str(form.errors["expected_days"])
    assert form["expected_days"].value() == 700
    edit = Edit.objects.get()
    assert "Too long" in web.get(reverse("sync:edit", args=[edit.pk])).content.decode()
    web.post(reverse("sync:mend", args=[edit.pk]), {"value-0-value": "70"})
    outbox.deliver()
    assert states() == CONFIRMED
    assert Stage.objects.get(nimble_id=part.id).expected_days == 70


def test_refused_new_stage_is_listed_with_what_was_typed_until_it_is_mended(pipeline, post: Post, mirror, nimble, web):
    body = {**NO, "errors": {"/name": {"message": "That name is reserved"}}}
    nimble.fault(method="POST", path="/stages", status=409, body=body, times=1)
    after = part_of(pipeline, mirror, "Qualify")
    post("add_part", "stage", name="Reserved", after=after.id, expected_days="9")
    edit = Edit.objects.get()
    assert edit.state == State.REJECTED
    assert "Reserved" in web.get(pipeline.manage_url()).content.decode()
    url = reverse("deals:add_part", args=[pipeline.pk, "stage"])
    form = web.get(url, {"mend": edit.pk}).context["form"]
    assert "That name is reserved" in str(form.errors["name"])
    assert (form["name"].value(), form["after"].value(), form["expected_days"].value()) == ("Reserved", after.id, 9)
    post("add_part", "stage", mend=edit.pk, name="Free", after=after.id, expected_days="9")
    assert states() == {State.DISCARDED, State.CONFIRMED}
    assert Stage.objects.filter(name="Free").exists()


@pytest.mark.parametrize(("kind", "name", "path"), [("reason", "text", "/reason"), ("group", "name", "/group_name")])
def test_refusal_that_names_its_input_otherwise_stands_at_it_too(
    pipeline: Pipeline, post: Post, mirror, nimble, web: Client, kind: str, name: str, path: str
):
    body = {**NO, "errors": {path: {"message": "Not this one"}}}
    nimble.fault(method="POST", path="/deals/pipelines/", status=409, body=body, times=1)
    post("add_part", kind, **{name: "Because"})
    url = reverse("deals:add_part", args=[pipeline.pk, kind])
    form = web.get(url, {"mend": Edit.objects.get().pk}).context["form"]
    assert "Not this one" in str(form.errors[name])
    assert form[name].value() == "Because"


def test_change_that_its_reader_makes_in_a_colleagues_pipeline_after_losing_the_right_is_not_saved(
    pipeline: Pipeline, post: Post, mirror
):
    remote = {**pipeline.remote, "creator": {"user_id": "somebody", "name": "Somebody"}}
    Pipeline.objects.filter(pk=pipeline.pk).update(remote=remote)
    answer = post("add_part", "reason", deliver=False, text="Moved away")
    assert answer.url == pipeline.manage_url()
    assert not Edit.objects.exists()
