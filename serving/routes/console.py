"""The console at /console: plain pages and modules from the installed package, nothing from elsewhere."""

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
"""Only the console's own files and calls to its own server; no text is ever read as HTML or as a script."""


class Console(StaticFiles):
    """The files of `serving/console`, under a policy that a title full of HTML cannot get around.

    Attributes:
        path_format: what its answers are counted under.
    """

    path_format = "/console/{file}"

    def __init__(self) -> None:
        super().__init__(packages=[("serving", "console")], html=True)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """One file; `index.html` for the folder."""
        scope["route"] = self  # a mounted app has no route of its own
        response = await super().get_response(path, scope)
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response
