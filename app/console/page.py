"""The console's files, as they are sent: no build step, nothing from anywhere else.

Rule 1: the page may load and ask its own origin and nothing else, and runs no script but these files.
Rule 2: the files hold no data of the service; what the page shows comes from the API, with the API's key.
"""

from pathlib import Path

FOLDER = Path(__file__).parent / "static"
INDEX = "index.html"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    # A page of another version than its service would ask for what there is not.
    "Cache-Control": "no-cache",
}

FILES = {path.name: (path.read_bytes(), _TYPES[path.suffix]) for path in sorted(FOLDER.iterdir())}
"""By name: what is sent, and its media type."""
