"""Deleting a field, a choice or a group. Nimble is asked first whether any deal uses it, by a worker: the page asks for
itself until that is answered.
"""

import re
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from crmportal.htmx import fragment
from deals import queries
from deals.models import Pipeline
from deals.pipelines import actions
from deals.pipelines import page as pages
from deals.pipelines.page import Page
from deals.pipelines.parts import ANYWAY, UNUSED, Choice, Field, Group, Part, Stage
from deals.views.pipelines import answers
from sync import reasons
from sync.models import Edit, State

# How Nimble may say that deals use it: the error of the check is published without its words.
USED = re.compile(r"\b(use[ds]?|using|\d+ deals?|deals? (has|have))\b", re.IGNORECASE)


@never_cache
@require_http_methods(["GET", "POST"])
def remove(request: HttpRequest, pk: int, part: str) -> HttpResponse:
    """GET: what is known of its use, or what Nimble has answered. POST: delete it if no deal uses it; or, where Nimble
    has said that some do and its `name` is typed, with its values in these deals.
    """
    page = answers.page_of(request, pk)
    place = Part(*part.split(":", 1)) if ":" in part else Part("", part)
    found = answers.find(page, place)
    last = _last(page, place)
    if found is None and last is not None:
        return _show(request, page, {"last": last, "is_gone": last.state == State.CONFIRMED})
    if found is None or found.part.is_new or isinstance(found, Stage):
        raise Http404
    if denied := answers.read_only(request, page):
        return denied
    refused = last if last is not None and pages.is_refused(last) and last.author_id == request.user.pk else None
    context = _about(request, page, found, refused)
    if request.method == "GET":
        return _show(request, page, context)
    typed = request.POST.get("name", "")
    anyway = context["in_use"] and "name" in request.POST
    if anyway and typed.strip() != context["name"].strip():
        return _show(request, page, {**context, "typed": typed, "wrong": True}, status=422)
    how = ANYWAY if anyway else UNUSED
    return answers.act(
        request,
        page,
        lambda: actions.remove_part(author=request.user, pipeline=page.pipeline, part=found.part, how=how),
        _("Nimble is asked to delete {name}.").format(name=context["name"]),
        to=reverse("deals:remove_part", args=[pk, part]),
    )


def _last(page: Page, part: Part) -> Edit | None:
    """The edit that was last to delete it."""
    made = Edit.objects.filter(kind=Pipeline.kind, record_id=page.pipeline.pk, fields__has_key=part.named("removed"))
    dropped = (State.SUPERSEDED, State.DISCARDED, State.UNDONE)
    found: Edit | None = made.exclude(state__in=dropped).order_by("-pk").first()
    return found


def _about(request: HttpRequest, page: Page, found: Field | Group | Choice, refused: Edit | None) -> dict[str, Any]:
    said = reasons.said(refused) if refused else ""
    reason = reasons.of(refused) if refused else None
    return {
        "part": found,
        "name": found.value if isinstance(found, Choice) else found.name,
        "refused": refused,
        "in_use": refused is not None and _says_in_use(refused),
        "said": said or (str(reason.text) if reason else ""),
        "todo": reason.todo if reason else "",
        "using": pages.using(request.user, found.part),
        "inside": page.schema.fields_of(found.part.id) if isinstance(found, Group) else [],
    }


def _says_in_use(refused: Edit) -> bool:
    """Whether it was Nimble's answer to the check, a 406 or 403 that speaks of use, and nothing else."""
    answered = refused.state == State.REJECTED and refused.error.get("reason") in ("NotAcceptable", "Forbidden")
    return answered and bool(USED.search(reasons.said(refused)))


def _show(request: HttpRequest, page: Page, context: dict[str, Any], status: int = 200) -> HttpResponse:
    last = context.get("last")
    moving = last is not None and last.state in queries.ON_ITS_WAY
    whole = {"page": page, "pipeline": page.pipeline, "is_moving": moving, **context}
    return fragment(request, "deals/pipelines/remove.html", "removal", whole, status=status)
