"""All kinds of difference together."""
# Each registers its kinds; the first that matches gives its name.
from . import kinds_of_catenate, kinds_of_structure, kinds_of_parts, kinds_of_commands  # noqa: F401, I001
from .kinds import KINDS
from .kinds_of_searches import SEARCH_KINDS, explain_search

NAMES = {name for name, _ in KINDS + SEARCH_KINDS} | {"keys_not_composed", "ties_of_a_sort"}


def explain(difference):
    """The name of the kind that explains a difference; None where none does."""
    for name, matches in KINDS:
        if matches(difference):
            return name
    names = explain_search(difference)
    return min(names) if names else None
