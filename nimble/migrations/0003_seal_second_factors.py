"""Second factors that were stored in clear are encrypted."""

from allauth.mfa.models import Authenticator as Current
from django.db import migrations

from nimble.encryption import encrypt
from nimble.mfa import SECRETS

SEALED = "gAAAA"


def seal(apps, schema_editor):
    for authenticator in apps.get_model(Current._meta.label).objects.all():
        clear = {
            name: encrypt(value)
            for name, value in authenticator.data.items()
            if name in SECRETS and not value.startswith(SEALED)
        }
        if clear:
            authenticator.data = {**authenticator.data, **clear}
            authenticator.save(update_fields=["data"])


class Migration(migrations.Migration):
    dependencies = [
        ("nimble", "0002_pace"),
        ("mfa", "0003_authenticator_type_uniq"),
    ]

    operations = [migrations.RunPython(seal, migrations.RunPython.noop)]
