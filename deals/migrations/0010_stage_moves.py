import django.db.models.deletion
from django.db import migrations, models

CHUNK = 500
DEALS = {"kind": "deal"}


def fill(apps, schema_editor):
    """Of deals stored before: what Nimble has told of their way, and what was seen change and was sent."""
    from deals import moves, path

    Deal, StageMove = (apps.get_model("deals", name) for name in ("Deal", "StageMove"))
    stored = Deal.objects.exclude(nimble_id=None).order_by("pk").values_list("pk", "remote", "fetched_at", "created_in_nimble")
    last = 0
    while rows := list(stored.filter(pk__gt=last)[:CHUNK]):
        last = rows[-1][0]
        pks = [row[0] for row in rows]
        seen, sent = changes(apps, pks), sends(apps, pks)
        ways = {}
        for pk, remote, read_at, created in rows:
            told = path.told(remote, read_at) if read_at else []
            way = path.joined(path.changed(seen.get(pk, []), created), told)
            ways[pk] = path.owned(way, [path.Sent(*one) for one in sent.get(pk, [])])
        moves.write(ways, StageMove)


def changes(apps, pks):
    found = {}
    rows = apps.get_model("sync", "Change").objects.filter(**DEALS, record_id__in=pks, field__in=["stage", "pipeline"])
    for pk, at, field, before, after in rows.order_by("at").values_list("record_id", "at", "field", "before", "after"):
        found.setdefault(pk, {}).setdefault(at, {})[field] = (before, after)
    return {pk: list(pairs.items()) for pk, pairs in found.items()}


def sends(apps, pks):
    found = {}
    edits = apps.get_model("sync", "Edit").objects.filter(**DEALS, record_id__in=pks, state="confirmed")
    rows = edits.filter(fields__has_key="stage").exclude(confirmed_at=None)
    for pk, record, fields, by, made, at in rows.values_list(
        "pk", "record_id", "fields", "connection__nimble_user_id", "created_at", "confirmed_at"
    ):
        if fields["stage"].get("new"):
            found.setdefault(record, []).append((pk, fields["stage"]["new"], by, made, at))
    return found


def tell_reasons(apps, schema_editor):
    """The reasons for losing a deal that were given before: each is in the title of the note that came with the move."""
    Edit, DealNote = apps.get_model("sync", "Edit"), apps.get_model("deals", "DealNote")
    notes = Edit.objects.filter(kind="deal_note", operation="create", depends_on__fields__has_key="stage")
    for record, fields in notes.order_by("pk").values_list("record_id", "fields"):
        title = fields.get("title", {}).get("new") or ""
        if ": " in title:
            DealNote.objects.filter(pk=record).update(lost_reason=title.split(": ", 1)[1][:256])


class Migration(migrations.Migration):
    dependencies = [("deals", "0009_views_and_sorted_deals"), ("sync", "0009_look_again")]

    operations = [
        migrations.CreateModel(
            name="StageMove",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("from_pipeline_nimble_id", models.CharField(blank=True, default="", max_length=64)),
                ("from_stage_nimble_id", models.CharField(blank=True, default="", max_length=64)),
                ("pipeline_nimble_id", models.CharField(blank=True, default="", max_length=64)),
                ("stage_nimble_id", models.CharField(max_length=64)),
                ("at", models.DateTimeField()),
                ("until", models.DateTimeField(blank=True, null=True)),
                ("by", models.CharField(blank=True, default="", max_length=64)),
                (
                    "known",
                    models.CharField(
                        choices=[("exact", "Exact"), ("day", "Day"), ("seen", "Not known before")],
                        default="exact",
                        max_length=5,
                    ),
                ),
                (
                    "deal",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="moves",
                        to="deals.deal",
                    ),
                ),
                (
                    "edit",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="sync.edit",
                    ),
                ),
            ],
            options={
                "ordering": ["deal", "number"],
                "indexes": [
                    models.Index(
                        fields=["pipeline_nimble_id", "stage_nimble_id", "at", "until"], name="stage_move_stage"
                    ),
                    models.Index(fields=["at"], name="stage_move_at"),
                ],
                "constraints": [models.UniqueConstraint(fields=("deal", "number"), name="stage_move_once")],
            },
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RunPython(tell_reasons, migrations.RunPython.noop),
    ]
