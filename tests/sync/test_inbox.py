"""The inbox: what waits for a person, by cause, and what can be done about it, one by one and many at once."""

import csv
import io

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from contacts import actions as contact_actions
from contacts.models import Contact, ContactField
from deals import actions, queries
from deals.models import Deal
from nimble.client import Client
from nimble.models import Connection, Member
from sync import inbox, outbox, quarantine, recreate
from sync.clock import database_now
from sync.models import Attempt, Batch, Change, Edit, Export, Quarantined, State
from tests import factories
from tests.people import BJORN, Connect
from tests.sandboxes import SandboxServer
from tests.sync.pages import signed_in, text


@pytest.fixture
def mirror(db: None, ada: Connection) -> Connection:
    return factories.mirrored(ada)


@pytest.fixture
def deals(mirror: Connection) -> list[Deal]:
    return list(Deal.objects.filter(is_private=False).order_by("pk")[:6])


def in_state(mirror: Connection, deal: Deal, state: str, field: str = "name", **error: object) -> Edit:
    """An edit that stands where the engine would have brought it."""
    edit = actions.change(author=mirror.user, deal=deal, field=field, value=f"{deal.name} renamed")
    assert edit
    if state == State.CONFLICT and error.get("reason") != "missing":
        edit.fields[field]["theirs"] = "Another name altogether"
    Edit.objects.filter(pk=edit.pk).update(state=state, error=error, fields=edit.fields)
    edit.refresh_from_db()
    return edit


def conflict(mirror: Connection, deal: Deal) -> Edit:
    return in_state(mirror, deal, State.CONFLICT, reason="conflict", at="2026-03-01T10:00:00Z")


def test_inbox_groups_by_cause_the_worst_first(mirror: Connection, deals: list[Deal]):
    in_state(mirror, deals[0], State.REJECTED, reason="Invalid")
    in_state(mirror, deals[1], State.BLOCKED, reason="quota")
    in_state(mirror, deals[2], State.BLOCKED, reason="reconnect")
    in_state(mirror, deals[3], State.CONFLICT, reason="missing")
    conflict(mirror, deals[4])
    in_state(mirror, deals[5], State.FAILED, reason="ServerError")
    assert [group.cause.key for group in inbox.groups(mirror.user)] == [
        "reconnect", "conflict", "missing", "rejected", "failed", "quota",
    ]  # fmt: skip
    page = text(signed_in(mirror).get("/inbox/"))
    for words in ("Changed by somebody else, too", "Gone from Nimble", "Refused by Nimble", "Given up after ten tries"):
        assert words in page
    assert f"Ours {deals[4].name} renamed Nimble's Another name altogether" in page


def test_inbox_is_a_persons_own(mirror: Connection, deals: list[Deal], connect: Connect):
    conflict(mirror, deals[0])
    page = signed_in(connect(BJORN)).get("/inbox/")
    assert ("Nothing needs you" in text(page), deals[0].name in text(page)) == (True, False)


def test_sidebar_counts_what_waits(mirror: Connection, deals: list[Deal]):
    for deal in deals[:2]:
        conflict(mirror, deal)
    assert (
        '<span>Inbox</span><span class="badge" id="count-inbox">2</span>'
        in signed_in(mirror).get("/inbox/").content.decode()
    )


@pytest.mark.parametrize("path", ["/inbox/", "/history/"])
def test_pages_ask_no_more_for_three_edits_than_for_one(mirror: Connection, deals: list[Deal], path: str):
    client = signed_in(mirror)

    def statements() -> int:
        with CaptureQueriesContext(
            database,
        ) as found:
            assert client.get(path).status_code == 200
        return len(found)

    made = [conflict(mirror, deals[0])]
    statements()
    one = statements()
    for deal, field in zip(deals[1:3], ("description", "currency"), strict=True):
        made.append(in_state(mirror, deal, State.CONFLICT, field, reason="conflict", by="nobody"))
    Attempt.objects.bulk_create(Attempt(edit=edit, token="t", began_at=database_now()) for edit in made * 2)
    assert statements() <= one + 1


def test_conflict_says_who_changed_it_in_nimble_and_when(
    mirror: Connection, deals: list[Deal], nimble: SandboxServer, connect: Connect
):
    actions.change(author=mirror.user, deal=deals[0], field="description", value="A text of ours, quite long")
    nimble.edit(BJORN, "deal", deals[0].nimble_id, set={"description": "A text of theirs, quite long"})
    outbox.deliver()
    bjorn = nimble.users[BJORN]
    Member.objects.update_or_create(
        workspace=mirror.workspace, nimble_user_id=bjorn["user_id"], defaults={"name": bjorn["name"]}
    )
    client = signed_in(mirror)
    assert f"Changed in Nimble by {bjorn['name']}" in text(client.get("/inbox/"))
    page = client.get(f"/sync/edits/{Edit.objects.get().pk}/")
    assert f"Last changed in Nimble by {bjorn['name']}" in text(page)


def test_conflict_of_texts_marks_the_words_that_differ(mirror: Connection, deals: list[Deal]):
    edit = conflict(mirror, deals[0])
    edit.fields["name"] = {"base": "one two three four", "new": "one two 3 four", "theirs": "one two three five"}
    edit.save()
    page = signed_in(mirror).get(f"/sync/edits/{edit.pk}/").content.decode()
    assert '<del><span class="sr-only">removed: </span>three' in page
    assert '<ins><span class="sr-only">added: </span>3' in page
    assert '<ins><span class="sr-only">added: </span>five' in page


def test_preview_says_what_would_be_sent_and_sends_nothing(mirror: Connection, deals: list[Deal]):
    edit = conflict(mirror, deals[0])
    client = signed_in(mirror)
    path = f"/sync/edits/{edit.pk}/preview/"
    ours = client.post(path, {"choice-0": "ours"})
    assert f"Another name altogether {deals[0].name} renamed" in text(ours)
    theirs = client.post(path, {"all": "theirs"}, headers={"HX-Request": "true"})
    assert "stays as it is in Nimble; nothing is sent" in text(theirs)
    assert client.post(path, {}).status_code == 422
    edit.refresh_from_db()
    assert edit.state == State.CONFLICT


def test_resolve_and_next_leads_through_what_is_left(mirror: Connection, deals: list[Deal]):
    made = [conflict(mirror, deal) for deal in deals[:3]]
    client = signed_in(mirror)
    answer = client.post(f"/sync/edits/{made[2].pk}/resolve/", {"all": "ours", "go": "next"})
    assert answer["Location"] == f"/sync/edits/{made[1].pk}/"
    answer = client.post(f"/sync/edits/{made[1].pk}/discard/", {"go": "next"})
    assert answer["Location"] == f"/sync/edits/{made[0].pk}/"
    answer = client.post(f"/sync/edits/{made[0].pk}/resolve/", {"all": "theirs", "go": "next"}, follow=True)
    assert answer.redirect_chain[-1][0] == "/inbox/"
    assert "That was the last one." in text(answer)


def test_many_are_done_at_once_with_a_notice_that_takes_it_back(mirror: Connection, deals: list[Deal]):
    made = [in_state(mirror, deal, State.FAILED, reason="ServerError") for deal in deals[:3]]
    client = signed_in(mirror)
    chosen = {"action": "discard", "edit": [made[0].pk, made[1].pk]}
    answer = client.post("/inbox/many/", chosen, follow=True)
    assert "2 edits were discarded." in text(answer)
    batch = Batch.objects.get()
    assert f'action="/inbox/batches/{batch.pk}/undo/"' in answer.content.decode()
    client.post(f"/inbox/batches/{batch.pk}/undo/")
    states = dict(Edit.objects.values_list("pk", "state"))
    assert states == {made[0].pk: State.PENDING, made[1].pk: State.PENDING, made[2].pk: State.FAILED}


def test_whole_of_a_cause_is_done_at_once(mirror: Connection, deals: list[Deal]):
    for deal in deals[:3]:
        conflict(mirror, deal)
    kept = in_state(mirror, deals[3], State.REJECTED, reason="Invalid")
    signed_in(mirror).post("/inbox/many/", {"action": "theirs", "cause": "conflict", "whole": "1"})
    assert Edit.objects.filter(state=State.DISCARDED).count() == 3
    kept.refresh_from_db()
    assert kept.state == State.REJECTED


def test_nobody_does_anything_to_the_edits_of_others(mirror: Connection, deals: list[Deal], connect: Connect):
    edit = conflict(mirror, deals[0])
    stranger = signed_in(connect(BJORN))
    stranger.post("/inbox/many/", {"action": "discard", "edit": [edit.pk]})
    stranger.post("/inbox/many/", {"action": "discard", "cause": "conflict", "whole": "1"})
    edit.refresh_from_db()
    assert (edit.state, Batch.objects.count()) == (State.CONFLICT, 0)


@pytest.fixture
def lost_deal(mirror: Connection, deals: list[Deal], nimble: SandboxServer) -> Edit:
    """Two edits of a deal that was deleted in Nimble meanwhile."""
    deal = deals[0]
    edit = actions.change(author=mirror.user, deal=deal, field="description", value="Written here")
    actions.change(author=mirror.user, deal=deal, field="amount", value="4321")
    nimble.edit(BJORN, "deal", deal.nimble_id, delete=True)
    outbox.deliver()
    assert set(Edit.objects.values_list("state", "error__reason")) == {(State.CONFLICT, "missing")}
    return edit


def test_deal_that_is_gone_is_created_again_with_what_is_known_and_the_edits(
    mirror: Connection, lost_deal: Edit, nimble: SandboxServer
):
    old = Deal.objects.get(pk=lost_deal.record_id)
    client = signed_in(mirror)
    assert "Create again" in text(client.get("/inbox/"))
    assert client.post(f"/sync/edits/{lost_deal.pk}/recreate/").status_code == 302
    create = Edit.objects.get(operation="create")
    new = Deal.objects.get(pk=create.record_id)
    assert client.get(new.get_absolute_url()).status_code == 200
    assert (new.name, new.description, new.amount, new.stage_nimble_id) == (
        old.name, "Written here", 4321, old.stage_nimble_id,
    )  # fmt: skip
    outbox.deliver()
    create.refresh_from_db()
    assert create.state == State.CONFIRMED, create.error
    new.refresh_from_db()
    made = nimble.object("deal", new.nimble_id)
    assert (made["stage_id"], made["values"]["description"]) == (old.stage_nimble_id, "Written here")
    assert float(made["values"]["amount"]) == 4321
    assert sorted(made["tags"]) == sorted(old.tags)
    # Of the contacts those that she sees.
    named = [one for one in old.remote["related_contacts"] if one["contact"].get("name")]
    assert new.related.count() == len(named) > 0
    assert set(Edit.objects.exclude(pk=create.pk).values_list("state", flat=True)) == {State.SUPERSEDED}
    assert client.post(f"/sync/edits/{lost_deal.pk}/recreate/").status_code in (302, 409)
    assert Deal.objects.filter(name=old.name).count() == 2


def test_contact_that_is_gone_is_created_again(mirror: Connection, nimble: SandboxServer):
    # Nimble fills it by itself, and takes it from nobody.
    ContactField.objects.create(workspace=mirror.workspace, field_id="1", name="source", read_only=True)
    old = Contact.objects.filter(record_type="person", is_private=False).exclude(email="").exclude(tags=[])[0]
    name = [{"value": "Zaphod", "modifier": ""}]
    edit = contact_actions.change_field(author=mirror.user, contact=old, name="first name", wanted=name)
    nimble.edit(BJORN, "contact", old.nimble_id, delete=True)
    outbox.deliver()
    edit.refresh_from_db()
    create = recreate.recreate(edit, author=mirror.user)
    outbox.deliver()
    create.refresh_from_db()
    assert create.state == State.CONFIRMED, create.error
    new = Contact.objects.get(pk=create.record_id)
    assert new.nimble_id not in (None, old.nimble_id)
    assert (new.first_name, new.last_name, new.email) == ("Zaphod", old.last_name, old.email)
    assert sorted(new.tags) == sorted(old.tags)


def test_create_whose_answer_was_lost_is_found_again(mirror: Connection, lost_deal: Edit, nimble: SandboxServer):
    create = recreate.recreate(lost_deal, author=mirror.user)
    nimble.fault(method="POST", path="/api/v2/deals", cut="after", times=1)
    since = nimble.state()["log"]["last"]
    outbox.deliver()
    Edit.objects.filter(state=State.RETRYING).update(not_before=None)
    outbox.deliver()
    create.refresh_from_db()
    assert create.state == State.CONFIRMED, create.error
    assert len([one for one in nimble.writes(since) if one["method"] == "POST"]) == 1


def test_what_was_written_after_it_was_hidden_from_somebody_is_not_copied_for_them(mirror: Connection, lost_deal: Edit):
    deal = Deal.objects.get(pk=lost_deal.record_id)
    now = database_now()
    deal.sights.update_or_create(connection=mirror, defaults={"hidden_at": now})
    Change.objects.create(
        workspace=deal.workspace, kind="deal", record_id=deal.pk, field="description", after="canary", at=now
    )
    answer = signed_in(mirror).post(f"/sync/edits/{lost_deal.pk}/recreate/", follow=True)
    assert "hidden from you in Nimble" in text(answer)
    assert not Edit.objects.filter(operation="create").exists()


def test_deal_that_no_listing_has_missed_yet_is_created_again_by_who_was_shown_all_of_it(
    mirror: Connection, lost_deal: Edit
):
    deal = Deal.objects.get(pk=lost_deal.record_id)
    deal.sights.update_or_create(connection=mirror, defaults={"hidden_at": database_now()})
    assert recreate.recreate(lost_deal, author=mirror.user).operation == "create"


def test_candidates_are_named_and_the_chosen_one_is_read(mirror: Connection, lost_deal: Edit, nimble: SandboxServer):
    create = recreate.recreate(lost_deal, author=mirror.user)
    nimble.fault(method="POST", path="/api/v2/deals", cut="after", times=2)
    outbox.deliver()
    # Somebody presses twice: Nimble has two of them now, each by the same author.
    Edit.objects.filter(pk=create.pk).update(state=State.PENDING, error={}, not_before=None)
    outbox.deliver()
    Edit.objects.filter(pk=create.pk).update(state=State.RETRYING, not_before=None)
    outbox.deliver()
    create.refresh_from_db()
    assert create.state == State.AMBIGUOUS
    client = signed_in(mirror)
    page = text(client.get(f"/sync/edits/{create.pk}/"))
    assert ("Which one is it?" in page, "None of these: send it again" in page) == (True, True)
    chosen = create.error["candidates"][0]
    assert chosen["title"] == Deal.objects.get(pk=create.record_id).name
    assert client.post(f"/sync/edits/{create.pk}/choose/", {"candidate": "no such"}).status_code == 302
    assert Edit.objects.get(pk=create.pk).state == State.AMBIGUOUS
    client.post(f"/sync/edits/{create.pk}/choose/", {"candidate": chosen["id"]})
    since = nimble.state()["log"]["last"]
    outbox.deliver()
    create.refresh_from_db()
    assert (create.state, nimble.writes(since)) == (State.CONFIRMED, [])
    assert Deal.objects.get(pk=create.record_id).nimble_id == chosen["id"]


def test_many_lost_creates_are_looked_for_and_never_sent_unseen(
    mirror: Connection, lost_deal: Edit, nimble: SandboxServer
):
    create = recreate.recreate(lost_deal, author=mirror.user)
    nimble.fault(method="POST", path="/api/v2/deals", cut="after", times=1)
    since = nimble.state()["log"]["last"]
    outbox.deliver()
    Edit.objects.filter(pk=create.pk).update(state=State.AMBIGUOUS, error={"reason": "ambiguous"}, not_before=None)
    page = signed_in(mirror)
    page.post("/inbox/many/", {"action": "retry", "cause": "ambiguous", "whole": "1"})
    create.refresh_from_db()
    assert create.state == State.AMBIGUOUS
    page.post("/inbox/many/", {"action": "look", "cause": "ambiguous", "whole": "1"})
    outbox.deliver()
    create.refresh_from_db()
    assert create.state == State.CONFIRMED, create.error
    assert len([one for one in nimble.writes(since) if one["method"] == "POST"]) == 1


def test_quarantined_record_is_read_again_by_its_id(mirror: Connection, deals: list[Deal]):
    deal = deals[0]
    payload = {"deal_id": deal.nimble_id, "owner": {"name": "Kestrelwood"}}
    row = factories.quarantined(mirror, "deal", deal.nimble_id, "Unstorable: the secret word", **payload)
    page = text(signed_in(mirror).get("/inbox/"))
    assert ("deal_id, owner" in page, "secret" in page, "Kestrelwood" in page) == (True, False, False)
    assert quarantine.read_again(row, mirror)
    assert not Quarantined.objects.exists()


# --- history and provenance ---


def test_each_attempt_is_kept_with_its_request_and_answer(mirror: Connection, deals: list[Deal], nimble: SandboxServer):
    nimble.fault(method="PUT", path="/api/v2/deals/*", status=500, times=1)
    edit = actions.change(author=mirror.user, deal=deals[0], field="description", value="x")
    outbox.deliver()
    Edit.objects.filter(pk=edit.pk).update(not_before=None)
    outbox.deliver()
    first, second = edit.tries.order_by("pk")
    assert (first.outcome, first.reason, first.status) == (State.RETRYING, "ServerError", 500)
    assert (second.outcome, second.status, bool(second.ended_at)) == (State.CONFIRMED, 200, True)
    edit.refresh_from_db()
    assert edit.request_id == second.request_id != ""
    requests = [one["headers"].get("X-Request-ID") for one in nimble.log() if "headers" in one]
    assert not requests or second.request_id in requests
    page = text(signed_in(mirror).get(f"/sync/edits/{edit.pk}/"))
    assert "Nimble had an internal error." in page
    assert second.request_id in page


def test_echo_is_the_first_read_that_brings_the_edit_back(mirror: Connection, deals: list[Deal]):
    deal = deals[0]
    edit = actions.change(author=mirror.user, deal=deal, field="description", value="Echoed")
    outbox.deliver()
    edit.refresh_from_db()
    assert (edit.state, edit.echoed_at) == (State.CONFIRMED, None)
    factories.save(mirror, "deal", [Client(mirror).deal(deal.nimble_id)])
    edit.refresh_from_db()
    assert edit.echoed_at is not None
    assert "in Nimble's own listing" in text(signed_in(mirror).get(f"/sync/edits/{edit.pk}/"))


def test_what_was_changed_since_is_no_echo(mirror: Connection, deals: list[Deal], nimble: SandboxServer):
    deal = deals[0]
    edit = actions.change(author=mirror.user, deal=deal, field="description", value="Ours")
    outbox.deliver()
    nimble.edit(BJORN, "deal", deal.nimble_id, set={"description": "Theirs"})
    factories.save(mirror, "deal", [Client(mirror).deal(deal.nimble_id)])
    edit.refresh_from_db()
    assert edit.echoed_at is None


def test_history_shows_what_colleagues_changed_of_records_that_one_sees(
    mirror: Connection, deals: list[Deal], connect: Connect
):
    colleague = factories.mirrored(connect(BJORN))
    hidden = factories.private_deal(mirror, "Kestrelwood deal")
    shared = next(deal for deal in queries.for_user(colleague.user) if deal.pk != hidden.pk)
    for deal in (hidden, shared):
        actions.change(author=mirror.user, deal=deal, field="description", value=f"Told of {deal.pk}")
    refused = actions.change(author=mirror.user, deal=shared, field="currency", value="Refused text")
    Edit.objects.filter(pk=refused.pk).update(state=State.REJECTED)
    bjorn = signed_in(colleague)
    for path in ("/history/", "/history/export/"):
        answer = bjorn.get(path)
        body = answer.getvalue().decode() if answer.streaming else text(answer)
        assert f"Told of {shared.pk}" in body
        assert (f"Told of {hidden.pk}" in body, "Kestrelwood" in body, "Refused text" in body) == (False, False, False)


@pytest.mark.parametrize("lost", [Connection.State.LEFT, Connection.State.RECONNECT])
def test_who_has_lost_their_connection_sees_their_unsent_edits_and_nothing_else(
    mirror: Connection, deals: list[Deal], lost: str
):
    sent = actions.change(author=mirror.user, deal=deals[0], field="description", value="It has arrived")
    waiting = actions.change(author=mirror.user, deal=deals[1], field="description", value="It still waits")
    Edit.objects.filter(pk=sent.pk).update(state=State.CONFIRMED, confirmed_at=database_now())
    page = signed_in(mirror)
    assert "It has arrived" in text(page.get("/history/"))
    Connection.objects.filter(pk=mirror.pk).update(state=lost)
    for path in ("/history/", "/history/export/"):
        answer = page.get(path)
        body = answer.getvalue().decode() if answer.streaming else text(answer)
        assert ("It still waits" in body, "It has arrived" in body) == (True, False)
    assert "It has arrived" not in text(page.get("/sync/"))
    codes = [page.get(f"/sync/edits/{edit.pk}/").status_code for edit in (waiting, sent)]
    assert codes == [200, 404]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 3), ("person=me", 3), ("state=needs", 1), ("state=way", 2), ("field=amount", 1), ("kind=deal", 3),
        ("kind=contact", 0), ("since=2999-01-01", 0), ("until=2999-01-01", 3), ("state=nonsense", 3), ("since=x", 3),
    ],
)  # fmt: skip
def test_history_is_narrowed(mirror: Connection, deals: list[Deal], query: str, count: int):
    conflict(mirror, deals[0])
    actions.change(author=mirror.user, deal=deals[1], field="amount", value="5")
    actions.change(author=mirror.user, deal=deals[2], field="description", value="x")
    page = signed_in(mirror).get(f"/history/?{query}").content.decode()
    assert page.count("data-row ") == count


def test_history_of_one_record(mirror: Connection, deals: list[Deal]):
    for deal in deals[:2]:
        actions.change(author=mirror.user, deal=deal, field="description", value="x")
    page = signed_in(mirror).get(f"/history/?kind=deal&record={deals[0].pk}").content.decode()
    assert page.count("data-row ") == 1


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_export_defuses_formulas(mirror: Connection, deals: list[Deal], start: str):
    actions.change(author=mirror.user, deal=deals[0], field="description", value=f"{start}cmd|x")
    answer = signed_in(mirror).get("/history/export/?person=me")
    assert answer.streaming
    [head, line] = csv.reader(io.StringIO(answer.getvalue().decode("utf-8-sig"), newline=""))
    assert line[head.index("After")] == f"'{start}cmd|x"
    export = Export.objects.get()
    assert (export.author, export.rows, export.filters) == (mirror.user, 1, ["person"])
