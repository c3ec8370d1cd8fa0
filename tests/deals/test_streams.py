"""What a listing leaves out, and what comes late: nobody else loses anything by it."""

import pytest

from deals import metadata, streams
from deals.models import Deal, DealField, Pipeline
from deals.queries import for_user
from deals.streams import save_fields
from nimble.client import Client
from nimble.models import Connection
from sync import pull
from sync.models import Run, Stream
from sync.reader import Reader
from tests.deals.conftest import Keep
from tests.deals.payloads import METADATA, deal, stage
from tests.people import BJORN, Connect
from tests.sandboxes import SandboxServer

LISTING = r"/api/v2/deals/pipelines(\?|$)"

NO_SUCH = {"code": 110, "message": "No such pipeline", "object_type": "deal pipeline", "object_id": "gone"}


def again(connection: Connection) -> dict[str, Run]:
    """One more pull, the walk included."""
    Stream.objects.filter(connection=connection).update(next_run_at=None)
    Stream.objects.filter(connection=connection, name="deals").update(cursor={})
    return {run.stream.name: run for run in pull.pull(connection) or []}


def without(nimble: SandboxServer, connection: Connection, pipeline_id: str) -> dict:
    listed = nimble.request("GET", "/api/v2/deals/pipelines", connection.email).json()["pipelines"]
    return {"pipelines": [one for one in listed if one["pipeline_id"] != pipeline_id]}


def test_empty_answers_remove_neither_pipelines_nor_fields(mirror: Connection, nimble: SandboxServer):
    fields = DealField.objects.count()
    nimble.fault(method="GET", path=LISTING, status=200, body={"pipelines": []}, times=0)
    nimble.fault(method="GET", path=r"/api/v2/deals/pipelines/[^/]+$", status=404, body=NO_SUCH, times=0)
    metadata = {"standard_fields": [], "pipelines_tabs": []}
    nimble.fault(method="GET", path=r"/api/v2/deals/fields", status=200, body=metadata, times=0)
    assert again(mirror)["pipelines"].state == Run.State.DONE
    assert not Pipeline.objects.exclude(gone_at=None).exists()
    assert DealField.objects.count() == fields


def test_pipeline_missing_from_a_listing_is_gone_once_nimble_does_not_find_it(
    mirror: Connection, nimble: SandboxServer
):
    pipeline = Pipeline.objects.all()[0]
    body = without(nimble, mirror, pipeline.known_id)
    nimble.fault(method="GET", path=LISTING, status=200, body=body, times=0)
    again(mirror)
    pipeline.refresh_from_db()
    assert pipeline.gone_at is None, "it can still be read on its own"
    path = rf"/api/v2/deals/pipelines/{pipeline.nimble_id}$"
    nimble.fault(method="GET", path=path, status=404, body=NO_SUCH, times=0)
    again(mirror)
    pipeline.refresh_from_db()
    assert pipeline.gone_at is not None


def test_pipeline_that_is_gone_is_not_brought_back_by_a_listing_that_was_read_before(
    mirror: Connection, nimble: SandboxServer
):
    pipeline = Pipeline.objects.all()[0]
    reader = Reader(mirror, Client(mirror))
    answer, read_at = reader.read(reader.client.pipelines)
    nimble.fault(method="GET", path=LISTING, status=200, body=without(nimble, mirror, pipeline.known_id), times=0)
    path = rf"/api/v2/deals/pipelines/{pipeline.nimble_id}$"
    nimble.fault(method="GET", path=path, status=404, body=NO_SUCH, times=0)
    again(mirror)
    reader.page("pipeline", answer["pipelines"], read_at=read_at)
    pipeline.refresh_from_db()
    assert pipeline.gone_at is not None


def test_pipeline_that_one_person_may_not_see_stays_for_the_others(
    mirror: Connection, connect: Connect, nimble: SandboxServer
):
    bjorn = connect(BJORN)
    pull.pull(bjorn)
    again(mirror)
    pipeline_id = for_user(bjorn.user).values_list("pipeline_nimble_id", flat=True)[0]
    mine, theirs = (for_user(one.user).filter(pipeline_nimble_id=pipeline_id) for one in (mirror, bjorn))
    before = mine.count()
    assert theirs.exists()
    who = nimble.users[BJORN]["user_id"]
    body = without(nimble, bjorn, pipeline_id)
    nimble.fault(method="GET", path=LISTING, status=200, body=body, times=0, user=who)
    path = rf"/api/v2/deals/pipelines/{pipeline_id}(/|$)"
    nimble.fault(method="GET", path=path, status=404, body=NO_SUCH, times=0, user=who)
    again(bjorn)
    assert Pipeline.objects.get(nimble_id=pipeline_id).gone_at is None
    assert not theirs.exists()
    assert mine.count() == before > 0
    nimble.clear_faults()
    again(bjorn)
    assert theirs.exists()


def test_metadata_that_comes_late_reaches_stored_deals(mirror: Connection, nimble: SandboxServer):
    named = Deal.objects.exclude(name="").count()
    assert named
    known = list(DealField.objects.filter(is_standard=True))
    assert known
    # As it was stored before the metadata was known.
    Deal.objects.update(name="")
    DealField.objects.all().delete()
    again(mirror)
    assert Deal.objects.exclude(name="").count() == named


def test_the_same_metadata_again_stores_nothing_anew(keep: Keep, ada: Connection):
    [row] = keep(deal(1))
    save_fields(ada.workspace_id, metadata.fields(METADATA))
    row.refresh_from_db()
    assert row.digest
    renamed = [{**field, "name": "other"} for field in metadata.fields(METADATA)]
    save_fields(ada.workspace_id, renamed)
    row.refresh_from_db()
    assert not row.digest


def test_odd_records_are_stored_with_what_can_be_read_of_them(keep: Keep):
    stages = [
        {**stage("First"), "name": 7, "description": [], "expected_days": -3, "default_probability": "much"},
        {**stage("Second"), "expected_days": 10**12, "stage_id": "s" * 100},
        {**stage("Third"), "expected_days": "14"},
        "none",
    ]
    reasons = [{"id": {}, "text": "x"}, {"id": "r8", "text": 5}, None]
    [row] = keep(
        {"pipeline_id": "p-odd", "name": 5, "color": {}, "stages": stages, "lost_reasons": reasons}, kind="pipeline"
    )
    assert [(one.name, one.expected_days) for one in row.stages.all()] == [("", None), ("Second", None), ("Third", 14)]
    assert list(row.lost_reasons.values_list("nimble_id", "text")) == [("r8", "")]
    keep({"pipeline_id": "p-none", "name": "None", "stages": 3, "lost_reasons": "many"}, kind="pipeline")


def test_first_walk_counts_each_deal_once(mirror: Connection):
    run = Run.objects.get(stream__connection=mirror, stream__name="deals")
    assert run.full
    assert (run.done, run.total) == (for_user(mirror.user).count(),) * 2


def test_walk_after_too_many_changes_counts_what_was_read_before_in_all(
    mirror: Connection, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(streams, "NEWEST", (5, 8))
    cursor = {"walked": "2020-01-01T00:00:00+00:00", "reached": "1970-01-01T00:00:00+00:00"}
    Stream.objects.filter(connection=mirror, name="deals").update(cursor=cursor, next_run_at=None)
    run = next(run for run in pull.pull(mirror) or [] if run.stream.name == "deals")
    run.refresh_from_db()
    assert run.done == run.total == 8 + for_user(mirror.user).count()
