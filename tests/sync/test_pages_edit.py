"""An edit's page and badge: who sees them, and the decisions that are made there."""

import re
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from contacts import actions as contact_actions
from contacts.models import Contact
from deals import actions
from deals.models import Deal, DealField
from nimble.models import Connection
from sync import edits, lines, outbox, pull
from sync.models import Change, Edit, State
from sync.words import shaped
from team.models import Profile
from tests import factories
from tests.factories import caught_up
from tests.people import BJORN, ZOE
from tests.sandboxes import SandboxServer
from tests.sync.pages import signed_in, text

HTMX = {"HX-Request": "true"}


@pytest.fixture
def mirror(db: None, ada: Connection) -> Connection:
    return factories.mirrored(ada)


@pytest.fixture
def pending(mirror: Connection, deal: Deal) -> Edit:
    return actions.change(author=mirror.user, deal=deal, field="amount", value="31337")


@pytest.fixture
def conflict(mirror: Connection, deal: Deal, nimble: SandboxServer) -> Edit:
    edit = actions.change(author=mirror.user, deal=deal, field="description", value="ours")
    nimble.edit(BJORN, "deal", deal.nimble_id, set={"description": "theirs"})
    outbox.deliver()
    edit.refresh_from_db()
    assert edit.state == State.CONFLICT
    return edit


@pytest.fixture
def rejected(mirror: Connection, deal: Deal, nimble: SandboxServer) -> Edit:
    edit = actions.change(author=mirror.user, deal=deal, field="amount", value="-5")
    outbox.deliver()
    edit.refresh_from_db()
    assert edit.state == State.REJECTED
    return edit


def test_badge_follows_an_edit_until_it_is_in_nimble(mirror: Connection, pending: Edit):
    client = signed_in(mirror)
    path = f"/sync/edits/{pending.pk}/badge/"
    badge = client.get(path)
    assert text(badge) == "Saved here"
    assert f'hx-get="{path}" hx-trigger="every 2s"' in badge.content.decode()
    lines.claim()
    assert text(client.get(path)) == "Sent"
    Edit.objects.filter(pk=pending.pk).update(state=State.CONFIRMED)
    assert client.get(path).content.strip() == b""


def test_badge_tells_the_author_why_and_a_teammate_only_that_it_waits(mirror: Connection, conflict: Edit, connect):
    path = f"/sync/edits/{conflict.pk}/badge/"
    mine = signed_in(mirror).get(path)
    assert text(mine) == "Needs you"
    assert "Somebody changed the same field" in mine.content.decode()
    theirs = signed_in(caught_up(connect(BJORN))).get(path)
    assert text(theirs) == "Waits for its author"
    assert b"Somebody changed" not in theirs.content


def test_edit_is_its_authors_alone(mirror: Connection, conflict: Edit, connect):
    others = [signed_in(caught_up(connect(BJORN))), signed_in(connect(ZOE))]
    assert signed_in(mirror).get(f"/sync/edits/{conflict.pk}/").status_code == 200
    for client in others:
        assert client.get(f"/sync/edits/{conflict.pk}/").status_code == 404
        for action in ("resolve", "mend", "retry", "discard", "undo", "adopt"):
            assert client.post(f"/sync/edits/{conflict.pk}/{action}/", {"all": "theirs"}).status_code == 404
    conflict.refresh_from_db()
    assert conflict.state == State.CONFLICT
    assert others[1].get(f"/sync/edits/{conflict.pk}/badge/").status_code == 404


def test_conflict_shows_before_ours_and_nimbles(mirror: Connection, conflict: Edit):
    page = text(signed_in(mirror).get(f"/sync/edits/{conflict.pk}/"))
    for words in ("Before", "Ours ours", "Nimble's theirs", "Another value", "Nothing was overwritten."):
        assert words in page


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("form", "arrives"),
    [
        ({"all": "ours"}, "ours"),
        ({"all": "theirs"}, "theirs"),
        ({"choice-0": "ours"}, "ours"),
        ({"choice-0": "theirs"}, "theirs"),
        ({"choice-0": "other", "value-0-value": "a third way"}, "a third way"),
    ],
)
def test_conflict_ends_as_it_was_decided(
    mirror: Connection, conflict: Edit, deal: Deal, nimble: SandboxServer, form: dict[str, str], arrives: str
):
    answer = signed_in(mirror).post(f"/sync/edits/{conflict.pk}/resolve/", form)
    assert (answer.status_code, answer["Location"]) == (302, "/inbox/")
    outbox.deliver()
    pull.pull(mirror)
    deal.refresh_from_db()
    conflict.refresh_from_db()
    assert deal.description == arrives
    assert conflict.state == (State.DISCARDED if arrives == "theirs" else State.CONFIRMED)
    assert described(nimble, deal) == arrives


def described(nimble: SandboxServer, deal: Deal) -> str:
    with_names = nimble.request("GET", f"/api/v2/deals/{deal.nimble_id}", BJORN).json()["fields_values_with_names"]
    return with_names["description"][0]["value"]


def test_conflict_without_a_choice_keeps_the_page_and_says_so(mirror: Connection, conflict: Edit):
    answer = signed_in(mirror).post(f"/sync/edits/{conflict.pk}/resolve/", {"value-0-value": "kept text"})
    assert (answer.status_code, "Choose one." in text(answer)) == (422, True)
    assert "kept text</textarea>" in answer.content.decode()


def test_conflict_that_has_moved_on_changes_nothing(mirror: Connection, conflict: Edit):
    Edit.objects.filter(pk=conflict.pk).update(state=State.DISCARDED)
    answer = signed_in(mirror).post(f"/sync/edits/{conflict.pk}/resolve/", {"all": "ours"}, follow=True)
    assert "the edit has moved on meanwhile" in text(answer)
    conflict.refresh_from_db()
    assert conflict.state == State.DISCARDED


def test_rejected_edit_comes_back_with_the_message_and_the_typed_text_and_goes_out_mended(
    mirror: Connection, rejected: Edit, deal: Deal, nimble: SandboxServer, capsys: pytest.CaptureFixture[str]
):
    client = signed_in(mirror)
    page = client.get(f"/sync/edits/{rejected.pk}/")
    assert "Value should be a positive number or 0" in text(page).partition("Amount")[2]
    assert 'value="-5"' in page.content.decode()
    assert client.post(f"/sync/edits/{rejected.pk}/mend/", {"value-0-value": "5"}).status_code == 302
    deal.refresh_from_db()
    assert deal.amount == 5
    outbox.deliver()
    rejected.refresh_from_db()
    assert rejected.state == State.CONFIRMED
    deal.refresh_from_db()
    assert deal.amount == 5
    call_command("edit", str(rejected.pk))
    assert capsys.readouterr().out.endswith("In Nimble, after 2 attempts.\n")


def test_refused_value_of_a_field_of_the_companys_own_can_be_typed_anew(
    mirror: Connection, deal: Deal, nimble: SandboxServer
):
    name = f"field:{DealField.objects.get(name='Seats').field_id}"
    edit = actions.change(author=mirror.user, deal=deal, field=name, value=["12"])
    Edit.objects.filter(pk=edit.pk).update(state=State.REJECTED, error={"reason": "rejected"})
    client = signed_in(mirror)
    assert 'value="12"' in client.get(f"/sync/edits/{edit.pk}/").content.decode()
    assert client.post(f"/sync/edits/{edit.pk}/mend/", {"value-0-value": "many"}).status_code == 422
    assert client.post(f"/sync/edits/{edit.pk}/mend/", {"value-0-value": "40"}).status_code == 302
    outbox.deliver()
    edit.refresh_from_db()
    assert (edit.state, edit.fields[name]["new"]) == (State.CONFIRMED, ["40"])


@pytest.mark.parametrize(
    ("typed", "shapes", "value"),
    [
        ("b", (["a"], []), ["b"]),
        ("b", ([], ["a"]), ["b"]),
        ("", (["a"], None), []),
        ("b", ([{"value": "a", "modifier": "work"}], None), [{"value": "b", "modifier": "work"}]),
        ("b", ([], None), [{"value": "b", "modifier": ""}]),
        ("b", ("a", None), "b"),
        ("", ("a", None), None),
    ],
)
def test_typed_value_has_the_shape_of_the_others(typed: str, shapes: tuple, value: object):
    assert shaped(typed, *shapes) == value


@pytest.fixture
def disputed(mirror: Connection, deal: Deal, nimble: SandboxServer) -> Edit:
    edit = actions.change(author=mirror.user, deal=deal, field="amount", value="1250.5")
    nimble.edit(BJORN, "deal", deal.nimble_id, set={"amount": 777})
    outbox.deliver()
    edit.refresh_from_db()
    assert edit.state == State.CONFLICT
    return edit


@pytest.mark.parametrize("given", ["twelve", "-1", "NaN", "1e30"])
def test_conflict_takes_no_value_that_the_field_itself_refuses(
    mirror: Connection, disputed: Edit, deal: Deal, given: str
):
    client = signed_in(mirror)
    answer = client.post(f"/sync/edits/{disputed.pk}/resolve/", {"choice-0": "other", "value-0-value": given})
    assert answer.status_code == 422
    assert re.search("Write a number like|An amount is 0 or more|That number is too large", text(answer))
    assert f'value="{given}"' in answer.content.decode()
    disputed.refresh_from_db()
    assert disputed.state == State.CONFLICT
    assert client.get(deal.get_absolute_url()).status_code == 200


def test_conflict_is_typed_as_the_reader_writes_numbers(mirror: Connection, disputed: Edit):
    Profile.objects.create(user=mirror.user, language="de")
    client = signed_in(mirror)
    path = f"/sync/edits/{disputed.pk}/resolve/"
    assert client.post(path, {"choice-0": "other", "value-0-value": "1.300,25"}).status_code == 302
    disputed.refresh_from_db()
    assert disputed.fields["amount"]["new"] == "1300.25"


def test_refused_amount_is_mended_in_the_readers_spelling(mirror: Connection, rejected: Edit):
    Profile.objects.create(user=mirror.user, language="de")
    Edit.objects.filter(pk=rejected.pk).update(fields={"amount": {"base": "1", "new": "-1250.5"}})
    client = signed_in(mirror)
    assert 'value="-1250,5"' in client.get(f"/sync/edits/{rejected.pk}/").content.decode()
    assert client.post(f"/sync/edits/{rejected.pk}/mend/", {"value-0-value": "zwölf"}).status_code == 422
    rejected.refresh_from_db()
    assert rejected.state == State.REJECTED
    assert client.post(f"/sync/edits/{rejected.pk}/mend/", {"value-0-value": "1250,5"}).status_code == 302
    rejected.refresh_from_db()
    assert rejected.fields["amount"]["new"] == "1250.5"


@pytest.mark.parametrize(("field", "value"), [("amount", "twelve"), ("probability", "many"), ("amount", "NaN")])
def test_deal_page_shows_a_value_that_makes_no_sense_as_it_is(mirror: Connection, deal: Deal, field: str, value: str):
    actions.change(author=mirror.user, deal=deal, field=field, value=value)
    answer = signed_in(mirror).get(deal.get_absolute_url())
    assert (answer.status_code, value in text(answer)) == (200, True)


def test_missing_record_offers_no_choice_of_values(
    mirror: Connection, pending: Edit, deal: Deal, nimble: SandboxServer
):
    nimble.edit(BJORN, "deal", deal.nimble_id, delete=True)
    outbox.deliver()
    client = signed_in(mirror)
    page = text(client.get(f"/sync/edits/{pending.pk}/"))
    assert "no longer in Nimble, or hidden from you there" in page
    assert ("Discard" in page, "All ours" in page, "31,337" in page) == (True, False, True)
    assert client.post(f"/sync/edits/{pending.pk}/discard/").status_code == 302
    pending.refresh_from_db()
    assert pending.state == State.DISCARDED


def test_undo_takes_an_unsent_edit_back(mirror: Connection, pending: Edit, deal: Deal):
    before = Deal.objects.get(pk=deal.pk).remote
    answer = signed_in(mirror).post(f"/sync/edits/{pending.pk}/undo/", headers=HTMX)
    assert (answer.status_code, answer["HX-Refresh"]) == (204, "true")
    pending.refresh_from_db()
    assert pending.state == State.UNDONE
    deal.refresh_from_db()
    assert (str(deal.amount), deal.remote) != ("31337.0000", before)


def test_undo_of_what_cannot_be_undone_says_so(mirror: Connection, rejected: Edit):
    answer = signed_in(mirror).post(f"/sync/edits/{rejected.pk}/undo/", headers=HTMX)
    assert (answer.status_code, "It is not in Nimble as far as is known" in text(answer)) == (409, True)


def test_retry_sends_a_waiting_edit_at_once(mirror: Connection, pending: Edit, nimble: SandboxServer):
    nimble.fault(path="/api/v2/deals/*", status=500, times=100)
    outbox.deliver()
    pending.refresh_from_db()
    assert pending.state == State.RETRYING
    nimble.clear_faults()
    assert outbox.deliver() == 0
    assert signed_in(mirror).post(f"/sync/edits/{pending.pk}/retry/").status_code == 302
    assert outbox.deliver() == 1
    pending.refresh_from_db()
    assert pending.state == State.CONFIRMED


def test_retry_looks_a_lost_create_up_before_it_is_sent_again(mirror: Connection, nimble: SandboxServer):
    contact = Contact.objects.filter(record_type="person", gone_at=None)[0]
    contact_actions.write_note(author=mirror.user, contact=contact, text="Once")
    nimble.fault(method="POST", path="/api/v1/contacts/notes/*", cut="after", times=1)
    outbox.deliver()
    edit = Edit.objects.get()
    assert (edit.state, edit.error["ambiguous"]) == (State.RETRYING, True)
    writes = len(nimble.writes())
    signed_in(mirror).post(f"/sync/edits/{edit.pk}/retry/")
    outbox.deliver()
    edit.refresh_from_db()
    assert (edit.state, len(nimble.writes())) == (State.CONFIRMED, writes)


def test_retry_shows_a_refused_edit_again(mirror: Connection, rejected: Edit, deal: Deal):
    deal.refresh_from_db()
    assert deal.amount != -5
    signed_in(mirror).post(f"/sync/edits/{rejected.pk}/retry/")
    deal.refresh_from_db()
    assert deal.amount == -5


@pytest.fixture
def ambiguous(mirror: Connection, deal: Deal, nimble: SandboxServer) -> Edit:
    """A deal note whose answer was lost: nothing reads those back, so its author decides."""
    note = actions.write_note(author=mirror.user, deal=deal, title="Call", body="Called them")
    nimble.fault(method="POST", path="/api/v2/deals/*", cut="after", times=1)
    outbox.deliver()
    Edit.objects.filter(state=State.RETRYING).update(not_before=None)
    outbox.deliver()
    edit = Edit.objects.get(kind="deal_note", record_id=note.pk)
    assert edit.state == State.AMBIGUOUS
    return edit


def test_ambiguous_create_that_is_there_is_never_sent_again(mirror: Connection, ambiguous: Edit, nimble: SandboxServer):
    client = signed_in(mirror)
    assert "It is in Nimble" in text(client.get(f"/sync/edits/{ambiguous.pk}/"))
    writes = len(nimble.writes())
    assert client.post(f"/sync/edits/{ambiguous.pk}/adopt/").status_code == 302
    outbox.deliver()
    ambiguous.refresh_from_db()
    assert (ambiguous.state, len(nimble.writes())) == (State.CONFIRMED, writes)


def test_ambiguous_create_that_is_not_there_is_sent_again(mirror: Connection, ambiguous: Edit, nimble: SandboxServer):
    writes = len(nimble.writes())
    assert signed_in(mirror).post(f"/sync/edits/{ambiguous.pk}/retry/").status_code == 302
    outbox.deliver()
    ambiguous.refresh_from_db()
    assert (ambiguous.state, len(nimble.writes())) == (State.CONFIRMED, writes + 1)


@pytest.mark.parametrize("target", ["https://evil.test/", "//evil.test", "javascript:alert(1)", "/\\evil.test"])
def test_action_leads_nobody_off_the_site(mirror: Connection, pending: Edit, target: str):
    answer = signed_in(mirror).post(f"/sync/edits/{pending.pk}/discard/", {"next": target})
    assert answer["Location"] == "/inbox/"


def test_action_leads_back_to_where_it_was_asked_for(mirror: Connection, pending: Edit):
    answer = signed_in(mirror).post(f"/sync/edits/{pending.pk}/discard/", {"next": "/deals/?stage=1"})
    assert answer["Location"] == "/deals/?stage=1"


def test_edit_of_a_contact_shows_its_fields_by_their_labels(mirror: Connection):
    contact = Contact.objects.filter(record_type="person", gone_at=None, is_private=False)[0]
    name = [{"value": "Zaphod", "modifier": ""}]
    contact_actions.change_field(author=mirror.user, contact=contact, name="first name", wanted=name)
    edit = Edit.objects.get()
    answer = signed_in(mirror).get(f"/sync/edits/{edit.pk}/")
    assert "Zaphod" in text(answer)
    assert "field:" not in text(answer)
    assert contact.get_absolute_url() in answer.content.decode()


def marked(page: str) -> list[str]:
    """Where the sidebar says that one is."""
    return re.findall(r'<a href="([^"]+)" aria-current="page"', page)


def test_edit_that_waits_belongs_to_the_inbox_and_any_other_to_the_history(mirror: Connection, conflict: Edit):
    page = signed_in(mirror)
    path = f"/sync/edits/{conflict.pk}/"
    assert marked(page.get(path).content.decode()) == ["/inbox/"]
    Edit.objects.filter(pk=conflict.pk).update(state=State.CONFIRMED)
    assert marked(page.get(path).content.decode()) == ["/history/"]


def test_amounts_are_shown_with_the_currency_of_their_side(mirror: Connection, deal: Deal):
    Deal.objects.filter(pk=deal.pk).update(currency="EUR")
    deal.refresh_from_db()
    page = signed_in(mirror)
    amount = actions.change(author=mirror.user, deal=deal, field="amount", value="1250.5")
    assert amount
    edits.record(author=mirror.user, row=deal, new={"amount": "7", "currency": "USD"}, seen={"currency": "EUR"})
    rows = text(page.get("/history/"))
    assert "$7" in rows
    Edit.objects.filter(pk=amount.pk).update(state=State.REJECTED, error={"reason": "Invalid"})
    assert "1,250.50" in text(page.get("/inbox/"))
    exported = b"".join(page.get("/history/export/").streaming_content).decode()
    assert "$7" in exported


def test_amounts_are_told_in_the_currency_of_then(mirror: Connection, deal: Deal):
    first = actions.change(author=mirror.user, deal=deal, field="amount", value="1250.5")
    then = {"state": State.CONFIRMED, "confirmed_at": timezone.now() - timedelta(hours=2)}
    assert first
    Edit.objects.filter(pk=first.pk).update(**then)
    # Since then somebody gave the deal another currency in Nimble.
    Change.objects.create(
        workspace=mirror.workspace,
        kind="deal",
        record_id=deal.pk,
        field="currency",
        before="EUR",
        after="USD",
        at=timezone.now() - timedelta(hours=1),
    )
    remote = deal.remote | {"currency": "USD"}
    Deal.objects.filter(pk=deal.pk).update(currency="USD", remote=remote)
    deal.refresh_from_db()
    assert actions.change(author=mirror.user, deal=deal, field="amount", value="1300")
    rows = text(signed_in(mirror).get("/history/"))
    assert "€1,250.50" in rows
    assert "$1,300" in rows


def test_texts_with_little_in_common_are_shown_whole_and_without_marks(mirror: Connection, conflict: Edit):
    fields = {"description": {
        "base": "Call them on Monday about the offer.",
        "new": "Call them on Tuesday about the offer.",
        "theirs": "We met at the fair and spoke of boats, mostly.",
    }}  # fmt: skip
    Edit.objects.filter(pk=conflict.pk).update(fields=fields)
    page = signed_in(mirror).get(f"/sync/edits/{conflict.pk}/").content.decode()
    ours, theirs = page.partition('value="ours"')[2].split('value="theirs"')
    assert ("<ins>" in ours, "<ins>" in theirs.partition("</fieldset>")[0]) == (True, False)
    assert "We met at the fair and spoke of boats, mostly." in theirs
