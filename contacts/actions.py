"""What a person does to contacts: each action is one transaction that leaves an edit for the outbox."""

import re
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt

from contacts import mapping
from contacts.models import Contact, ContactNote
from sync import clean, edits, events
from sync.clock import database_now
from sync.ids import object_id
from sync.models import Edit

# What plain text in Markdown gives back by itself.
PLAIN_TAGS = re.compile(r"</?(?:p|br|div|span)\b[^>]*>", re.IGNORECASE)
markdown = MarkdownIt("commonmark", {"html": False, "linkify": False, "breaks": True})


def change_field(
    *,
    author: Any,
    contact: Contact,
    name: str,
    wanted: Sequence[dict[str, str]],
    seen: Sequence[dict[str, str]] | None = None,
) -> Edit | None:
    """Give a field these `{value, modifier}`; values that stay are sent back byte for byte as Nimble has them."""
    field = mapping.FIELD + name
    return edits.record(
        author=author, row=contact, new={field: list(wanted)}, seen=None if seen is None else {field: list(seen)}
    )


def set_tags(*, author: Any, contact: Contact, tags: Sequence[str], seen: Sequence[str] | None = None) -> Edit | None:
    """Set the whole list of tags; what somebody else added since `seen` stays."""
    return edits.record(
        author=author, row=contact, new={"tags": list(tags)}, seen=None if seen is None else {"tags": list(seen)}
    )


def write_note(*, author: Any, contact: Contact, text: str) -> ContactNote:
    """Write a note (Markdown) on a contact, under an id that we choose, so that a lost answer can be asked after."""
    with events.atomic():
        connection = edits.connection_of(author, contact)
        note = ContactNote.objects.create(
            workspace_id=contact.workspace_id,
            nimble_id=object_id(),
            author_id=connection.nimble_user_id,
            author_name=connection.name,
            written_at=database_now(),
        )
        note.contacts.add(contact)
        edits.record(
            author=author,
            row=note,
            new={"note": markdown.render(text)},
            operation=Edit.Operation.CREATE,
            # Without the contact's id Nimble has nothing to put it on.
            depends_on=None if contact.nimble_id else edits.create_of(contact),
        )
    note.refresh_from_db()
    return note


def change_note(*, author: Any, note: ContactNote, text: str, seen: str | None = None) -> Edit | None:
    """Change a note's text (Markdown); `seen` is the HTML that the person began from."""
    return edits.record(
        author=author, row=note, new={"note": markdown.render(text)}, seen=None if seen is None else {"note": seen}
    )


def remove_note(*, author: Any, note: ContactNote) -> Edit | None:
    """Remove a note; one that was never sent is simply dropped."""
    return edits.remove(author=author, row=note)


def whole(body: Any) -> str:
    """A note's HTML without what pages drop, but never shortened: to be taken apart, not to be shown."""
    markup = clean.text(clean.decoded(body)) if isinstance(body, str) else ""
    shortened = len(markup) > clean.MAX_HTML or clean.depth(markup) > clean.MAX_DEPTH
    return markup if shortened else clean.html(markup)


def is_rich(html: str) -> bool:
    """Whether a note has formatting that is lost when it is changed as plain text."""
    return "<" in PLAIN_TAGS.sub("", html)
