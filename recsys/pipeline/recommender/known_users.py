"""Users by their ids: those that a version knows and those that came since, without those who were forgotten."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from recsys.data.ids.vocabulary import Vocabulary
from recsys.data.users.forget import DigestIndex, forgotten, is_forgotten, user_digest
from recsys.data.users.pseudonyms import Pseudonyms
from recsys.errors import check_kind

_IS_IT, _BEGINS_WITH_IT, _HOLDS_IT = range(3)


@dataclass(frozen=True)
class KnownUsers:
    """Users by the ids that callers give, and by those that logs hold.

    Attributes:
        vocabulary: ids as logs hold them, and numbers, of all who have done something.
        pseudonyms: what logs hold in place of ids; None where they hold the ids themselves.
        forgotten: `user_digest` of the ids of users who were forgotten, also of those who never did anything.
    """

    vocabulary: Vocabulary
    pseudonyms: Pseudonyms | None
    forgotten: frozenset[str] = frozenset()

    def stored_id(self, user_id: str) -> str:
        """The user's id as logs hold it."""
        return user_id if self.pseudonyms is None else self.pseudonyms.of(user_id)

    def number(self, user_id: str) -> int:
        """The user's number, -1 for an unknown one."""
        check_kind(user_id, str, f"the id of a user is text, such as {str(user_id)!r}")
        return self.vocabulary.number(self.stored_id(user_id))

    def remembered_id(self, user_id: str | None) -> str | None:
        """The user's id as logs hold it; None if no user is named, or one who was forgotten."""
        if user_id is None:
            return None
        id_ = self.stored_id(user_id)
        return None if self.forgotten and user_digest(id_) in self.forgotten else id_

    def without(self, digests: Collection[str], index: DigestIndex) -> "KnownUsers":
        """The same without users who are to be forgotten; the numbers of all others stay.

        Args:
            digests: `user_digest` of their ids.
            index: of the users, or of the first of them.
        """
        vocabulary = forgotten(self.vocabulary, digests, index)
        return replace(self, vocabulary=vocabulary, forgotten=self.forgotten | frozenset(digests))

    def find(self, text: str, most: int) -> dict[int, int]:
        """Users whose id contains a text, whatever the case: the first `most`, and the one whose id equals the text.

        Returns:
            number to how well the id fits: 0 it is the text, 1 it begins with it, 2 it holds it. Empty where users are
            known by pseudonyms: nobody types those.
        """
        if self.pseudonyms is not None:
            return {}
        users, wanted, exact = self.vocabulary, text.casefold(), self.vocabulary.number(text)
        found = {} if exact < 0 or is_forgotten(text) else {exact: _IS_IT}
        for number in range(len(users)):
            id_ = users.id(number)
            if wanted in (folded := id_.casefold()) and not is_forgotten(id_):
                fit = _IS_IT if folded == wanted else _BEGINS_WITH_IT if folded.startswith(wanted) else _HOLDS_IT
                found.setdefault(number, fit)
                if len(found) >= most:
                    break
        return found
