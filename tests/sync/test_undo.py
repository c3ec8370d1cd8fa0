"""Taking edits back, one and many: what was changed since is noticed, and the rest goes on."""

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from contacts import actions as contact_actions
from contacts.models import Contact, ContactNote
from deals import actions
from deals.models import Deal
from nimble.models import Connection, Member
from sync import batches, edits, entries, mending, outbox, pull, undo
from sync.clock import database_now
from sync.models import Batch, Change, Edit, State
from tests.people import BJORN, Connect
from tests.sandboxes import SandboxServer


def settled(edit: Edit) -> Edit:
    outbox.deliver()
    edit.refresh_from_db()
    return edit


@pytest.fixture
def deals(mirror: Connection) -> list[Deal]:
    return list(Deal.objects.filter(is_private=False).exclude(amount=None).order_by("pk")[:4])


def described(nimble: SandboxServer, deal: Deal) -> str | None:
    return nimble.object("deal", deal.nimble_id)["values"].get("description")


def test_undo_of_what_somebody_changed_since_is_a_conflict_and_leaves_theirs_shown(
    mirror: Connection, deal: Deal, nimble: SandboxServer
):
    edit = settled(actions.change(author=mirror.user, deal=deal, field="description", value="Ours"))
    nimble.edit(BJORN, "deal", deal.nimble_id, set={"description": "Theirs"})
    pull.sync_now(mirror)
    pull.pull(mirror)
    undone = undo.undo(edit, author=mirror.user)
    assert undone.since
    assert undone.since.by == str(Member.objects.get(nimble_user_id=nimble.users[BJORN]["user_id"]))
    assert (undone.edit.state, undone.edit.fields["description"]["theirs"]) == (State.CONFLICT, "Theirs")
    outbox.deliver()
    assert described(nimble, deal) == "Theirs"
    assert edits.resolve(undone.edit, {})
    outbox.deliver()
    assert described(nimble, deal) != "Theirs"


def test_who_changed_or_made_a_contact_is_called_by_the_name_that_nimble_says(mirror: Connection):
    contact = Contact.objects.filter(record_type="person", is_private=False)[0]
    name = [{"value": "Zaphod", "modifier": ""}]
    edit = settled(contact_actions.change_field(author=mirror.user, contact=contact, name="first name", wanted=name))
    Change.objects.create(
        workspace=mirror.workspace, kind="contact", record_id=contact.pk, field="x", by="Olga Owner", at=database_now()
    )
    assert undo.changed_since(edit, ["x"]).by == "Olga Owner"
    edit.state, edit.error = State.AMBIGUOUS, {"candidates": [{"id": "1", "by": "Olga Owner"}]}
    assert entries.one(edit, mirror.user).candidates[0].by == "Olga Owner"


def test_undo_of_a_change_of_tags_leaves_what_others_added(mirror: Connection, deal: Deal, nimble: SandboxServer):
    tags = list(deal.tags)
    edit = settled(actions.change(author=mirror.user, deal=deal, field="tags", value=[*tags, "ours"]))
    nimble.edit(BJORN, "deal", deal.nimble_id, set={"tags": [*tags, "ours", "theirs"]})
    assert settled(undo.undo(edit, author=mirror.user).edit).state == State.CONFIRMED
    assert sorted(nimble.object("deal", deal.nimble_id)["tags"]) == sorted([*tags, "theirs"])


@pytest.fixture
def note(mirror: Connection) -> ContactNote:
    contact = Contact.objects.filter(record_type="person", gone_at=None, is_private=False)[0]
    return contact_actions.write_note(author=mirror.user, contact=contact, text="First words")


def test_undo_of_a_changed_note_brings_its_text_back(mirror: Connection, note: ContactNote, nimble: SandboxServer):
    outbox.deliver()
    note.refresh_from_db()
    edit = settled(contact_actions.change_note(author=mirror.user, note=note, text="Other words"))
    assert "Other" in nimble.object("note", note.nimble_id)["note"]
    settled(undo.undo(edit, author=mirror.user).edit)
    assert "First" in nimble.object("note", note.nimble_id)["note"]


def test_undo_of_a_create_removes_it_from_nimble(mirror: Connection, note: ContactNote, nimble: SandboxServer):
    edit = settled(Edit.objects.get(kind="contact_note", record_id=note.pk))
    assert "removed from Nimble" in undo.consequence(edit)
    settled(undo.undo(edit, author=mirror.user).edit)
    assert note.nimble_id not in [one["id"] for one in nimble.objects("note")]


def test_undo_of_an_unsent_removal_keeps_the_note(mirror: Connection, note: ContactNote):
    outbox.deliver()
    note.refresh_from_db()
    removal = contact_actions.remove_note(author=mirror.user, note=note)
    assert undo.undo(removal, author=mirror.user).edit is None
    note.refresh_from_db()
    assert (note.removed, outbox.deliver()) == (False, 0)


def test_undo_of_a_sent_removal_says_why_there_is_none(mirror: Connection, note: ContactNote):
    outbox.deliver()
    note.refresh_from_db()
    removal = settled(contact_actions.remove_note(author=mirror.user, note=note))
    with pytest.raises(edits.CannotEdit, match="cannot bring back"):
        undo.undo(removal, author=mirror.user)


def test_many_are_undone_newest_first_and_those_changed_since_wait(
    mirror: Connection, deals: list[Deal], nimble: SandboxServer
):
    before = [described(nimble, deal) for deal in deals]
    made = [
        settled(actions.change(author=mirror.user, deal=deal, field="description", value=f"Bulk {deal.pk}"))
        for deal in deals
    ]
    again = settled(
        actions.change(
            author=mirror.user, deal=Deal.objects.get(pk=deals[0].pk), field="description", value="Once more"
        )
    )
    nimble.edit(BJORN, "deal", deals[1].nimble_id, set={"description": "Theirs"})
    pull.sync_now(mirror)
    pull.pull(mirror)
    batch = batches.begin(Batch.Action.UNDO, [*made, again], author=mirror.user)
    assert batch.finished_at
    assert batch.edit_ids == sorted(batch.edit_ids, reverse=True)
    changed = batch.results[str(made[1].pk)]
    assert (changed["outcome"], bool(changed["by"])) == ("changed", True)
    assert [batch.results[str(one.pk)]["outcome"] for one in (made[0], made[2], made[3], again)] == ["done"] * 4
    outbox.deliver()
    assert [described(nimble, deal) for deal in deals] == [before[0], "Theirs", *before[2:]]
    assert batch.edits.filter(state=State.CONFLICT).count() == 1


def test_undo_of_a_batch_does_it_again(mirror: Connection, deals: list[Deal], nimble: SandboxServer):
    made = [settled(actions.change(author=mirror.user, deal=deal, field="description", value="Bulk")) for deal in deals]
    first = batches.begin(Batch.Action.UNDO, made, author=mirror.user)
    outbox.deliver()
    action, pks = batches.reversal(first)
    batches.begin(action, list(Edit.objects.filter(pk__in=pks)), author=mirror.user)
    outbox.deliver()
    assert {described(nimble, deal) for deal in deals} == {"Bulk"}


def test_long_batch_goes_on_where_it_stood_after_a_worker_was_killed(
    mirror: Connection, deals: list[Deal], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(batches, "AT_ONCE", 1)
    made = [actions.change(author=mirror.user, deal=deal, field="description", value="Bulk") for deal in deals]
    batch = batches.begin(Batch.Action.DISCARD, made, author=mirror.user)
    assert (batch.done, batch.finished_at) == (0, None)
    batches.run(batch, until=0)
    batches._step(batch)
    assert Batch.objects.get(pk=batch.pk).done == 1
    assert not batches.go_on(seconds=30)
    batch.refresh_from_db()
    assert (batch.done, set(Edit.objects.values_list("state", flat=True))) == (4, {State.DISCARDED})
    action, pks = batches.reversal(batch)
    assert (action, sorted(pks)) == (Batch.Action.RESTORE, [one.pk for one in made])


def test_batch_touches_nobody_elses_edits(mirror: Connection, deal: Deal, connect: Connect):
    edit = actions.change(author=mirror.user, deal=deal, field="description", value="Mine")
    batch = batches.begin(Batch.Action.DISCARD, [edit], author=connect(BJORN).user)
    edit.refresh_from_db()
    assert (edit.state, batch.results[str(edit.pk)]["outcome"]) == (State.PENDING, "skipped")


def test_discarded_edit_goes_out_after_all(mirror: Connection, deal: Deal, nimble: SandboxServer):
    edit = actions.change(author=mirror.user, deal=deal, field="description", value="After all")
    assert edits.discard(edit)
    assert edits.restore(edit)
    deal.refresh_from_db()
    assert deal.description == "After all"
    assert settled(edit).state == State.CONFIRMED
    assert described(nimble, deal) == "After all"


def test_step_that_another_worker_has_done_meanwhile_is_not_done_again(mirror: Connection, deals: list[Deal]):
    made = [actions.change(author=mirror.user, deal=deal, field="name", value="Twice?") for deal in deals[:2]]
    batch = Batch.objects.create(
        author=mirror.user, action=Batch.Action.DISCARD, edit_ids=[one.pk for one in made if one],
        created_at=database_now(),
    )  # fmt: skip
    late = Batch.objects.get(pk=batch.pk)
    batches._step(batch)
    # Its lease has lapsed, and it does not know.
    batches._step(late)
    batch.refresh_from_db()
    assert {result["outcome"] for result in batch.results.values()} == {"done"}
    assert (batch.done, len(batch.results)) == (2, 2)


@pytest.mark.parametrize(
    ("state", "act"),
    [
        (State.FAILED, edits.retry),
        (State.CONFLICT, lambda edit: edits.resolve(edit, {})),
        (State.REJECTED, lambda edit: mending.mend(edit, {})),
    ],
)
def test_who_decides_takes_the_record_before_its_edit(mirror: Connection, deals: list[Deal], state, act):
    edit = actions.change(author=mirror.user, deal=deals[0], field="name", value="Locked in order")
    assert edit
    Edit.objects.filter(pk=edit.pk).update(state=state)
    with CaptureQueriesContext(database) as asked:
        assert act(edit)
    touched = [query["sql"] for query in asked.captured_queries]
    row = next(at for at, sql in enumerate(touched) if 'FROM "deals_deal"' in sql)
    assert not [sql for sql in touched[:row] if sql.startswith("UPDATE") or "FOR UPDATE" in sql]
    # SQLite locks nothing row by row: there, the edit is read whole only after its record.
    assert not [sql for sql in touched[:row] if '"sync_edit"."fields"' in sql]
