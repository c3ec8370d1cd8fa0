"""The values in edits of deals, as the inbox and the history read them."""

from deals.models import DealField
from nimble.models import Connection, Member
from sync import registry


def test_values_read_by_their_kind(ada: Connection):
    workspace = ada.workspace
    Member.objects.remember(workspace, [{"user_id": "u9", "name": "Grace"}])
    for number, (field_id, kind) in enumerate(
        {"site": "address", "tier": "choice", "who": "user", "flag": "boolean", "odd": "hologram"}.items()
    ):
        DealField.objects.create(
            workspace=workspace, field_id=field_id, name=field_id.title(), kind=kind, position=number,
            choices=[{"id": "c1", "value": "Gold"}] if kind == "choice" else [],
        )  # fmt: skip
    deals = registry.resource("deal")
    names = deals.names(workspace.pk, ada.user)
    site = '{"street": "Quay 4", "city": "Porto", "country": "Portugal"}'

    def said(field: str, value: object, **beside: object) -> str:
        return deals.shown(field, value, names, beside)

    assert said("amount", "1250.5", currency="EUR") == "€1,250.50"
    assert said("amount", "1250") == "1,250"
    assert said("probability", 35) == "35 %"
    assert said("expected_close_date", "2026-03-31") == "Mar 31, 2026"
    assert said("owner", "u9") == "Grace"
    assert said("field:tier", ["c1"]) == "Gold"
    assert said("field:who", ["u9"]) == "Grace"
    assert said("field:flag", ["true"]) == "Yes"
    assert said("field:site", [site]) == "Quay 4\nPorto\nPortugal"
    assert said("field:odd", [{"x": {"y": 1}, "z": ""}]) == "x: y: 1"
    assert said("field:odd", ["plain", ""]) == "plain"
    assert said("tags", ["a", "b"]) == "a\nb"
    assert (
        said("external", [{"info": "a@b.example", "note": "Pays"}, {"info": "C", "note": ""}])
        == "a@b.example (Pays)\nC"
    )
    assert said("amount", None) == ""
