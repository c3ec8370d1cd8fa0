"""`manage.py doctor`: what is wrong, and what to type. Ends with 1 when something is."""

import sys
from typing import Any

from django.core.management import BaseCommand
from django.core.management.base import OutputWrapper

from crmportal.doctor import Finding, examine


class Command(BaseCommand):
    help = "Says what is wrong with this installation, and what to type."
    requires_system_checks: list[str] = []

    def handle(self, *args: object, **options: Any) -> None:
        bad = [finding for finding in examine() if self.tell(self.stdout, finding)]
        if bad:
            self.stdout.write(f"\n{len(bad)} to look at.")
            sys.exit(1)
        self.stdout.write("\nAll is well.")

    def tell(self, out: OutputWrapper, finding: Finding) -> bool:
        """Prints a finding; whether it tells of something wrong."""
        out.write(f"{'wrong' if finding.todo else 'ok':6} {finding.text}")
        if finding.todo:
            out.write(f"       -> {finding.todo}")
        return bool(finding.todo)
