"""Who gets where: every route, as everybody, with real objects. A route that is not in the table fails.

The roles: nobody signed in; a stranger, connected in another company; a colleague who does not see the records at hand;
a member who does, and who made the edits at hand; one whose grant died; an operator, with a second factor, no records.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth import get_user_model
from django.http import HttpResponse
from django.test import Client
from django.urls import URLResolver, get_resolver, reverse

from contacts import tagging
from contacts.models import ContactNote
from deals import actions, tags
from deals.models import DealFile, DealNote, Pipeline, SavedView
from deals.pipelines.parts import schema
from deals.record import external_key
from nimble.models import Connection, ConnectionState
from sync.clock import database_now
from sync.models import Batch, Brake, Edit, Stream, Vanished
from team.models import Cause, Notification
from tests import factories
from tests.people import BJORN, EVE, ZOE, Connect

ROLES = ("anonymous", "stranger", "colleague", "member", "lost", "operator")
# In the names and texts of all that the member alone may see.
SECRET = "Kestrelwood"

OK, LOGIN, DENIED, GONE = "ok", "login", "denied", "gone"
# Everybody; who is signed in; who sees the record; its author; an operator.
PUBLIC = dict.fromkeys(ROLES, OK)
PERSON = {**dict.fromkeys(ROLES, OK), "anonymous": LOGIN}
VIEWER = {**dict.fromkeys(ROLES, GONE), "anonymous": LOGIN, "member": OK}
# Whose connection it is, and who looks after all of them.
DECIDER = {**VIEWER, "operator": OK}
# Who is in the company and connected.
TEAM = {**dict.fromkeys(ROLES, GONE), "anonymous": LOGIN, "colleague": OK, "member": OK}
OPERATOR = {**dict.fromkeys(ROLES, DENIED), "anonymous": LOGIN, "operator": OK}

World = dict[str, Any]


@dataclass(frozen=True)
class Route:
    """How to call a route, and how it answers whom.

    `objects`: its arguments, by the names of the world's objects; `{name}` in `data` is one of those, too.
    """

    access: dict[str, str]
    objects: dict[str, str] = field(default_factory=dict)
    method: str = "get"
    data: dict[str, str] = field(default_factory=dict)
    # allauth sends those on for whom a page has no use; that is neither a denial nor a leak.
    moves_on: bool = False


def shared(access: dict[str, str], *names: str, **options: Any) -> dict[str, Route]:
    return {name: Route(access, **options) for name in names}


EDIT = {"pk": "edit"}
DEAL, NOTE = {"pk": "deal"}, {"pk": "deal", "note_pk": "deal_note"}
CONTACT, CONTACT_NOTE = {"pk": "contact"}, {"pk": "contact", "note_pk": "contact_note"}

TABLE: dict[str, Route] = {
    # --- home and profile ---
    **shared(PUBLIC, "team:healthz", "readyz"),
    # On a portal that serves its own machine alone, as here; `tests/run/test_probes.py` has the other one.
    **shared(PUBLIC, "metrics"),
    **shared(PERSON, "team:home", moves_on=True),
    **shared(PERSON, "team:profile", "team:notifications"),
    **shared(PERSON, "team:palette", data={"q": "kestrelwood"}),
    **shared(PERSON, "team:read_all", method="post"),
    **shared(VIEWER, "team:notification", objects={"pk": "notification"}, method="post"),
    **shared(PERSON, "team:preferences", method="post", data={"theme": "dark"}),
    # --- sync ---
    **shared(PERSON, "sync:index", "sync:chip"),
    **shared(PERSON, "sync:now", "sync:full", method="post"),
    **shared(PERSON, "sync:stream_now", "sync:pause", "sync:resume", objects={"name": "stream_name"}, method="post"),
    **shared(PERSON, "sync:stream_full", objects={"name": "stream_name"}),
    **shared(PERSON, "sync:figures"),
    **shared(PERSON, "sync:repair", objects={"name": "stream_name"}, method="post"),
    **shared(DECIDER, "sync:approve", "sync:refuse", objects={"pk": "brake"}, method="post"),
    **shared(VIEWER, "sync:edit", "sync:badge", objects=EDIT),
    **shared(VIEWER, "sync:resolve", "sync:mend", "sync:retry", "sync:adopt", "sync:undo", objects=EDIT, method="post"),
    **shared(VIEWER, "sync:discard", "sync:restore", "sync:preview", "sync:recreate", objects=EDIT, method="post"),
    **shared(VIEWER, "sync:choose", objects=EDIT, method="post", data={"candidate": "abc"}),
    **shared(PERSON, "inbox:index", "inbox:history", "inbox:export"),
    **shared(PERSON, "inbox:many", method="post", data={"action": "discard", "edit": "{edit}"}),
    **shared(VIEWER, "inbox:batch", objects={"pk": "batch"}),
    **shared(VIEWER, "inbox:pause_batch", objects={"pk": "batch"}, method="post", data={"paused": "1"}),
    **shared(VIEWER, "inbox:undo_batch", objects={"pk": "batch"}, method="post"),
    **shared(VIEWER, "inbox:read_again", objects={"pk": "quarantined"}, method="post"),
    # --- contacts ---
    **shared(PERSON, "contacts:contacts", "contacts:companies", "contacts:tags"),
    **shared(VIEWER, "contacts:contact", objects=CONTACT),
    **shared(VIEWER, "contacts:company", objects={"pk": "company"}),
    **shared(VIEWER, "contacts:edit", objects={**CONTACT, "field": "field"}, method="post"),
    **shared(VIEWER, "contacts:write_note", objects=CONTACT, method="post", data={"text": "A note"}),
    **shared(VIEWER, "contacts:change_note", objects=CONTACT_NOTE, method="post", data={"text": "Another"}),
    **shared(VIEWER, "contacts:remove_note", objects=CONTACT_NOTE, method="post"),
    # --- deals ---
    **shared(PERSON, "deals:index", "deals:tags", "deals:new"),
    **shared(TEAM, "deals:board", "deals:live", objects={"pk": "pipeline"}),
    **shared(
        TEAM, "deals:table", "deals:table_rows", "deals:table_live", "deals:table_file", objects={"pk": "pipeline"}
    ),
    **shared(TEAM, "deals:table_columns", objects={"pk": "pipeline"}, method="post", data={"columns": "amount"}),
    **shared(TEAM, "deals:bulk", objects={"pk": "pipeline"}, method="post", data={"deals": "1", "also": "amount"}),
    **shared(VIEWER, "deals:cell", objects={**DEAL, "field": "deal_field"}),
    **shared(TEAM, "deals:display", objects={"pk": "pipeline"}, method="post", data={"fields": "owner"}),
    **shared(TEAM, "deals:column", objects={"pk": "pipeline", "column": "stage"}),
    **shared(TEAM, "deals:many", method="post", data={"pipeline": "{pipeline}", "deal": "{deal}", "tag": "Hot"}),
    **shared(TEAM, "deals:views", method="post", data={"pipeline": "{pipeline}", "name": "Mine"}),
    **shared(PERSON, "deals:views_nav"),
    **shared(VIEWER, "deals:view", objects={"pk": "view"}),
    **shared(VIEWER, "deals:default_view", objects={"pk": "view"}, method="post"),
    **shared(VIEWER, "deals:remove_view", objects={"pk": "view"}, method="post"),
    **shared(VIEWER, "deals:undo_many", objects={"pk": "batch"}, method="post"),
    **shared(VIEWER, "deals:deal", "deals:head", "deals:history", "deals:pulse", "deals:fresh", objects=DEAL),
    **shared(VIEWER, "deals:edit", objects={**DEAL, "field": "deal_field"}, method="post", data={"amount": "7"}),
    **shared(VIEWER, "deals:beside", objects=DEAL),
    **shared(VIEWER, "deals:delete", objects=DEAL, method="post"),
    **shared(VIEWER, "deals:relate", objects=DEAL, method="post", data={"contact": "{contact}"}),
    **shared(VIEWER, "deals:related", objects={**DEAL, "key": "taking_part"}, method="post", data={"note": "Buyer"}),
    **shared(VIEWER, "deals:add_external", objects=DEAL, method="post", data={"info": "guest@outside.example"}),
    **shared(VIEWER, "deals:external", objects={**DEAL, "key": "external_key"}, method="post", data={"info": "Guest"}),
    **shared(VIEWER, "deals:add_task", objects=DEAL, method="post", data={"subject": "Call"}),
    **shared(VIEWER, "deals:add_file", objects=DEAL, method="post", data={"link": "https://db.tt/1", "name": "A"}),
    **shared(VIEWER, "deals:open_file", objects={**DEAL, "file_id": "file_id"}),
    **shared(
        VIEWER, "deals:rename_file", objects={**DEAL, "file_id": "kept_file_id"}, method="post", data={"name": "B"}
    ),
    **shared(VIEWER, "deals:remove_file", objects={**DEAL, "file_id": "file_id"}, method="post"),
    **shared(VIEWER, "deals:write_note", objects=DEAL, method="post", data={"title": "T", "body": "A note"}),
    **shared(VIEWER, "deals:change_note", objects=NOTE, method="post", data={"title": "T", "body": "Another"}),
    **shared(VIEWER, "deals:remove_note", objects=NOTE, method="post"),
    **shared(VIEWER, "deals:card", objects=DEAL, data={"pipeline": "{pipeline}"}),
    **shared(VIEWER, "deals:move", objects=DEAL, method="post", data={"stage": "{stage}"}),
    **shared(VIEWER, "deals:reschedule", objects=DEAL, method="post", data={"pipeline": "{pipeline}", "stage": "none"}),
    **shared(VIEWER, "deals:give", objects=DEAL, method="post", data={"pipeline": "{pipeline}", "stage": "{owner}"}),
    **shared(TEAM, "deals:lose_many", objects={"pk": "pipeline"}, data={"stage": "{lost_stage}"}),
    **shared(VIEWER, "deals:undo", objects={**DEAL, "edit_pk": "edit"}, method="post"),
    # --- reports ---
    **shared(PERSON, "reports:index", "reports:deals", "reports:past", "reports:changes"),
    **shared(PERSON, "reports:report", "reports:export", objects={"name": "report"}),
    # --- pipelines and tags as a whole: whoever may not change a pipeline is led back to its page, which says why ---
    **shared(PERSON, "deals:pipelines", "deals:new_pipeline", "deals:deal_tags", "contacts:contact_tags"),
    **shared(PERSON, "deals:own_company", method="post", data={"owner": "0"}),
    **shared(TEAM, "deals:manage", "deals:edit_pipeline", "deals:delete_pipeline", objects={"pk": "pipeline"}),
    **shared(TEAM, "deals:archive_pipeline", objects={"pk": "pipeline"}, method="post", data={"archived": "1"}),
    **shared(TEAM, "deals:add_part", objects={"pk": "pipeline", "kind": "stage_kind"}),
    **shared(TEAM, "deals:change_part", "deals:archive_stage", objects={"pk": "pipeline", "part": "stage_part"}),
    **shared(TEAM, "deals:remove_part", objects={"pk": "pipeline", "part": "field_part"}),
    **shared(
        TEAM, "deals:move_part", objects={"pk": "pipeline", "part": "field_part"}, method="post", data={"by": "1"}
    ),
    **shared(TEAM, "deals:rename_tag", "deals:remove_tag", data={"tag": "{deal_tag}"}),
    **shared(TEAM, "contacts:rename_tag", "contacts:remove_tag", data={"tag": "{contact_tag}"}),
    # --- nimble ---
    **shared(PUBLIC, "nimble:claim", objects={"token": "token"}),
    **shared(PERSON, "nimble:disconnect", method="post"),
    **shared(PUBLIC, "nimble_login", "nimble_callback"),
    # --- allauth ---
    **shared(PUBLIC, "account_login", "account_logout", "account_signup", "account_inactive", moves_on=True),
    **shared(PUBLIC, "account_email_verification_sent", "account_confirm_login_code", moves_on=True),
    **shared(PUBLIC, "account_confirm_email", objects={"key": "token"}, moves_on=True),
    **shared(PUBLIC, "account_reset_password", "account_reset_password_done", moves_on=True),
    **shared(PUBLIC, "account_reset_password_from_key", objects={"uidb36": "token", "key": "token"}, moves_on=True),
    **shared(PUBLIC, "account_reset_password_from_key_done", moves_on=True),
    **shared(PUBLIC, "socialaccount_login_cancelled", "socialaccount_login_error", moves_on=True),
    **shared(PUBLIC, "socialaccount_signup", "mfa_authenticate", moves_on=True),
    **shared(PERSON, "account_email", "account_change_password", moves_on=True),
    **shared(OPERATOR, "account_reauthenticate", "mfa_reauthenticate"),
    **shared(PERSON, "account_set_password", "socialaccount_connections", "usersessions_list", moves_on=True),
    **shared(PERSON, "mfa_index", "mfa_activate_totp", moves_on=True),
    **shared(
        {**dict.fromkeys(ROLES, GONE), "anonymous": LOGIN, "operator": OK},
        "mfa_deactivate_totp",
        "mfa_view_recovery_codes",
        "mfa_download_recovery_codes",
        moves_on=True,
    ),
    **shared(PERSON, "mfa_generate_recovery_codes", moves_on=True),
}
# Old addresses that only lead to the new ones, without names.
UNNAMED = {f"accounts/social/{rest}" for rest in ("login/cancelled/", "login/error/", "signup/", "connections/")}


def routes(resolver: Any = None, prefix: str = "", space: str = "") -> Iterator[tuple[str, str]]:
    """Every route's name with its namespace, and its pattern."""
    for entry in (resolver or get_resolver()).url_patterns:
        here = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from routes(entry, here, f"{space}{entry.namespace}:" if entry.namespace else space)
        else:
            yield (f"{space}{entry.name}" if entry.name else ""), here


NAMES = dict(routes())
ADMIN = sorted(name for name in NAMES if name.startswith("admin:"))


def test_every_route_is_in_the_table():
    known = {*TABLE, *ADMIN, ""}
    assert sorted(set(NAMES) - known) == []
    assert sorted(set(TABLE) - set(NAMES)) == []
    unnamed = {pattern for name, pattern in routes() if not name and not pattern.startswith("admin/")}
    assert unnamed == UNNAMED


@pytest.fixture
def world(db: None, ada: Connection, connect: Connect) -> World:
    """A private deal, contact and company of Ada's with a note each, an edit of hers, and somebody in each role."""
    factories.mirrored(ada)
    now = database_now()
    deal = factories.private_deal(ada, f"{SECRET} deal")
    contact = factories.private_contact(ada, f"{SECRET} person")
    company = factories.private_contact(ada, f"{SECRET} company", company=True)
    edit = actions.change(author=ada.user, deal=deal, field="description", value="typed")
    assert edit
    mine = {"workspace": ada.workspace, "author_id": ada.nimble_user_id}
    note = ContactNote.objects.create(nimble_id="note-1", text=SECRET, html=SECRET, **mine)
    note.contacts.add(contact)
    deal_note = DealNote.objects.create(deal=deal, nimble_id="note-2", title=SECRET, **mine)
    now = database_now()
    listing = Stream.objects.get(connection=ada, name="listing")
    brake = Brake.objects.create(stream=listing, kind="contact", missing=30, known=60, began_at=now, listed_at=now)
    Vanished.objects.create(brake=brake, record_id=contact.pk)
    for key, metadata in (("file-1", {"file_url": "https://files.example/1"}), ("file-2", {})):
        kept = {"file_id": key, "file_name": SECRET, "metadata": metadata}
        DealFile.objects.create(
            workspace=ada.workspace, deal=deal, nimble_id=key, name=SECRET, remote=kept, fetched_at=now
        )
    actions.change(author=ada.user, deal=deal, field="contacts", value=[{"id": "abc", "note": SECRET}])
    actions.change(author=ada.user, deal=deal, field="external", value=[{"info": SECRET, "note": ""}])
    told = Notification.objects.create(user=ada.user, cause=Cause.EDIT, about={"edit": edit.pk}, created_at=now)
    lost = connect(EVE)
    Connection.objects.filter(pk=lost.pk).update(state=ConnectionState.RECONNECT)
    colleague = factories.caught_up(connect(BJORN))
    operator = get_user_model().objects.create_superuser("root", "", "a long password of theirs")
    TOTP.activate(operator, "JBSWY3DPEHPK3PXP")
    RecoveryCodes.activate(operator)
    pipeline = Pipeline.objects.get(nimble_id=deal.pipeline_nimble_id)
    parts = schema(pipeline.remote)
    return {
        "stage_kind": "stage",
        "stage_part": str(parts.stages[0].part),
        "field_part": str(parts.fields[0].part),
        "deal_tag": tags.listed(colleague.user)[0].name,
        "contact_tag": tagging.listed(colleague.user)[0].name,
        "deal": deal.pk,
        "pipeline": pipeline.pk,
        "stage": pipeline.stages.get(nimble_id=deal.stage_nimble_id).pk,
        "lost_stage": pipeline.stages.get(role="lost").pk,
        "owner": ada.nimble_user_id,
        "deal_note": deal_note.pk,
        "contact": contact.pk,
        "company": company.pk,
        "contact_note": note.pk,
        "field": "first name",
        "deal_field": "amount",
        "file_id": "file-1",
        "kept_file_id": "file-2",
        "taking_part": "abc",
        "external_key": external_key(SECRET),
        "edit": edit.pk,
        "stream_name": "deals",
        "report": "funnel",
        "brake": brake.pk,
        "notification": told.pk,
        "batch": Batch.objects.create(author=ada.user, action=Batch.Action.RETRY, created_at=now, finished_at=now).pk,
        "view": SavedView.objects.create(pipeline=pipeline, owner=ada.user, name="Kestrelwood alone").pk,
        "quarantined": factories.quarantined(ada, "contact", SECRET).pk,
        "token": "abc",
        "stranger": connect(ZOE).user,
        "colleague": colleague.user,
        "member": ada.user,
        "lost": lost.user,
        "operator": operator,
    }


@pytest.fixture
def as_role(world: World) -> Callable[[str], Client]:
    def make(role: str) -> Client:
        client = Client()
        if role != "anonymous":
            client.force_login(world[role])
        return client

    return make


def told(answer: HttpResponse, route: Route) -> str:
    """What an answer comes down to."""
    if answer.status_code in (301, 302):
        target = answer["Location"]
        if target.startswith(("/accounts/login/", "/admin/login/")):
            return LOGIN
        return OK
    if answer.status_code == 403:
        return DENIED
    if answer.status_code == 404:
        return GONE
    assert answer.status_code in (200, 204, 401, 405, 409, 410, 422, 503), answer.status_code
    return OK


# A page that may end a session although it is only read.
ENDING = ("account_logout",)

# Denied before allowed, so that what the member does cannot be why the others find nothing.
ORDER = ("anonymous", "stranger", "colleague", "lost", "operator", "member")


def answers(name: str, world: World, clients: dict[str, Client]) -> dict[str, str]:
    """How a route answers each role; nobody but the member may read the records or make an edit meanwhile."""
    route = TABLE[name]
    path = reverse(name, kwargs={key: world[of] for key, of in route.objects.items()})
    data = {key: value.format_map(world) for key, value in route.data.items()}
    edits = Edit.objects.count()
    found = {}
    for role in ORDER:
        answer = getattr(clients[role], route.method)(path, data)
        found[role] = told(answer, route)
        if role != "member":
            body = answer.getvalue() if answer.streaming else answer.content
            leak = re.findall(rf".{{0,80}}{SECRET}.{{0,80}}", body.decode())
            assert leak == [], f"{role} reads the record at {path}"
            assert Edit.objects.count() == edits, f"{role} made an edit at {path}"
    if route.moves_on:
        # Where allauth sends somebody on, it is to a page that has its own line in the table.
        found = {role: route.access[role] if found[role] in (OK, LOGIN) else found[role] for role in found}
    return found


def test_reading_answers_each_role_as_the_table_says(world: World, as_role: Callable[[str], Client]):
    clients = {role: as_role(role) for role in ROLES}
    reading = {name: route for name, route in TABLE.items() if route.method == "get" and name not in ENDING}
    found = {name: answers(name, world, clients) for name in reading}
    assert found == {name: route.access for name, route in reading.items()}


@pytest.mark.parametrize(
    "name", sorted(name for name, route in TABLE.items() if route.method != "get" or name in ENDING)
)
def test_changing_answers_each_role_as_the_table_says(name: str, world: World, as_role: Callable[[str], Client]):
    assert answers(name, world, {role: as_role(role) for role in ROLES}) == TABLE[name].access


def test_admin_is_an_operators_alone(as_role: Callable[[str], Client]):
    clients = {role: as_role(role) for role in ("anonymous", "stranger", "colleague", "member", "lost")}
    for name in ADMIN:
        if name in ("admin:login", "admin:logout", "admin:jsi18n"):
            continue
        numbers = [1] * NAMES[name].count("<")
        path = reverse(name, args=["sync"] if name == "admin:app_list" else numbers)
        for role, client in clients.items():
            answer = client.get(path)
            # To the admin's sign-in, which tells whoever is signed in that it is not theirs.
            assert answer.status_code == 302, f"{role} at {path}"
            assert answer["Location"].startswith(("/admin/login/", "/accounts/login/")), f"{role} at {path}"
    for role, client in clients.items():
        assert client.get("/admin/login/").status_code == (302 if role == "anonymous" else 403)
    assert as_role("operator").get("/admin/").status_code == 200
