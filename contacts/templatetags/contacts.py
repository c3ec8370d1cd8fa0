"""Filters and fragments of the pages of contacts."""

from collections.abc import Sequence
from typing import Any

from django import template
from django.utils.safestring import SafeString

from contacts import marks
from sync import entries
from sync.models import Edit

register = template.Library()


@register.filter
def marked(text: str, words: Sequence[str]) -> SafeString:
    """A text with what the search found in it marked."""
    return marks.marked(text or "", words)


@register.inclusion_tag("contacts/edit.html", takes_context=True)
def edit_at_spot(context: template.Context, edit: Edit | None, mend_url: str = "") -> dict[str, Any]:
    """Where an edit is, and what its author can do about it; nothing when all is well.

    `mend_url`: the form into which what Nimble refused comes back.
    """
    user = context["request"].user
    needs = edit is not None and edit.needs_person and edit.author_id == user.pk
    return {
        "edit": edit,
        "entry": entries.one(edit, user) if needs and edit else None,
        "mend_url": mend_url,
        "request": context["request"],
        "csrf_token": context.get("csrf_token"),
    }
