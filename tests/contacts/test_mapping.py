"""Nimble's JSON of contacts taken apart and put together again."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contacts import bodies, employment, mapping, metadata
from sync.resource import Unstorable
from sync.terms import SEPARATOR
from tests.contacts.payloads import WORK, contact, item

PAST = {"company_name": "Old & Co", "title": "Clerk", "end_date": "02/2003"}


def job(content: object) -> dict:
    return {"value": content if isinstance(content, str) else json.dumps(content), "modifier": ""}


def found(*jobs: dict, **fields: list) -> dict:
    return {mapping.FIELD + mapping.EMPLOYMENT: list(jobs)} | {mapping.FIELD + name: v for name, v in fields.items()}


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ('{"city": "Köln"}', {"city": "Köln"}),
        ("{'city': \"O'Fallon\", 'zip': '01'}", {"city": "O'Fallon", "zip": "01"}),
        ("  {'a': 1}", {"a": 1}),
        ({"city": "Köln"}, {"city": "Köln"}),
        ('{"city": "a\\u0000\\ud800b"}', {"city": "a\ufffd\ufffdb"}),
        ("__import__('os').system('x')", {}),
        ("{1: __import__('os')}", {}),
        ("[1, 2]", {}),
        ("{" * 5000, {}),
        ("{'a': " + "[" * 3000 + "]" * 3000 + "}", {}),
        ("Main St. 1", {}),
        (None, {}),
        (7, {}),
    ],
)
def test_structured_reads_both_notations_and_nothing_else(text, parsed):
    assert employment.structured(text) == parsed


@pytest.mark.parametrize(
    ("tags", "names"),
    [
        (["a", "b"], ["a", "b"]),
        ([{"tag": "a", "id": "1"}, {"tag": "b,c", "id": "2"}], ["a", "b,c"]),
        (["a", "a", "", None, {"id": "3"}, 5], ["a"]),
        (None, []),
    ],
)
def test_tags_come_in_every_shape(tags, names):
    assert mapping.tags({"tags": tags}) == names


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (found(job(PAST), job(WORK)), ("Buyer", "Kestrel & Sons")),
        (found(job(PAST)), ("Clerk", "Old & Co")),
        (found(job("{'title': 'CTO', 'company_name': \"O'Neill\"}")), ("CTO", "O'Neill")),
        (found(job("garbage"), title=[{"value": "Baker"}]), ("Baker", "")),
        (found(job(WORK), title=[{"value": "Stale"}]), ("Buyer", "Kestrel & Sons")),
        ({}, ("", "")),
    ],
)
def test_employment_is_read_before_the_deprecated_fields(values, said):
    assert mapping.employment(values) == said


def test_changed_employment_changes_the_present_job_alone():
    changed = employment.changed([job(PAST), job("garbage"), job(WORK)], title="Chef", company="Kestrel & Sons")
    assert changed[:2] == [job(PAST), job("garbage")]
    assert json.loads(changed[2]["value"]) == {**WORK, "title": "Chef"}


def test_changed_employment_adds_a_job_when_all_have_ended():
    changed = employment.changed([job(PAST)], title="Chef", company="New")
    assert json.loads(changed[0]["value"]) == {"title": "Chef", "company_name": "New", "is_present": True}
    assert changed[1:] == [job(PAST)]


def test_changed_employment_emptied_goes():
    assert employment.changed([job(PAST), job(WORK)], title="", company="") == [job(PAST)]


def test_present_job_never_keeps_an_end():
    both = {**WORK, "end_date": "01/2020"}
    changed = employment.changed([job(both)], title="Chef", company="X")
    assert "end_date" not in json.loads(changed[0]["value"])


def test_field_body_sends_known_items_whole_and_new_ones_bare():
    current = contact(1, fields={"email": [item("a@b", "work", is_primary=True), item("c@d", "other")]})
    body = bodies.field_body(
        "email", [{"value": "c@d", "modifier": "other"}, {"value": "n@b", "modifier": "work"}], current
    )
    assert body == [item("c@d", "other"), {"value": "n@b", "modifier": "work"}]


def test_field_body_keeps_the_company_of_a_changed_title():
    current = contact(1, fields={"contact employment": [item(json.dumps(WORK), extra_value="c9")]})
    changed = employment.changed([job(WORK)], title="Chef", company=WORK["company_name"])
    assert bodies.field_body("contact employment", changed, current)[0]["extra_value"] == "c9"
    moved = employment.changed([job(WORK)], title="Chef", company="Elsewhere")
    assert "extra_value" not in bodies.field_body("contact employment", moved, current)[0]


def test_columns_stand_for_the_contact_in_a_list():
    payload = contact(
        1,
        tags=["b", "a"],
        owner_id="u1",
        privacy={"read": {"user_ids": [], "group_ids": []}, "edit": None},
        fields={
            "first name": [item(" Émile ")],
            "email": [item("second@x", "work"), item("first@x", "personal", is_primary=True)],
            "contact employment": [item(json.dumps(WORK))],
        },
        employers_info=[{"contact_id": "c9", "company_name": "Kestrel & Sons"}],
    )
    columns = mapping.columns(payload, mapping.values(payload))
    assert columns["name"] == "Émile Lindqvist 001"
    assert columns["sort_name"] == "emile lindqvist 001"
    assert columns["email"] == "first@x"
    assert (columns["company_name"], columns["company_nimble_id"]) == ("Kestrel & Sons", "c9")
    assert columns["tag_index"] == f"{SEPARATOR}b{SEPARATOR}a{SEPARATOR}"
    assert columns["is_private"] is True
    assert columns["search"].startswith("emile lindqvist 001 kestrel & sons buyer second@x first@x")


def test_fields_come_once_for_people_and_once_for_companies():
    field = {"field_id": "f1", "name": "email", "modifier": "work"}
    answer = {"tabs": [{"tab_name": t, "contact_types": t, "members": [field]} for t in ("person", "company")]}
    assert [(one["record_type"], one["field_id"]) for one in metadata.fields(answer)] == [
        ("person", "f1"),
        ("company", "f1"),
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=15,
)
KEYS = ["tags", "owner_id", "record_type", "privacy", "employers_info", "created", "updated", "lc"]
NAMES = st.sampled_from(
    ["first name", "company name", "email", "phone", "contact employment", "title", "parent company"]
)
FIELDS = st.dictionaries(
    NAMES | st.text(max_size=8), JSON | st.lists(st.fixed_dictionaries({"value": JSON}), max_size=3)
)
PAYLOADS = st.fixed_dictionaries({"fields": FIELDS}, optional=dict.fromkeys(KEYS, JSON))


@given(JSON | PAYLOADS | PAYLOADS.map(lambda payload: {**payload, "id": "c1"}))
def test_payload_is_stored_or_unstorable_and_nothing_else(payload):
    try:
        contact_id, remote, view = mapping.split(payload)
    except Unstorable:
        return
    assert isinstance(contact_id, str)
    assert not set(remote) & set(view)
    columns = mapping.columns(remote, mapping.values(remote))
    assert len(columns["name"]) <= 500
    assert len(columns["email"]) <= 320


@given(JSON | st.fixed_dictionaries({"id": st.text(min_size=1), "contacts": JSON, "note": JSON}))
def test_note_is_stored_or_unstorable_and_nothing_else(payload):
    try:
        _note_id, remote, _view = mapping.split_note(payload)
    except Unstorable:
        return
    assert all(isinstance(contact_id, str) for contact_id in mapping.note_contacts(remote))


@given(JSON | st.fixed_dictionaries({"tabs": JSON | st.lists(st.fixed_dictionaries({"members": JSON}), max_size=3)}))
def test_metadata_of_any_shape_is_read(answer):
    assert isinstance(metadata.fields(answer), list)
