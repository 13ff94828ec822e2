"""Users by a part of their id."""

from recsys.data.forget import is_forgotten
from recsys.data.vocabulary import Vocabulary

_IS_IT, _BEGINS_WITH_IT, _HOLDS_IT = range(3)


def find_users(users: Vocabulary, text: str, most: int) -> dict[int, int]:
    """Known users whose id holds a text, case aside: the first `most`, and the one whose id is the text.

    Returns:
        number to how well the id fits: 0 it is the text, 1 it begins with it, 2 it holds it.
    """
    wanted, exact = text.casefold(), users.number(text)
    found = {} if exact < 0 or is_forgotten(text) else {exact: _IS_IT}
    for number in range(len(users)):
        id_ = users.id(number)
        if wanted in (folded := id_.casefold()) and not is_forgotten(id_):
            fit = _IS_IT if folded == wanted else _BEGINS_WITH_IT if folded.startswith(wanted) else _HOLDS_IT
            found.setdefault(number, fit)
            if len(found) >= most:
                break
    return found
