"""The list of pipelines, one made, changed, archived and deleted; and who may do so."""

from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Sum
from django.test import Client
from django.urls import reverse

from deals import actions, queries
from deals.models import Deal, Pipeline, Stage
from deals.pipelines import page as pages
from nimble.models import Connection
from sync import outbox, pull, registry
from sync.clock import database_now
from sync.models import Edit, State
from tests.deals.conftest import Keep, browser
from tests.deals.payloads import deal
from tests.deals.pipelines.conftest import CONFIRMED, Post, states, there
from tests.factories import caught_up
from tests.people import BJORN, Connect

NEW: dict[str, Any] = {
    "name": "Partners of ours",
    "description": "Who sells for us",
    "color": "#2f9e6e",
    "default_currency": "eur",
    "lost_reasons": "Price\nNo time",
    "stage-TOTAL_FORMS": "3",
    "stage-INITIAL_FORMS": "0",
    "stage-0-name": "Talk",
    "stage-0-default_probability": "20",
    "stage-0-expected_days": "14",
    "stage-1-name": "Sign",
}


INVALID = {"code": 245, "message": "Invalid", "human_readable_error": "Invalid"}


@pytest.fixture
def other(mirror: Connection, connect: Connect) -> Client:
    """A browser of Björn's, who neither owns the company nor made its pipelines."""
    return browser(caught_up(connect(BJORN)).user)


# --- the list ---


def test_list_counts_and_sums_what_the_viewer_sees(mirror: Connection, web: Client, pipeline: Pipeline):
    line = next(one for one in pages.listed(mirror.user) if one.pipeline == pipeline)
    seen = queries.for_user(mirror.user).filter(pipeline_nimble_id=pipeline.nimble_id)
    still = Stage.objects.filter(pipeline=pipeline, role="open").values("nimble_id")
    assert line.all.count == seen.count()
    assert line.open.count == seen.filter(stage_nimble_id__in=still).count()
    sums = seen.values_list("currency").annotate(sum=Sum("amount")).order_by()
    assert line.all.amounts == {currency: (total or Decimal(0)).quantize(Decimal("0.0001")) for currency, total in sums}
    shown = " ".join(web.get(reverse("deals:pipelines")).content.decode().split())
    assert f"{line.all.count} deals" in shown


def test_list_leaves_out_what_nimble_hides_from_the_viewer(mirror, other: Client, connect, pipeline: Pipeline):
    mine = next(one for one in pages.listed(mirror.user) if one.pipeline == pipeline)
    theirs = next(one for one in other.get(reverse("deals:pipelines")).context["open"] if one.pipeline == pipeline)
    user = Connection.objects.get(email=BJORN).user
    assert theirs.all.count == queries.for_user(user).filter(pipeline_nimble_id=pipeline.nimble_id).count()
    assert theirs.all.count != mine.all.count


def test_list_takes_as_many_statements_for_many_pipelines(mirror, web: Client, django_assert_max_num_queries):
    with django_assert_max_num_queries(12):
        pages.listed(mirror.user)


# --- making one ---


def test_pipeline_is_made_with_its_stages_and_reasons(mirror, web: Client, nimble):
    assert web.post(reverse("deals:new_pipeline"), NEW).status_code == 302
    made = Pipeline.objects.get(name="Partners of ours")
    assert made.nimble_id is None
    page = web.get(reverse("deals:pipelines")).content.decode()
    assert "Partners of ours" in page
    assert "Saved here" in page
    outbox.deliver()
    made.refresh_from_db()
    assert states() == CONFIRMED
    assert [one.name for one in made.stages.all()] == ["Talk", "Sign", "Won", "Lost"]
    assert made.stages.get(name="Talk").expected_days == 14
    in_nimble = there(nimble, made)
    assert (in_nimble["default_currency"], in_nimble["color"]) == ("EUR", "#2f9e6e")
    assert [one["text"] for one in in_nimble["lost_reasons"]] == ["Price", "No time"]
    assert web.get(made.get_absolute_url()).status_code == 200


def test_who_may_make_none_is_told_why_on_the_list(other: Client):
    listed = other.get(reverse("deals:new_pipeline"), follow=True)
    assert listed.redirect_chain == [(reverse("deals:pipelines"), 302)]
    assert "In Nimble only the company&#x27;s owner may create pipelines." in listed.content.decode()


def test_pipeline_whose_answer_was_lost_is_not_made_twice(mirror, web: Client, nimble):
    nimble.fault(method="POST", path="/deals/pipelines$", cut="after", times=1)
    web.post(reverse("deals:new_pipeline"), NEW)
    outbox.deliver()
    Edit.objects.update(not_before=None)
    outbox.deliver()
    assert states() == CONFIRMED
    assert [one["name"] for one in nimble.objects("pipeline")].count("Partners of ours") == 1


def test_pipeline_that_a_pull_brings_before_its_answer_is_one(mirror, web: Client, nimble):
    nimble.fault(method="POST", path="/deals/pipelines$", cut="after", times=1)
    web.post(reverse("deals:new_pipeline"), NEW)
    outbox.deliver()
    pull.sync_now(mirror, "pipelines")
    pull.pull(mirror)
    Edit.objects.update(not_before=None)
    outbox.deliver()
    assert states() == CONFIRMED
    made = Pipeline.objects.get(name="Partners of ours", gone_at=None)
    assert [one.name for one in made.stages.all()] == ["Talk", "Sign", "Won", "Lost"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": ""}, "required"),
        ({"name": "New business"}, "of this name already"),
        ({"default_currency": "E1"}, "three letters"),
        ({"stage-0-name": "", "stage-1-name": ""}, "Name the stage"),
        ({"stage-1-name": "talk"}, "same name"),
        ({"stage-0-default_probability": "101"}, "less than or equal to 100"),
    ],
)
def test_form_of_a_pipeline_says_what_is_wrong_and_keeps_the_rest(mirror, web, wrong: dict[str, str], said: str):
    answer = web.post(reverse("deals:new_pipeline"), NEW | wrong)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert "Who sells for us" in answer.content.decode()
    assert not Edit.objects.exists()


def test_refused_pipeline_comes_back_with_nimbles_words_at_the_field(mirror, web: Client, nimble):
    body = {**INVALID, "errors": {"/name": {"message": "That name is reserved"}}}
    nimble.fault(method="POST", path="/deals/pipelines$", status=409, body=body, times=1)
    web.post(reverse("deals:new_pipeline"), NEW)
    outbox.deliver()
    edit = Edit.objects.get()
    assert edit.state == State.REJECTED
    url = f"{reverse('deals:new_pipeline')}?mend={edit.pk}"
    assert url.replace("&", "&amp;") in web.get(reverse("deals:pipelines")).content.decode()
    form = web.get(url)
    assert "That name is reserved" in str(form.context["form"].errors["name"])
    assert form.context["form"]["name"].value() == "Partners of ours"
    assert form.context["rows"].forms[0]["name"].value() == "Talk"
    web.post(reverse("deals:new_pipeline"), {**NEW, "mend": str(edit.pk), "name": "Partners"})
    outbox.deliver()
    assert states() == CONFIRMED
    assert Pipeline.objects.filter(name="Partners").count() == 1


# --- changing one ---


def test_pipeline_is_renamed_and_coloured(pipeline: Pipeline, post: Post, nimble):
    post("edit_pipeline", name="Newest business", description="", color="#d6455d")
    assert states() == CONFIRMED
    assert (pipeline.name, pipeline.color) == ("Newest business", "#d6455d")
    assert there(nimble, pipeline)["name"] == "Newest business"


def test_refused_change_stands_at_its_field_and_in_the_inbox(pipeline: Pipeline, post: Post, nimble, web: Client):
    body = {**INVALID, "errors": {"/name": {"message": "Too plain"}}}
    nimble.fault(method="PUT", path="/deals/pipelines/", status=409, body=body, times=1)
    post("edit_pipeline", name="Plain", description="", color=pipeline.color)
    form = web.get(reverse("deals:edit_pipeline", args=[pipeline.pk])).context["form"]
    assert "Too plain" in str(form.errors["name"])
    assert form["name"].value() == "Plain"
    assert "Too plain" in web.get(reverse("sync:edit", args=[Edit.objects.get().pk])).content.decode()
    post("edit_pipeline", name="Fancy", description="", color=pipeline.color)
    assert pipeline.name == "Fancy"
    assert not Edit.objects.filter(state=State.REJECTED).exists()


def test_pipeline_is_archived_and_brought_back(pipeline: Pipeline, post: Post, nimble, web: Client):
    post("archive_pipeline", archived="1")
    assert pipeline.archived_at is not None
    assert there(nimble, pipeline)["archived_at"]
    assert pipeline in [one.pipeline for one in web.get(reverse("deals:pipelines")).context["archived"]]
    post("archive_pipeline", archived="0")
    assert pipeline.archived_at is None
    assert not there(nimble, pipeline)["archived_at"]
    assert states() == CONFIRMED


# --- deleting one ---


def test_pipeline_is_deleted_only_once_the_number_of_its_deals_is_typed(
    mirror, pipeline: Pipeline, post: Post, web: Client, nimble
):
    seen = queries.for_user(mirror.user).filter(pipeline_nimble_id=pipeline.nimble_id).count()
    asked = web.get(reverse("deals:delete_pipeline", args=[pipeline.pk])).content.decode()
    assert f"{seen} deals are deleted with it" in asked
    for wrong in ("New business", str(seen + 1), "0", ""):
        refused = post("delete_pipeline", typed=wrong)
        assert refused.status_code == 422
        assert "not the number of its deals" in refused.content.decode()
    assert not Edit.objects.exists()
    post("delete_pipeline", typed=f" {seen} ")
    assert states() == CONFIRMED
    assert pipeline.gone_at is not None
    assert not Deal.objects.filter(pipeline_nimble_id=pipeline.nimble_id, gone_at=None).exists()
    assert pipeline.nimble_id not in [one["id"] for one in nimble.objects("pipeline")]
    assert web.get(pipeline.manage_url()).status_code == 404


def test_making_a_pipeline_cannot_be_undone_with_its_deals(mirror, web: Client):
    web.post(reverse("deals:new_pipeline"), NEW)
    outbox.deliver()
    edit = Edit.objects.get()
    said = web.post(reverse("sync:undo", args=[edit.pk]), follow=True).content.decode()
    assert "Delete the pipeline instead" in said
    assert Edit.objects.count() == 1


def test_refused_deletion_is_said_and_can_be_tried_again(mirror, pipeline: Pipeline, post: Post, web: Client, nimble):
    body = {"message": "Not now"}
    nimble.fault(method="DELETE", path="/deals/pipelines/", status=403, body=body, times=1)
    seen = str(queries.for_user(mirror.user).filter(pipeline_nimble_id=pipeline.nimble_id).count())
    post("delete_pipeline", typed=seen)
    page = web.get(pipeline.manage_url()).content.decode()
    assert "Nimble did not delete this pipeline" in page
    assert "Not now" in page
    assert Deal.objects.filter(pipeline_nimble_id=pipeline.nimble_id, gone_at=None).exists()
    post("delete_pipeline", typed=seen)
    assert states() == {State.DISCARDED, State.CONFIRMED}
    assert pipeline.gone_at is not None


def test_pages_of_a_pipeline_that_is_not_in_nimble_yet(mirror, web: Client):
    web.post(reverse("deals:new_pipeline"), NEW)
    made = Pipeline.objects.get(name="Partners of ours")
    assert "as soon as Nimble has made it" in web.get(made.manage_url()).content.decode()
    assert web.get(made.get_absolute_url()).status_code == 200
    web.post(reverse("deals:delete_pipeline", args=[made.pk]), {"typed": "Partners of ours"})
    assert Edit.objects.get().state == State.DISCARDED
    assert web.get(made.manage_url()).status_code == 404


# --- rights ---


def test_who_neither_owns_nor_made_it_reads_it_and_is_told_why(mirror, other: Client, pipeline: Pipeline):
    page = other.get(pipeline.manage_url()).content.decode()
    assert "Qualify" in page
    assert "may change it in Nimble" in page
    assert reverse("deals:edit_pipeline", args=[pipeline.pk]) not in page
    for name, data in (("edit_pipeline", {"name": "X", "color": "#2685c4"}), ("archive_pipeline", {"archived": "1"})):
        answer = other.post(reverse(f"deals:{name}", args=[pipeline.pk]), data, follow=True)
        assert "may change it" in answer.content.decode()
    assert not Edit.objects.exists()


def test_word_of_who_owns_the_company_holds_until_nimble_refuses(mirror, other: Client, pipeline: Pipeline):
    other.post(reverse("deals:own_company"), {"owner": "1"})
    url = reverse("deals:edit_pipeline", args=[pipeline.pk])
    assert other.get(url).status_code == 200
    other.post(url, {"name": "Mine now", "description": "", "color": "#2685c4"})
    outbox.deliver()
    assert states() == {State.REJECTED}
    page = other.get(pipeline.manage_url())
    assert not page.context["page"].may_manage
    assert "You are not allowed" in page.content.decode() or "permission" in page.content.decode()


def test_owner_manages_a_pipeline_that_a_colleague_made(mirror, web: Client, pipeline: Pipeline, nimble):
    nimble.edit(BJORN, "pipeline", pipeline.nimble_id, set={"creator": nimble.users[BJORN]["user_id"]})
    pull.sync_now(mirror, "pipelines")
    pull.pull(mirror)
    assert not web.get(pipeline.manage_url()).context["page"].may_manage
    web.post(reverse("deals:own_company"), {"owner": "1"})
    web.post(reverse("deals:archive_pipeline", args=[pipeline.pk]), {"archived": "1"})
    outbox.deliver()
    assert states() == CONFIRMED
    assert there(nimble, pipeline)["archived_at"]


def test_deal_that_was_to_be_moved_here_outlives_a_deleted_pipeline(ada: Connection, keep: Keep, sales: Pipeline):
    stays, goes = keep(deal(1), deal(2, "Talk", pipeline="p-partners"))
    partners = Pipeline.objects.get(nimble_id="p-partners")
    actions.move(author=ada.user, deal=stays, stage=partners.stages.get(name="Talk"))
    actions.move(author=ada.user, deal=goes, stage=sales.stages.get(name="Qualify"))
    registry.resource("pipeline").removed(partners, database_now())
    assert list(Deal.objects.exclude(gone_at=None)) == [goes]
