"""The demo's users and contacts."""

import json
import random
from collections.abc import Iterator
from typing import Any

from sandbox.fields import BY_NAME, FIELDS, PERSON, value
from sandbox.ids import WORLD_TIME, microseconds, object_id
from sandbox.population import names
from sandbox.store import Document

DAY = 86_400_000_000
COMPANY_ID = object_id("company", "Lantern & Pine")
OTHER_COMPANY_ID = object_id("company", "Elsewhere")
SALES_GROUP = object_id("group", "sales")
BOARD_GROUP = object_id("group", "board")
DEMO_USERS = (
    ("Ada Kowalska", "ada@lantern-pine.test", (SALES_GROUP, BOARD_GROUP)),
    ("Björn Åkesson", "bjorn@lantern-pine.test", (SALES_GROUP, BOARD_GROUP)),
    ("Chiara Nwosu", "chiara@lantern-pine.test", (SALES_GROUP,)),
    ("Дмитро Петренко", "dmytro@lantern-pine.test", (SALES_GROUP,)),
    ("Eve Tan", "eve@lantern-pine.test", ()),
)


def make_user(name: str, email: str, groups: tuple[str, ...], company_id: str, company: str, place: int) -> Document:
    user_id = object_id("user", email)
    return {
        "id": user_id,
        "user_id": user_id,
        "company_id": company_id,
        "company_name": company,
        "name": name,
        "email": email,
        "avatar_url": None if place % 3 == 2 else f"https://app.nimble.com/api/users/avatars/{user_id}",
        "disabled": False,
        "group_ids": list(groups),
        "is_company_owner": place == 0,
        "created": microseconds(WORLD_TIME) - 900 * DAY + place * DAY,
    }


def demo_users() -> list[Document]:
    users = [
        make_user(name, email, groups, COMPANY_ID, "Lantern & Pine", place)
        for place, (name, email, groups) in enumerate(DEMO_USERS)
    ]
    other = make_user("Zoë Elsewhere", "zoe@elsewhere.test", (), OTHER_COMPANY_ID, "Elsewhere Ltd", 0)
    return [*users, other]


def privacy(rng: random.Random, users: list[str]) -> dict[str, Any]:
    """Most records are everyone's; some are a group's, a person's or their owner's alone."""
    draw = rng.random()
    if draw < 0.86:
        return {"read": None, "edit": None}
    if draw < 0.91:
        return {"read": {"user_ids": [], "group_ids": [SALES_GROUP]}, "edit": {"user_ids": [], "group_ids": []}}
    if draw < 0.94:
        return {"read": None, "edit": {"user_ids": [rng.choice(users)], "group_ids": [BOARD_GROUP]}}
    if draw < 0.97:
        return {"read": {"user_ids": [rng.choice(users)], "group_ids": []}, "edit": {"user_ids": [], "group_ids": []}}
    return {"read": {"user_ids": [], "group_ids": []}, "edit": {"user_ids": [], "group_ids": []}}


def new_contact(one: str, company_id: str, record_type: str, owner: str, created: int, updated: int) -> Document:
    """A bare contact; whoever makes one fills in fields, tags and privacy."""
    return {
        "id": one,
        "company_id": company_id,
        "record_type": record_type,
        "owner_id": owner,
        "creator": owner,
        "updated_by": owner,
        "created": created,
        "updated": updated,
        "avatar_url": None,
        "fields": {},
        "tags": [],
        "privacy": {"read": None, "edit": None},
        "readers": None,
        "notice": None,
        "parent_id": None,
        "viewers": {},
    }


def address(rng: random.Random) -> str:
    """JSON in a string, or the Python literal that Nimble's own documents show."""
    city, country = rng.choice(names.CITIES)
    parts = {
        "street": f"{rng.randint(1, 99)} {rng.choice(names.LAST)} St.",
        "city": city,
        "zip": "0" + str(rng.randint(1000, 9999)),
        "country": country,
    }
    if rng.random() < 0.3:
        return repr(parts)
    return json.dumps(parts, ensure_ascii=rng.random() < 0.5)


def employment(rng: random.Random, company: str, title: str, present: bool) -> str:
    start = f"{rng.randint(1, 12):02}/{rng.randint(2009, 2021)}"
    job: dict[str, Any] = {"company_name": company, "title": title, "start_date": start, "is_present": present}
    if not present:
        job["end_date"] = f"{rng.randint(1, 12):02}/{rng.randint(2022, 2025)}"
    return json.dumps(job)


def custom_value(rng: random.Random, name: str, users: list[str]) -> list[dict[str, Any]]:
    field = BY_NAME[name]
    match field.kind:
        case "choice":
            text = str(rng.randint(1, len(field.choices)))
        case "number":
            text = rng.choice(["0", "12", "1250.5", "99.95", "1e6", "-3"])
        case "datetime":
            text = rng.choice(["2026-03-01", "2025-12-31T00:00:00Z", "2026-02-28T10:00:00+0300"])
        case "boolean":
            text = rng.choice(["true", "false"])
        case "address":
            text = address(rng)
        case "user":
            text = rng.choice(users)
        case "attachment":
            text = object_id("file", rng.random())
        case "long_string":
            text = "Ring twice.\nLeave at the back door.\n" + rng.choice(names.HOSTILE)
        case _:
            if field.rule == "url":
                text = f"https://portal.example.com/{rng.randint(1, 999)}"
            else:
                return [value(name, one) for one in rng.sample(["red", "vert", "синий", "#00ff00"], rng.randint(1, 2))]
    return [value(name, text)]


CUSTOM = tuple(field.name for field in FIELDS if not field.standard)


def company_fields(rng: random.Random, place: int, users: list[str]) -> dict[str, Any]:
    name = names.HOSTILE[place // 7 % len(names.HOSTILE)] if place % 41 == 3 else rng.choice(names.COMPANIES)
    if place >= len(names.COMPANIES):
        name = f"{name} {rng.choice(names.SUFFIXES)} {place}".replace("  ", " ")
    slug = f"company{place}.example"
    fields: dict[str, Any] = {
        "company name": [value("company name", name)],
        "domain": [value("domain", slug)],
        "phone": [value("phone", f"+1 555 {place % 10000:04}", "main")],
        "URL": [value("URL", f"https://www.{slug}/", "work")],
        "address": [value("address", address(rng), "work")],
        "# of employees": [value("# of employees", str(rng.randint(1, 20000)))],
    }
    for custom in rng.sample(CUSTOM, rng.randint(0, 4)):
        fields[custom] = custom_value(rng, custom, users)
    return fields


def person_fields(rng: random.Random, place: int, users: list[str], company: Document | None) -> dict[str, Any]:
    first, last = rng.choice(names.FIRST), rng.choice(names.LAST)
    if place % 29 == 5:
        last = names.HOSTILE[place // 29 % len(names.HOSTILE)]
    fields: dict[str, Any] = {}
    if place % 17 != 4:
        fields["first name"] = [value("first name", first)]
    if place % 13 != 6 or place % 17 == 4:
        fields["last name"] = [value("last name", last)]
    emails = [(f"person{place}@company{place % 97}.example", "work"), (f"p.{place}@mail.example", "personal")]
    emails += [(f"Person.{place}+News@Mail.example", "personal"), (f"weird{place}@xn--bcher-kva.example", "other")]
    fields["email"] = [
        value("email", text, modifier, is_primary=at == 0)
        for at, (text, modifier) in enumerate(emails[: rng.randint(0, 4)])
    ]
    phones = [("+44 20 7946 0" + f"{place % 1000:03}", "work"), (f"(555) 01{place % 100:02} ext. 7", "mobile")]
    phones += [(f"00 49 170 {place:06}", "mobile"), ("call after 6", "other")]
    fields["phone"] = [value("phone", text, modifier) for text, modifier in phones[: rng.randint(0, 4)]]
    if rng.random() < 0.6:
        fields["address"] = [value("address", address(rng), where) for where in rng.sample(["work", "home"], 1)]
    if company:
        title = rng.choice(names.TITLES)
        name = company["fields"]["company name"][0]["value"]
        jobs = [employment(rng, name, title, True)]
        if place % 5 == 0:
            jobs.append(employment(rng, rng.choice(names.COMPANIES), rng.choice(names.TITLES), False))
        fields["contact employment"] = [
            value("contact employment", job, extra_value=company["id"] if at == 0 else None)
            for at, job in enumerate(jobs)
        ]
        if place % 3 == 0:
            fields["parent company"] = [value("parent company", name, extra_value=company["id"])]
            fields["title"] = [value("title", title)]
    elif place % 6 == 0:
        fields["title"] = [value("title", rng.choice(names.TITLES))]
    if place % 4 == 0:
        fields["description"] = [
            value("description", rng.choice(names.HOSTILE), "other"),
            value("description", "Met in Porto.\nPrefers tea.", "linkedin"),
        ]
    if place % 8 == 0:
        fields["lead status"] = [value("lead status", str(rng.randint(1, 4)))]
    if place % 9 == 0:
        fields["birthday"] = [value("birthday", rng.choice(["--02-29", "1984-07-01", "12-24"]))]
    fields["source"] = [value("source", rng.choice(["csv", "google", "web form"]))]
    for custom in rng.sample(CUSTOM, rng.choice((0, 0, 1, 2, 6))):
        fields[custom] = custom_value(rng, custom, users)
    return {name: values for name, values in fields.items() if values}


def contacts(rng: random.Random, seed: int, count: int, users: list[Document]) -> Iterator[Document]:
    """A quarter companies, the rest people, most of them working for one of those companies."""
    ids = [user["user_id"] for user in users]
    last = microseconds(WORLD_TIME)
    companies: list[Document] = []
    for place in range(count):
        record_type = "company" if place % 4 == 0 else PERSON
        created = last - rng.randint(30 * DAY, 800 * DAY)
        updated = rng.randint(created, last)
        doc = new_contact(
            *(object_id(seed, "contact", place), users[0]["company_id"], record_type),
            *(rng.choice(ids), created, updated),
        )
        doc["creator"], doc["updated_by"] = rng.choice(ids), rng.choice(ids)
        doc["privacy"] = privacy(rng, ids)
        doc["tags"] = rng.sample(names.TAGS, rng.choice((0, 0, 1, 2, 4, 7)))
        if record_type == "company":
            doc["fields"] = company_fields(rng, place // 4, ids)
            if len(companies) < 400:
                companies.append(doc)
        else:
            company = rng.choice(companies) if companies and rng.random() < 0.7 else None
            doc["fields"] = person_fields(rng, place, ids, company)
            doc["parent_id"] = company["id"] if company else None
        if place % 3 == 1:
            doc["avatar_url"] = f"https://app.nimble.com/api/contacts/avatars/{doc['id']}"
        if place % 10 == 0:
            doc["viewers"] = {rng.choice(ids): {"is_important": True, "reminder": rng.choice((7, 30, 90))}}
        if place % 12 == 7:
            doc["viewers"] = {rng.choice(ids): {"contacted": updated - 3 * DAY, "direction": "outbound"}}
        if place % 25 == 9:
            doc["notice"] = {"text": rng.choice(names.HOSTILE)[:80], "color": "yellow", "at": updated, "by": ids[0]}
        yield doc


def notes(rng: random.Random, seed: int, contact: Document, place: int, users: list[Document]) -> Iterator[Document]:
    """None for most, seven for some: more than one page of Nimble's five."""
    for at in range((0, 1, 0, 2, 0, 0, 1, 7, 0, 0, 3)[place % 11]):
        text = names.NOTES[(place + at) % len(names.NOTES)]
        created = contact["created"] + at * DAY
        author = rng.choice(users)["user_id"]
        yield {
            "id": object_id(seed, "note", contact["id"], at),
            "company_id": contact["company_id"],
            "contact_ids": [contact["id"]],
            "note": text,
            "note_preview": text[:64],
            "owner_id": author,
            "updated_by": author,
            "created": created,
            "updated": created + (at % 2) * 3_600_000_000,
        }
