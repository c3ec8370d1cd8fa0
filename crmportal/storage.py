"""How static files are kept for production: compressed, and named by their content."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFiles(CompressedManifestStaticFilesStorage):
    """Also renames what JavaScript modules import from each other, so that they may be cached for ever."""

    support_js_module_import_aggregation = True
