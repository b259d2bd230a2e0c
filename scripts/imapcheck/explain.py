"""All kinds of difference together."""
from .kinds import KINDS
from .searching import SEARCH_KINDS, explain_search

NAMES = {name for name, _ in KINDS + SEARCH_KINDS} | {"keys_not_composed", "ties_of_a_sort"}


def explain(difference):
    """The name of the kind that explains a difference; None where none does."""
    for name, matches in KINDS:
        if matches(difference):
            return name
    names = explain_search(difference)
    return min(names) if names else None
