from django.db import migrations, models
from django.db.models import Value
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce


def fill(apps, schema_editor):
    """Of deals stored before: an unchanged one would not be stored anew."""
    deals = apps.get_model("deals", "Deal").objects.using(schema_editor.connection.alias)
    deals.update(owner_in_nimble=Coalesce(KT("remote__owner__user_id"), Value("")))


class Migration(migrations.Migration):
    dependencies = [("deals", "0002_board_figures")]

    operations = [
        migrations.AddField(
            model_name="deal",
            name="owner_in_nimble",
            field=models.CharField(blank=True, default="", max_length=64),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
