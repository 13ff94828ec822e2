"""Ids in paths: any text, slashes and line breaks included, and nothing that is no text."""

from http import HTTPStatus
from urllib.parse import unquote_to_bytes

from starlette.convertors import Convertor, register_url_convertor
from starlette.types import Scope

from serving.errors import Fault, ProblemError


class Anything(Convertor[str]):
    """`{name:anything}` in a route. Starlette's own `path` ends at a line break."""

    regex = r"[\s\S]*"

    def convert(self, value: str) -> str:
        """The id as it stands in the path."""
        return value

    def to_string(self, value: str) -> str:
        """The id as it is."""
        return value


register_url_convertor("anything", Anything())

ITEM = "/{item_id:anything}"
USER = "/{user_id:anything}"


def check_text(scope: Scope) -> None:
    """Refuse an id that is not written in UTF-8. Servers put another letter for each such byte, so that a caller who
    writes `M%FCller` would be told of another user.

    Raises:
        ProblemError: 422, path or query is no text.
    """
    for place, written in (("path", scope["raw_path"]), ("query", scope["query_string"])):
        try:
            unquote_to_bytes(written).decode()
        except UnicodeDecodeError as error:
            wrong = f"%{error.object[error.start]:02X} is no UTF-8; encode the text as UTF-8, then each byte as %XX"
            raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, wrong, [Fault(loc=[place], msg=wrong)]) from error
