"""Nimble's JSON of deals, in all its published shapes and beyond them."""

from decimal import Decimal
from itertools import pairwise, permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deals import bodies, mapping, metadata
from sync.resource import Unstorable
from tests.deals.payloads import METADATA, deal, went

STANDARD = {f"f-{name}": name for name in mapping.STANDARD}


@pytest.mark.parametrize("upwards", [True, False])
@pytest.mark.parametrize("when", ["2025-01-01", None])
def test_transitions_are_read_in_either_order(upwards: bool, when: str | None):
    """Their order is not published, and a day may be all that tells when: the chain says it."""
    steps = [went(None, "A", when), went("A", "B", when), went("B", "A", when), went("A", "C", when)]
    payload = deal(1, transitions=steps if upwards else steps[::-1])
    del payload["@stage"]
    found = [mapping.stage_id(step["to_stage"]) for step in mapping.transitions(payload)]
    assert found == ["s-a", "s-b", "s-a", "s-c"]
    assert mapping.current_stage(payload) == "s-c"


def test_listed_group_says_the_stage_before_the_transitions():
    assert mapping.current_stage(deal(1, "Propose", transitions=[went(None, "Qualify")])) == "s-propose"


@pytest.mark.parametrize(
    "values",
    [
        {"amount": [{"value": "12.50", "is_primary": True}]},
        {"field_id": "amount", "values": [{"value": "12.50"}]},
        [{"field_id": "amount", "values": [{"value": "12.50"}]}],
        {"amount": ["12.50"]},
        {"amount": "12.50"},
    ],
)
def test_published_shapes_of_values(values: Any):
    payload = {"deal_id": "d", "fields_values": values}
    assert mapping.values(payload, {})["amount"] == "12.5"


def test_values_by_id_and_by_name():
    payload = deal(1, values={"amount": "7", "probability": "140"}, custom={"x-text": ["a", "b"]})
    payload["fields_values_with_names"] = {"description": [{"value": "Told by name"}]}
    found = mapping.values(payload, STANDARD)
    assert (found["name"], found["amount"], found["description"]) == ("Deal 001", "7", "Told by name")
    assert found["probability"] is None
    assert found["field:x-text"] == ["a", "b"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [("100", "100"), ("100.00", "100"), (0, "0"), ("1e3", "1000"), ("", None), ("NaN", None), ("1e30", None),
     (True, None), ([], None), ({}, None), ("12,5", None)],
)  # fmt: skip
def test_equal_amounts_have_one_spelling(given: Any, kept: str | None):
    assert mapping.canonical_amount(given) == kept


def test_only_what_changed_goes_out():
    send = {
        "stage": "s2", "pipeline": "p2", "owner": "u2", "currency": "USD", "tags": ["a"], "amount": "12.5",
        "expected_close_date": None, "actual_close_date": "2025-01-01", "field:x": ["1", "2"], "field:y": [],
    }  # fmt: skip
    assert bodies.edit_body(send) == {
        "stage_id": "s2",
        "pipeline_id": "p2",
        "owner_id": "u2",
        "currency": "USD",
        "tags": ["a"],
        "fields_values": {
            "amount": [{"value": "12.5"}],
            "expected_close_date": [],
            "x": [{"value": "1"}, {"value": "2"}],
            "y": [],
        },
    }


def test_hidden_contact_keeps_its_name_from_everybodys_part():
    hidden = {"contact": {"id": "c1", "name": "Hidden", "is_viewable": False}, "note": "n"}
    _id, remote, view = mapping.split(deal(1, related_contacts=[hidden]))
    assert "Hidden" not in str(remote)
    assert view == {"is_editable": True, "hidden_contacts": {"c1": "Hidden"}}


@pytest.mark.parametrize("name", ["related_contacts", "tags", "fields_values", "stage_transitions", "privacy", "owner"])
def test_search_and_tags_are_the_deals_own(name: str):
    payload = deal(1, values={"name": "Ångström"}, tags=[{"tag": "Été", "id": "1"}, "x", 7, {"tag": None}])
    assert mapping.columns(payload, mapping.values(payload, STANDARD))["search"] == "angstrom ete x"
    payload[name] = None
    mapping.columns(payload, mapping.values(payload, STANDARD))


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ({"name": "won", "is_final": True}, ("won", True)),
        ({"name": "Closed Lost", "is_final": False}, ("lost", True)),
        ({"name": "in_progress", "is_final": True}, ("open", True)),
        ({"name": None}, ("open", False)),
        ("won", ("won", True)),
        (None, ("open", False)),
    ],
)
def test_roles_of_stages(role: Any, expected: tuple[str, bool]):
    assert metadata.role({"role": role}) == expected


@pytest.mark.parametrize(
    ("privacy", "private"),
    [(None, False), ({"read": None}, False), ({"read": {}}, True), ({"read": "?"}, True), ({"read": []}, True)],
)
def test_privacy_that_is_not_understood_hides(privacy: Any, private: bool):
    assert mapping.privacy({"privacy": privacy}) == ([], [], private)


def test_metadata_is_flattened_with_choices_and_groups():
    found = {field["id"]: field for field in metadata.fields(METADATA)}
    assert found["x-choice"]["choices"] == [{"id": "c1", "value": "Bronze"}, {"id": "c2", "value": "Silver"}]
    assert (found["x-choice"]["group"], found["x-choice"]["pipeline"]) == ("Details", "p-sales")
    assert found["x-fixed"]["read_only"]
    assert found["f-name"]["is_standard"]


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
stages = st.fixed_dictionaries({"stage_id": json, "name": json}) | json
steps = st.fixed_dictionaries({"from_stage": stages, "to_stage": stages, "when": json, "who": json}) | json
people = st.fixed_dictionaries({"id": json, "name": json, "is_viewable": json}) | json
payloads = st.fixed_dictionaries(
    {"deal_id": st.just("d1") | json},
    optional={
        "@stage": json,
        "currency": json,
        "owner": st.fixed_dictionaries({"user_id": json}) | json,
        "created": json,
        "updated": json,
        "privacy": st.fixed_dictionaries({"read": st.fixed_dictionaries({"user_ids": json, "group_ids": json})}) | json,
        "related_contacts": st.lists(st.fixed_dictionaries({"contact": people, "note": json}) | json, max_size=3)
        | json,
        "tags": st.lists(st.fixed_dictionaries({"tag": json}) | json, max_size=3) | json,
        "fields_values": st.dictionaries(st.sampled_from([*STANDARD, "x-text"]), json, max_size=4) | json,
        "fields_values_with_names": st.dictionaries(st.sampled_from(mapping.STANDARD), json, max_size=4) | json,
        "stage_transitions": st.fixed_dictionaries(
            {"pipeline_id": json, "transitions": st.lists(steps, max_size=4) | json}
        )
        | json,
    },
)


@given(payloads)
def test_no_payload_raises_anything_but_unstorable(payload: dict[str, Any]):
    try:
        _id, remote, _view = mapping.split(payload)
        found = mapping.columns(remote, mapping.values(remote, STANDARD))
    except Unstorable:
        return
    assert isinstance(found["name"], str)
    assert found["amount"] is None or isinstance(found["amount"], Decimal)
    assert all(isinstance(tag, str) for tag in found["tags"])


@given(st.permutations(["A", "B", "C", "D"]), st.booleans())
def test_any_chain_of_stages_is_read_in_either_order(names: list[str], upwards: bool):
    chain = [went(None, names[0], None), *(went(a, b, None) for a, b in pairwise(names))]
    payload = {"stage_transitions": {"transitions": chain if upwards else chain[::-1]}}
    assert mapping.transitions(payload) == chain


def test_permuted_days_do_not_break_the_chain():
    for days in permutations(("2025-01-01", "2025-01-02", None)):
        steps = [went(None, "A", days[0]), went("A", "B", days[1]), went("B", "C", days[2])]
        assert mapping.transitions({"stage_transitions": {"transitions": steps[::-1]}}) == steps
