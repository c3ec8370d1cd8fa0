from django.apps import AppConfig


class Reports(AppConfig):
    name = "reports"
    verbose_name = "Reports"

    def ready(self) -> None:
        from reports import stream
        from sync import registry

        registry.add_stream(stream.WON_LAST_MONTH)
