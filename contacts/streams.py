"""The streams of contacts: their fields, what was updated, the complete listing of ids, and the notes."""

from datetime import UTC, datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from contacts import changes, checks, metadata, vouchers
from contacts.models import Contact, ContactField, ContactNote, ContactSight
from contacts.resources.contacts import CONTEXTS
from nimble import errors
from nimble.models import Member
from sync import overlay, rhythm, sweep, when
from sync.clock import database_now
from sync.reader import Reader
from sync.registry import StreamSpec, resource
from sync.resource import Oversized
from sync.runs import Pull
from sync.upsert import upsert

IDS_PAGE = 1000
SIGHTS = 500
# Windows overlap by this much: stamps have whole seconds, and Nimble's index lags behind its writes.
OVERLAP_SECONDS = 120
EPOCH = datetime(1990, 1, 1, tzinfo=UTC)
NOTES_SLICE = 50
NOTES_AGAIN = timedelta(days=7)
# Opening a contact has its notes read again, but not more often than this.
NOTES_OPENED = timedelta(minutes=1)


def pull_fields(pull: Pull) -> None:
    """The metadata of contact fields, and who is who: two requests."""
    answer, _read_at = pull.read(pull.client.contact_fields)
    found = {(field["record_type"], field["field_id"]): field for field in metadata.fields(answer)}
    with transaction.atomic():
        if found:  # an empty answer says nothing
            ContactField.objects.filter(workspace_id=pull.workspace_id).delete()
        ContactField.objects.bulk_create(
            [
                ContactField(workspace_id=pull.workspace_id, position=position, **field)
                for position, field in enumerate(found.values())
            ]
        )
    pull.move(done=len(found))
    me, _read_at = pull.read(pull.client.myself)
    if (company := me.get("company_id")) and company != pull.connection.workspace.company_id:
        pull.connection.leave()
        return
    Member.objects.remember(pull.connection.workspace, [me])
    try:
        team, _read_at = pull.read(pull.client.company_users)
    except errors.Refused:
        return
    listed = team.get("users") or team.get("resources") or []
    Member.objects.remember(pull.connection.workspace, listed if isinstance(listed, list) else [])


def pull_contacts(pull: Pull) -> None:
    """What was updated since the cursor, oldest first.

    Each page asks anew for what follows the last record it saw, instead of for a page number: records that are updated
    meanwhile move to the end, and would shift the pages under a number. The cursor follows Nimble's own stamps.
    """
    checkpoint = pull.checkpoint
    reached = when.moment(checkpoint.get("reached") or pull.cursor.get("reached"))
    if reached is None and pull.stream.completed_at is None:
        # A newcomer takes over from colleagues; what these are not shown is read with the complete listing.
        reached = vouchers.reached(pull.connection)
    start = reached and (reached if checkpoint else when.overlap(reached, OVERLAP_SECONDS))
    return follow(pull, start or EPOCH, int(checkpoint.get("page") or 1), reached or EPOCH)


def follow(pull: Pull, start: datetime, page: int, reached: datetime) -> None:
    """Read on from a stamp to the newest record of now."""
    first = not pull.checkpoint
    for read in pull.ahead(changes.pages(pull, start, page)):
        if first:
            pull.expect(read.total)
            first = False
        pull.page("contact", read.listed, read_at=read.read_at, checkpoint=read.checkpoint, counted=read.new)
        reached = max(read.last, reached)
    # Never past this run's start, whatever stamps Nimble has: one in the future would hide all that follows.
    pull.complete({"reached": min(reached, pull.run.started_at).isoformat()})


def pull_listing(pull: Pull) -> None:
    """The complete listing of ids, as this person sees it: what is unknown is read, what is missing is settled."""
    checkpoint = pull.checkpoint
    if not checkpoint:
        started = database_now()
        upto = sweep.newest(Contact, pull.workspace_id)
        checkpoint = {"since": started.isoformat(), "page": 1, "upto": upto}
    since = when.moment(checkpoint["since"])
    assert since is not None  # noqa: S101 written above
    kind = resource("contact")
    while True:
        listed = partial(pull.client.list_contact_ids, page=checkpoint["page"], per_page=IDS_PAGE)
        answer, read_at = pull.read(listed)
        ids = [item for item in answer.get("resources") or [] if isinstance(item, str)]
        meta = answer.get("meta") or {}
        if checkpoint["page"] == 1:
            pull.expect(meta.get("total"))
            checkpoint = {**checkpoint, "total": meta.get("total")}
        see(pull, ids, read_at)
        checkpoint = {**checkpoint, "page": checkpoint["page"] + 1}
        pull.move(checkpoint, done=len(ids))
        if not ids or int(meta.get("page") or 1) >= int(meta.get("pages") or 1):
            break
    rows = Contact.objects.filter(workspace_id=pull.workspace_id, gone_at=None)
    pull.move(gone=sweep.settle(pull, kind.kind, rows, since, checkpoint["upto"]))
    checks.compare(pull, checkpoint.get("total"))


def see(pull: Pull, ids: list[str], read_at: datetime) -> None:
    """Note that these were listed to this person; read whole those that neither they nor, for a newcomer, a colleague
    has been shown.
    """
    rows = Contact.objects.filter(workspace_id=pull.workspace_id, nimble_id__in=ids, gone_at=None)
    shown = ContactSight.objects.filter(connection=pull.connection, hidden_at=None)
    known = dict(rows.filter(pk__in=shown.values("record_id")).values_list("nimble_id", "pk"))
    shown.filter(record_id__in=known.values()).update(seen_at=read_at, missing=0)
    if pull.stream.completed_at is None:
        vouched = dict(
            vouchers.known(pull.connection, rows).exclude(pk__in=known.values()).values_list("nimble_id", "pk")
        )
        note_listed(pull, list(vouched.values()), read_at)
        known |= vouched
    unknown = [nimble_id for nimble_id in ids if nimble_id not in known]
    for start in range(0, len(unknown), 30):
        read_whole(pull, unknown[start : start + 30])


def note_listed(pull: Pull, pks: list[int], read_at: datetime) -> None:
    """These were listed to this person; what is their own of each is read when they open it, or when it changes."""
    listed = {"connection_id": pull.connection.pk, "seen_at": read_at, "missing": 0, "hidden_at": None}
    for start in range(0, len(pks), SIGHTS):
        rows = [{"record_id": pk, **listed} for pk in pks[start : start + SIGHTS]]
        with transaction.atomic():
            upsert(ContactSight, rows, ["record_id", "connection_id"])


def read_whole(pull: Pull, ids: list[str]) -> None:
    """Read some contacts by their ids, in halves where the answer is too large; one alone too large is quarantined."""
    try:
        answer, at = pull.read(partial(pull.client.contacts_by_ids, ids, contexts=CONTEXTS))
        pull.page("contact", answer.get("resources") or [], read_at=at, counted=0)
    except errors.AnswerTooLarge:
        if len(ids) == 1:
            at = database_now()
            pull.page("contact", [Oversized(ids[0])], read_at=at, counted=0)
            return
        for half in (ids[: len(ids) // 2], ids[len(ids) // 2 :]):
            read_whole(pull, half)


def pull_notes(pull: Pull) -> None:
    """Notes, one request a contact, a slice at a time so that nothing more important waits; each week a slow round."""
    stale = Contact.objects.filter(workspace_id=pull.workspace_id, gone_at=None, nimble_id__isnull=False)
    visible = stale.filter(sights__connection=pull.connection, sights__hidden_at=None)
    due = visible.filter(notes_due=True)
    pull.expect(pull.run.done + due.count())
    now = database_now()
    slice_ = list(due.order_by("notes_read_at", "pk").values_list("pk", "nimble_id")[:NOTES_SLICE])
    for pk, nimble_id in slice_:
        row = Contact.objects.filter(pk=pk)
        # Before the read: whoever marks it meanwhile wants a later one.
        row.update(notes_due=False, notes_read_at=now)
        try:
            read_notes(pull, nimble_id or "")
        except Exception:
            row.update(notes_due=True)
            raise
        pull.move({"reading": True}, done=1)
    visible.filter(notes_due=False, notes_read_at__lt=now - NOTES_AGAIN).update(notes_due=True)
    if due.exists():
        pull.again()


def notes_of(reader: Reader, row: Contact) -> None:
    """The notes of a contact that somebody opened, unless they were read a moment ago."""
    now = database_now()
    ours = Contact.objects.filter(pk=row.pk)
    stale = Q(notes_due=True) | Q(notes_read_at=None) | Q(notes_read_at__lt=now - NOTES_OPENED)
    if ours.filter(stale).update(notes_due=False, notes_read_at=now):
        try:
            read_notes(reader, row.known_id)
        except Exception:
            ours.update(notes_due=True)
            raise


def read_notes(pull: Reader, contact_id: str) -> None:
    """Every note of one contact, as this person sees them; what a complete listing lacks is asked for by its id."""
    page = 1
    listed: set[str] = set()
    while True:
        try:
            answer, read_at = pull.read(partial(pull.client.contact_notes, contact_id, page=page, per_page=50))
        except (errors.NotFound, errors.Forbidden):
            return
        notes = answer.get("resources") or []
        pull.page("contact_note", notes, read_at=read_at, counted=0)
        listed.update(note["id"] for note in notes if isinstance(note, dict) and isinstance(note.get("id"), str))
        if not (answer.get("meta") or {}).get("has_more"):
            break
        page += 1
    settle_notes(pull, contact_id, listed)


def settle_notes(pull: Reader, contact_id: str, listed: set[str]) -> None:
    """Our notes that a complete listing of their contact lacks: gone once Nimble does not know their id either."""
    ours = ContactNote.objects.filter(
        workspace_id=pull.workspace_id, contacts__nimble_id=contact_id, gone_at=None, nimble_id__isnull=False
    )
    missing = [note for note in ours if note.known_id not in listed]
    edited = overlay.open_edits(ContactNote.kind, [note.pk for note in missing])
    for note in missing:
        if note.pk in edited:
            continue
        try:
            payload, read_at = pull.read(partial(pull.client.note, note.known_id))
            pull.page(ContactNote.kind, [payload], read_at=read_at, counted=0)
        except errors.NotFound:
            # As of now: a page that was read before must not bring it back.
            now = database_now()
            overlay.refresh(note, gone_at=now, fetched_at=now)
            pull.move(gone=1)


FIELDS = StreamSpec("fields", _("Fields"), order=30, rhythm=rhythm.HOURLY, run=pull_fields)
CONTACTS = StreamSpec(
    "contacts", _("Contacts"), order=40, rhythm=rhythm.LIVE, run=pull_contacts, pages=frozenset({"contacts"})
)
LISTING = StreamSpec(
    "listing",
    _("Complete listing of contacts"),
    order=50,
    rhythm=rhythm.HOURLY,
    run=pull_listing,
    repair=checks.repair,
)
NOTES = StreamSpec("notes", _("Notes"), order=90, rhythm=rhythm.BESIDE, run=pull_notes)
