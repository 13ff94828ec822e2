"""Ids in paths: any text, slashes and line breaks included."""

from starlette.convertors import Convertor, register_url_convertor


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
