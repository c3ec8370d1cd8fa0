"""The Celery application. Celery is the doorbell: the database is the queue."""

import os

from celery import Celery

from crmportal import folder

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crmportal.settings")

folder.register()
app = Celery("crmportal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
