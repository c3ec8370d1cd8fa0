"""The stages that deals have gone through: what Nimble tells of them, kept once, whoever brings it."""

from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps

from deals import actions, losses, moves
from deals.models import Deal, DealNote, Pipeline, PipelineSight, Stage, StageMove
from deals.record import Record
from deals.views.deal import stays
from nimble.models import Connection
from sync import outbox, pull
from sync import undo as undoing
from sync.models import Edit, State, Stream
from tests import factories
from tests.deals.conftest import Keep, browser
from tests.deals.payloads import deal, went
from tests.people import ADA, BJORN, Connect
from tests.sandboxes import SandboxServer

Known = StageMove.Known
T = [f"2024-0{month}-01T10:00:00Z" for month in range(1, 8)]


def way(row: Deal) -> list[tuple[str, str, str]]:
    """Where the deal went, when, and how well that is known."""
    found = StageMove.objects.filter(deal=row).order_by("number")
    return [(one.stage_nimble_id.removeprefix("s-"), f"{one.at:%m-%d %H}", one.known) for one in found]


def stage(name: str) -> Stage:
    return Stage.objects.get(nimble_id=f"s-{name.lower()}")


def test_first_sight_keeps_the_way_that_nimble_tells(keep: Keep):
    steps = [went(None, "Qualify", T[0]), went("Qualify", "Propose", T[1]), went("Propose", "Won", T[3])]
    [row] = keep(deal(1, "Won", transitions=steps))
    assert way(row) == [
        ("qualify", "01-01 10", Known.EXACT),
        ("propose", "02-01 10", Known.EXACT),
        ("won", "04-01 10", Known.EXACT),
    ]
    stays = moves.of(row)
    assert [(one.pipeline, one.from_stage, one.stage, one.by) for one in stays] == [
        ("Sales", "", "Qualify", "u1"),
        ("Sales", "Qualify", "Propose", "u1"),
        ("Sales", "Propose", "Won", "u1"),
    ]
    assert [one.lasted for one in stays[:2]] == [timedelta(days=31), timedelta(days=60)]
    assert stays[2].left is None
    assert stays[2].lasted > timedelta(days=100)


def test_way_told_newest_first_is_kept_oldest_first(keep: Keep):
    steps = [went("Qualify", "Propose", T[1]), went(None, "Qualify", T[0])]
    [row] = keep(deal(1, "Propose", transitions=steps))
    assert [one[0] for one in way(row)] == ["qualify", "propose"]


def test_deal_without_a_told_way_is_known_since_its_last_change(keep: Keep):
    [row] = keep(deal(1, updated="2024-05-06T07:08:09+0000"))
    assert way(row) == [("qualify", "05-06 07", Known.SEEN)]


def test_same_payload_again_writes_nothing(keep: Keep):
    steps = [went(None, "Qualify", T[0]), went("Qualify", "Propose", "2024-02-03")]
    [row] = keep(deal(1, "Propose", transitions=steps))
    before = list(StageMove.objects.values())
    keep(deal(1, "Propose", transitions=steps, tags=["new"]))
    assert list(StageMove.objects.values()) == before
    assert way(row)[1] == ("propose", "02-03 00", Known.DAY)


def test_next_move_ends_the_stay_before_it(keep: Keep):
    steps = [went(None, "Qualify", T[0]), went("Qualify", "Propose", T[1]), went("Propose", "Qualify", T[2])]
    [row] = keep(deal(1, "Qualify", transitions=steps[:1]))
    keep(deal(1, "Qualify", transitions=steps))
    stays = moves.of(row)
    assert [one.stage for one in stays] == ["Qualify", "Propose", "Qualify"]
    assert [one.left for one in stays] == [stays[1].entered, stays[2].entered, None]


def test_move_that_only_a_listing_shows_is_known_better_once_nimble_tells_when(keep: Keep):
    steps = [went(None, "Qualify", T[0])]
    [row] = keep(deal(1, "Qualify", transitions=steps, updated="2024-03-04T00:00:00Z"))
    keep(deal(1, "Propose", transitions=steps, updated="2024-03-05T00:00:00Z"))
    assert way(row)[1] == ("propose", "03-05 00", Known.SEEN)
    keep(deal(1, "Propose", transitions=[*steps, went("Qualify", "Propose", T[1])], updated="2024-03-06T00:00:00Z"))
    assert way(row) == [("qualify", "01-01 10", Known.EXACT), ("propose", "02-01 10", Known.EXACT)]


def test_way_through_another_pipeline_stays_when_nimble_forgets_it(keep: Keep):
    steps = [went(None, "Qualify", T[0]), went("Qualify", "Propose", T[1])]
    [row] = keep(deal(1, "Propose", transitions=steps))
    keep(deal(1, "Talk", pipeline="p-partners", transitions=[went(None, "Talk", T[2])]))
    assert [(one.pipeline, one.from_stage, one.stage) for one in moves.of(row)] == [
        ("Sales", "", "Qualify"),
        ("Sales", "Qualify", "Propose"),
        ("Partners", "Propose", "Talk"),
    ]


def test_way_that_nimble_tells_again_after_another_pipeline_is_not_doubled(keep: Keep):
    steps = [went(None, "Qualify", T[0]), went("Qualify", "Propose", T[1])]
    [row] = keep(deal(1, "Propose", transitions=steps))
    keep(deal(1, "Talk", pipeline="p-partners", transitions=[went(None, "Talk", T[2])]))
    back = deal(1, "Won", transitions=[*steps, went("Propose", "Won", T[4])])
    keep(back)
    keep({**back, "tags": ["new"]})
    stages = [("qualify", "01-01 10"), ("propose", "02-01 10"), ("talk", "03-01 10"), ("won", "05-01 10")]
    assert [one[:2] for one in way(row)] == stages


def test_move_in_the_second_in_which_the_deal_was_seen_first_is_kept(keep: Keep):
    [row] = keep(deal(1, updated="2024-03-04T00:00:00Z"))
    keep(deal(1, "Propose", updated="2024-03-04T00:00:00Z"))
    assert [one[0] for one in way(row)] == ["qualify", "propose"]


def test_nimbles_word_replaces_a_way_that_contradicts_it(keep: Keep):
    [row] = keep(deal(1, "Propose", transitions=[went(None, "Qualify", T[0]), went("Qualify", "Propose", T[1])]))
    keep(deal(1, "Won", transitions=[went(None, "Won", T[0])]))
    assert [one[0] for one in way(row)] == ["won"]


@pytest.fixture
def moved(mirror: Connection) -> Deal:
    """A public deal of the sandbox in an open stage."""
    return Deal.objects.filter(is_private=False, stage_nimble_id__in=open_stages()).order_by("pk")[0]


def open_stages() -> Any:
    return Stage.objects.filter(is_final=False, archived_at=None).values("nimble_id")


def elsewhere(row: Deal) -> Stage:
    own = Stage.objects.filter(pipeline__nimble_id=row.pipeline_nimble_id, archived_at=None, is_final=False)
    return own.exclude(nimble_id=row.stage_nimble_id).exclude(default_probability=None)[0]


def again(connection: Connection) -> None:
    Stream.objects.filter(connection=connection).update(next_run_at=None)
    Stream.objects.filter(connection=connection, name="deals").update(cursor={})
    pull.pull(connection)


def test_confirmed_edit_and_its_echo_make_one_move_of_ours(mirror: Connection, moved: Deal):
    before = StageMove.objects.filter(deal=moved).count()
    edit = actions.move(author=mirror.user, deal=moved, stage=elsewhere(moved))
    assert edit
    assert StageMove.objects.filter(deal=moved).count() == before, "not in Nimble yet"
    outbox.deliver()
    mine = StageMove.objects.filter(deal=moved, edit=edit)
    stored = mine.get()
    assert (stored.number, stored.by, stored.known) == (before + 1, mirror.nimble_user_id, Known.EXACT)
    assert abs(stored.at - datetime.now(UTC)) < timedelta(minutes=5)
    again(mirror)
    assert StageMove.objects.filter(deal=moved).count() == before + 1
    assert mine.get() == stored
    assert moves.of(moved)[-1].is_ours


def test_move_made_in_nimble_is_not_ours(mirror: Connection, moved: Deal, nimble: SandboxServer):
    before = StageMove.objects.filter(deal=moved).count()
    path = f"/api/v2/deals/{moved.nimble_id}"
    told = nimble.request("GET", path, ADA).json()
    named = told["fields_values_with_names"]["name"] if isinstance(told["fields_values_with_names"], dict) else None
    assert named
    body = {"stage_id": elsewhere(moved).nimble_id, "fields_values_with_names": {"name": named}}
    answer = nimble.request("PUT", path, ADA, json=body)
    assert answer.status_code == 200, answer.text
    again(mirror)
    stays = moves.of(moved)
    assert len(stays) == before + 1
    assert not stays[-1].is_ours


def test_move_that_a_pull_brings_before_its_confirmation_is_ours_all_the_same(
    mirror: Connection, moved: Deal, nimble: SandboxServer
):
    edit = actions.move(author=mirror.user, deal=moved, stage=elsewhere(moved))
    assert edit
    before = StageMove.objects.filter(deal=moved).count()
    name = [{"value": moved.name}]
    body = {"stage_id": elsewhere(moved).nimble_id, "fields_values_with_names": {"name": name}}
    nimble.request("PUT", f"/api/v2/deals/{moved.nimble_id}", ADA, json=body)
    again(mirror)
    outbox.deliver()
    assert StageMove.objects.filter(deal=moved).count() == before + 1
    assert moves.of(moved)[-1].is_ours


def test_every_deal_of_a_pull_has_its_way_up_to_where_it_stands(mirror: Connection):
    last = dict(StageMove.objects.filter(until=None).values_list("deal_id", "stage_nimble_id"))
    assert last == dict(Deal.objects.values_list("pk", "stage_nimble_id"))
    for move in StageMove.objects.exclude(until=None):
        following = StageMove.objects.get(deal=move.deal_id, number=move.number + 1)
        assert move.until == following.at >= move.at
        assert following.from_stage_nimble_id == move.stage_nimble_id


def test_migration_tells_of_deals_stored_before(mirror: Connection, moved: Deal):
    actions.move(author=mirror.user, deal=moved, stage=elsewhere(moved))
    outbox.deliver()
    names = ("deal_id", "number", "pipeline_nimble_id", "stage_nimble_id", "until", "by", "edit_id")
    before = list(StageMove.objects.values(*names))
    assert before
    StageMove.objects.all().delete()
    import_module("deals.migrations.0010_stage_moves").fill(apps, None)
    assert list(StageMove.objects.values(*names)) == before


def reason(row: Deal) -> str | None:
    return losses.with_reason(Deal.objects.filter(pk=row.pk)).get().lost_because


def test_reason_counts_while_the_deal_is_lost_by_that_move(ada: Connection, keep: Keep):
    [row] = keep(deal(1, transitions=[went(None, "Qualify", T[0])]))
    edit = actions.move(author=ada.user, deal=row, stage=stage("Lost"), reason="Too dear")
    assert edit
    assert reason(row) == "Too dear"
    undoing.undo(edit, author=ada.user)
    assert reason(row) is None


def test_reason_of_a_loss_that_was_taken_back_in_nimble_does_not_count_for_the_next(ada: Connection, keep: Keep):
    steps = [went(None, "Qualify", T[0])]
    [row] = keep(deal(1, transitions=steps))
    edit = actions.move(author=ada.user, deal=row, stage=stage("Lost"), reason="Too dear")
    assert edit
    Edit.objects.filter(pk=edit.pk).update(state="confirmed", confirmed_at=edit.created_at)
    later = [(edit.created_at + timedelta(hours=hours)).isoformat() for hours in range(1, 4)]
    lost = [*steps, went("Qualify", "Lost", later[0])]
    keep(deal(1, "Lost", transitions=lost))
    assert reason(row) == "Too dear"
    keep(deal(1, "Lost", transitions=[*lost, went("Lost", "Qualify", later[1]), went("Qualify", "Lost", later[2])]))
    assert reason(row) is None


def test_reason_of_a_deal_that_is_open_again_does_not_count(ada: Connection, keep: Keep):
    steps = [went(None, "Qualify", T[0])]
    [row] = keep(deal(1, transitions=steps))
    edit = actions.move(author=ada.user, deal=row, stage=stage("Lost"), reason="Too dear")
    assert edit
    Edit.objects.filter(pk=edit.pk).update(state="confirmed", confirmed_at=edit.created_at)
    later = [(edit.created_at + timedelta(hours=hours)).isoformat() for hours in range(1, 3)]
    again = [*steps, went("Qualify", "Lost", later[0]), went("Lost", "Propose", later[1])]
    keep(deal(1, "Propose", transitions=again))
    assert reason(row) is None


def test_migration_tells_the_reasons_that_notes_tell(ada: Connection, keep: Keep):
    [row] = keep(deal(1))
    actions.move(author=ada.user, deal=row, stage=stage("Lost"), reason="Too dear: by far")
    DealNote.objects.update(lost_reason="")
    import_module("deals.migrations.0010_stage_moves").tell_reasons(apps, None)
    assert reason(row) == "Too dear: by far"


def test_stage_of_a_hidden_pipeline_is_not_named_though_another_has_its_name(ada: Connection, keep: Keep):
    [row] = keep(deal(1, "Talk", pipeline="p-partners", transitions=[went(None, "Talk", T[2])]))
    keep(deal(1, "Propose", transitions=[went(None, "Propose", T[3])]))
    Pipeline.objects.filter(nimble_id="p-partners").update(name="Sales")
    PipelineSight.objects.filter(record__nimble_id="p-partners", connection=ada).delete()
    shown = [one.stage for one in stays(Record(Deal.objects.get(pk=row.pk), ada.user))]
    assert shown == ["Propose", "A stage that you do not see"]


def test_history_names_no_stage_of_a_hidden_pipeline(ada: Connection, keep: Keep, sales: Pipeline, connect: Connect):
    [row] = keep(deal(1, "Talk", pipeline="p-partners"))
    Pipeline.objects.filter(nimble_id="p-partners").update(name="Kept secret")
    Stage.objects.filter(name="Talk").update(name="Kept quiet")
    edit = actions.move(author=ada.user, deal=row, stage=sales.stages.get(name="Qualify"))
    Edit.objects.update(state=State.CONFIRMED, confirmed_at=T[3])
    Deal.objects.update(pipeline_nimble_id=sales.nimble_id, stage_nimble_id=edit.fields["stage"]["new"])
    bjorn = factories.caught_up(connect(BJORN))
    PipelineSight.objects.filter(record__nimble_id="p-partners", connection=bjorn).delete()
    for who, named in ((ada, True), (bjorn, False)):
        for address in ("/history/", "/history/export/"):
            answer = browser(who.user).get(address)
            told = (answer.getvalue() if answer.streaming else answer.content).decode()
            assert "Qualify" in told
            assert ("Kept quiet" in told, "Kept secret" in told) == (named, named), (who, address)
