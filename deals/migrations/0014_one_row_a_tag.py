from django.db import migrations, models


def merge(apps, schema_editor):
    """Of several rows for one tag the first stays, with the edits of all."""
    tags = apps.get_model("deals", "DealTag").objects
    kept = {}
    for row in tags.order_by("pk"):
        name = row.remote.get("name")
        if row.remote.get("removed") or not name:
            continue
        first = kept.setdefault((row.workspace_id, name), row)
        if first is row:
            tags.filter(pk=row.pk).update(known_as=name)
            continue
        for history in ("Edit", "Change"):
            of_row = apps.get_model("sync", history).objects.filter(kind="deal_tag", record_id=row.pk)
            of_row.update(record_id=first.pk)
        row.delete()


class Migration(migrations.Migration):

    dependencies = [
        ("deals", "0013_sort_name"),
        ("nimble", "0003_seal_second_factors"),
        ("sync", "0012_batch_names"),
    ]

    operations = [
        migrations.AddField(
            model_name="dealtag",
            name="known_as",
            field=models.CharField(max_length=255, null=True),
        ),
        migrations.RunPython(merge, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="dealtag",
            constraint=models.UniqueConstraint(fields=("workspace", "known_as"), name="deal_tag_known_as"),
        ),
    ]
