"""Contacts: listings, one by one, creating, changing and deleting."""
# ruff: noqa: S608 - what is put into SQL here are names and conditions of this package; values are bound.

from typing import Any

from sandbox import contact_edit, privacy, query
from sandbox.contact_views import CONTEXTS, Viewer
from sandbox.errors import invalid, invalid_at, quota_exceeded
from sandbox.exchange import Answer, Request, operation
from sandbox.fields import BY_ID, legacy_metadata, tabs
from sandbox.ids import is_object_id
from sandbox.population.people import new_contact
from sandbox.store import Document, clean
from sandbox.world import World

# Nimble sorts by what is searchable, single and standard.
SORTABLE = {
    "updated": "updated",
    "created": "created",
    "first name": "first_name",
    "last name": "last_name",
    "company name": "company_name",
}
MOST_PER_PAGE = 1000
MOST_SORTED = 100


def ordering(text: str, sortable: dict[str, str], table: str) -> str:
    field, _, order = text.rpartition(":")
    if field not in sortable or order not in ("asc", "desc"):
        raise invalid_at("/sort", f"Can't sort by {text[:60]!r}; expected field:asc or field:desc")
    return f"{table}.{sortable[field]} {order}, {table}.id {order}"


def _where(world: World, request: Request) -> tuple[str, list[Any]]:
    """The condition of a listing: what the user may see, and what the query asks for."""
    conditions = ["contacts.company_id = ?", "(contacts.readers IS NULL OR contacts.readers LIKE ?)"]
    values: list[Any] = [request.company_id, f"%,{request.user_id},%"]
    keyword, text, record_type = (request.text(name) for name in ("keyword", "query", "record_type"))
    query.refuse_both(text, keyword)
    if text:
        condition, more = query.condition("contacts", "contact_tags", world.now(), text)
        conditions.append(f"({condition})")
        values += more
    if keyword:
        conditions.append("instr(contacts.words, ?)")
        values.append(clean(keyword.lower()))
    if record_type not in ("", "all"):
        if record_type not in ("person", "company"):
            raise invalid_at("/record_type", "must be one of person, company, all")
        if text:
            raise invalid(message="You can't combine `query` with `record_type`!")
        conditions.append("contacts.record_type = ?")
        values.append(record_type)
    return " AND ".join(conditions), values


def _page(world: World, request: Request, most: int) -> tuple[list[str], dict[str, int]]:
    where, values = _where(world, request)
    sort = request.text("sort")
    per_page = request.number("per_page", 30, most=MOST_SORTED if sort else most)
    page = request.number("page", 1)
    order = ordering(sort, SORTABLE, "contacts") if sort else "contacts.created DESC, contacts.id DESC"
    total = world.count(f"SELECT count(*) FROM contacts WHERE {where}", values)
    sql = f"SELECT id FROM contacts WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?"
    ids = [row[0] for row in world.store.rows(sql, [*values, per_page, (page - 1) * per_page])]
    pages = -(-total // per_page)
    return ids, {"page": page, "pages": pages, "per_page": per_page, "total": total}


def _viewer(world: World, request: Request) -> Viewer:
    contexts = request.listed("contexts")
    for name in contexts:
        if name not in CONTEXTS:
            raise invalid_at("/contexts", f"must be one of {', '.join(CONTEXTS)}")
    return Viewer(world, request.user, contexts)


def _views(world: World, request: Request, docs: list[Document]) -> list[dict[str, Any]]:
    with_children(world, docs)
    return _viewer(world, request).views(docs, request.listed("fields"), request.flag("tags", True))


def with_children(world: World, docs: list[Document]) -> None:
    """Names the people of each company, as far as Nimble lists them here: a hundred."""
    for doc in docs:
        if doc["record_type"] == "company":
            sql = "SELECT id FROM contacts WHERE parent_id = ? ORDER BY id LIMIT 100"
            doc["children"] = [row[0] for row in world.store.rows(sql, [doc["id"]])]


@operation("GET", "/api/v1/contacts", "contacts")
def list_contacts(world: World, request: Request) -> Answer:
    ids, meta = _page(world, request, MOST_PER_PAGE)
    found = world.store.get_many("contact", ids)
    return Answer({"meta": meta, "resources": _views(world, request, [found[one] for one in ids])})


@operation("GET", "/api/v1/contacts/ids", "contacts")
def list_contacts_ids(world: World, request: Request) -> Answer:
    most = 30 if world.switch("ids_page") == "capped" else MOST_PER_PAGE
    ids, meta = _page(world, request, most)
    return Answer({"meta": meta, "resources": ids})


def _with_metadata(request: Request, body: dict[str, Any]) -> Answer:
    return Answer(body | ({"contacts_meta": legacy_metadata()} if request.flag("meta", False) else {}))


def _by_ids(world: World, request: Request, ids: list[str]) -> Answer:
    if not ids or len(ids) > 30:
        raise invalid_at("/id", "expected 1 to 30 ids")
    found = world.store.get_many("contact", ids)
    docs = [found[one] for one in ids if one in found and privacy.may_read(found[one], request.user)]
    return _with_metadata(request, {"resources": _views(world, request, docs)})


@operation("GET", "/api/v1/contact", "contacts")
def list_contacts_for_identifiers(world: World, request: Request) -> Answer:
    return _by_ids(world, request, list(dict.fromkeys(request.listed("id"))))


@operation("GET", "/api/v1/contact/{contact_id}", "contacts")
def get_contact(world: World, request: Request, contact_id: str) -> Answer:
    if "," in contact_id:
        return _by_ids(world, request, [one for one in contact_id.split(",") if one])
    doc = world.readable("contact", contact_id, request.user)
    return _with_metadata(request, {"resources": _views(world, request, [doc])})


def one_view(world: World, request: Request, doc: Document) -> dict[str, Any]:
    with_children(world, [doc])
    return Viewer(world, request.user).view(doc)


def checked_privacy(world: World, request: Request, sent: Any) -> dict[str, Any]:
    if not isinstance(sent, dict) or set(sent) != {"read", "edit"}:
        raise invalid_at("/privacy", "expected read and edit")
    users = world.users(request.company_id)
    for name, principals in sent.items():
        if principals is None:
            continue
        if not isinstance(principals, dict) or set(principals) != {"user_ids", "group_ids"}:
            raise invalid_at(f"/privacy/{name}", "expected user_ids and group_ids")
        for key, ids in principals.items():
            if not isinstance(ids, list) or not all(is_object_id(one) for one in ids):
                raise invalid_at(f"/privacy/{name}/{key}", "expected a list of ids")
        if unknown := set(principals["user_ids"]) - set(users):
            raise invalid_at(f"/privacy/{name}/user_ids", f"unknown user {min(unknown)}")
    return sent


def checked_owner(world: World, request: Request, sent: Any, path: str) -> str:
    if not isinstance(sent, str) or sent not in world.users(request.company_id):
        raise invalid_at(path, "unknown user")
    return sent


@operation("POST", "/api/v1/contact", "contacts")
def post_contact(world: World, request: Request) -> Answer:
    sent = request.document()
    record_type = sent.get("record_type", sent.get("type", "person"))
    if record_type not in ("person", "company"):
        raise invalid_at("/record_type", "must be one of person, company")
    if "fields" not in sent:
        raise invalid_at("/fields", "missing required property")
    limit = world.settings["contact_limit"]
    if limit and world.count("SELECT count(*) FROM contacts WHERE company_id = ?", [request.company_id]) >= limit:
        raise quota_exceeded(world.switch("quota_error"))
    owner = request.user_id
    if sent.get("owner_id") is not None:
        owner = checked_owner(world, request, sent["owner_id"], "/owner_id")
    doc = new_contact(world.new_id("contact"), request.company_id, record_type, owner, 0, 0)
    doc["creator"] = request.user_id
    doc["fields"] = contact_edit.changed_fields(doc, sent["fields"], replace=True)
    doc["parent_id"] = contact_edit.employer_of(world, doc)
    if "tags" in sent:
        doc["tags"] = contact_edit.split_tags(sent["tags"])
    if "privacy" in sent:
        doc["privacy"] = checked_privacy(world, request, sent["privacy"])
    if "avatar_url" in sent:
        doc["avatar_url"] = checked_text(sent["avatar_url"], "/avatar_url")
    world.save("contact", doc, request.user_id, fresh=True)
    return Answer(one_view(world, request, doc))


def checked_text(sent: Any, path: str) -> str:
    if not isinstance(sent, str):
        raise invalid_at(path, "expected a string")
    return sent


def _replaces(world: World, request: Request) -> bool:
    """`type=1` in the specification; older clients send `replace=1`. A server may know neither, and only extend."""
    kind = request.text("type", "0")
    if kind not in ("0", "1"):
        raise invalid_at("/type", "must be one of 0, 1")
    replace = request.flag("replace", False)
    known = {"type": replace or kind == "1", "replace": replace, "neither": False}
    return known[world.switch("replace_param")]


@operation("PUT", "/api/v1/contact/{contact_id}", "contacts")
def put_contact(world: World, request: Request, contact_id: str) -> Answer:
    doc = world.editable("contact", contact_id, request.user)
    sent = request.document()
    replace = _replaces(world, request)
    if "fields" in sent:
        doc["fields"] = contact_edit.changed_fields(doc, sent["fields"], replace)
        doc["parent_id"] = contact_edit.employer_of(world, doc)
    if "avatar_url" in sent:
        doc["avatar_url"] = checked_text(sent["avatar_url"], "/avatar_url")
    if "is_important" in sent:
        if not isinstance(sent["is_important"], bool):
            raise invalid_at("/is_important", "expected a boolean")
        doc["viewers"].setdefault(request.user_id, {})["is_important"] = sent["is_important"]
    world.save("contact", doc, request.user_id)
    return Answer(one_view(world, request, doc))


@operation("DELETE", "/api/v1/contact/{contact_id}", "contacts")
def delete_contact(world: World, request: Request, contact_id: str) -> Answer:
    if request.text("deletion_method", "regular") not in ("regular", "force"):
        raise invalid_at("/deletion_method", "must be one of regular, force")
    world.editable("contact", contact_id, request.user)
    world.store.delete("contact", contact_id)
    return Answer()


@operation("PUT", "/api/v1/contacts/{contact_id}/tags", "contacts")
def put_contact_tags(world: World, request: Request, contact_id: str) -> Answer:
    doc = world.editable("contact", contact_id, request.user)
    doc["tags"] = checked_tags(request.document().get("tags"))
    world.save("contact", doc, request.user_id)
    return Answer(one_view(world, request, doc))


def checked_tags(sent: Any) -> list[str]:
    if not isinstance(sent, list) or not all(isinstance(tag, str) and tag.strip() for tag in sent):
        raise invalid_at("/tags", "expected a list of tags")
    return list(dict.fromkeys(tag.strip() for tag in sent))


@operation("PUT", "/api/v1/contact/{contact_id}/field", "contacts")
def put_primary_mark(world: World, request: Request, contact_id: str) -> Answer:
    return _mark(world, request, contact_id, True)


@operation("DELETE", "/api/v1/contact/{contact_id}/field", "contacts")
def delete_primary_mark(world: World, request: Request, contact_id: str) -> Answer:
    return _mark(world, request, contact_id, False)


def _mark(world: World, request: Request, contact_id: str, primary: bool) -> Answer:
    """Marks the value at a position among those of one field id; a field has at most one primary value."""
    doc = world.editable("contact", contact_id, request.user)
    sent = request.document()
    field_id, position = sent.get("field_id"), sent.get("position")
    for name in ("field_id", "position", "is_primary"):
        if name not in sent:
            raise invalid_at(f"/{name}", "missing required property")
    if not isinstance(field_id, str) or field_id not in BY_ID:
        raise invalid_at("/field_id", "unknown field")
    if not isinstance(position, int) or isinstance(position, bool) or position < 0:
        raise invalid_at("/position", "expected an integer of at least 0")
    values = doc["fields"].get(BY_ID[field_id][0].name, [])
    own = [one for one in values if one["field_id"] == field_id]
    if position >= len(own):
        raise invalid_at("/position", "there is no such value")
    if primary:
        for one in values:
            one["is_primary"] = False
    own[position]["is_primary"] = primary
    world.save("contact", doc, request.user_id)
    return Answer()


@operation("GET", "/api/v1/contacts/metadata", "contacts")
def list_contacts_fields_metadata(world: World, request: Request) -> Answer:
    return Answer(legacy_metadata())


@operation("GET", "/api/v1/contacts/fields", "contacts")
def list_company_contacts_fields(world: World, request: Request) -> Answer:
    return Answer(tabs())
