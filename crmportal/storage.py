"""How static files are kept for production: compressed, and named by their content."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFiles(CompressedManifestStaticFilesStorage):
    """Also renames what our JavaScript modules import from each other, so that they may be cached for ever.

    Only ours: `support_js_module_import_aggregation` looks into every script, and trips over comments of others.
    """

    _modules = CompressedManifestStaticFilesStorage._js_module_import_aggregation_patterns[1]
    patterns = (*CompressedManifestStaticFilesStorage.patterns, ("js/*.js", _modules))
