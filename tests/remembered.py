"""Functions whose answers are kept: pages ask for the same numbers again and again."""

import pickle
from functools import wraps


def remembered(function):
    """Return a function that is asked once for the same arguments, and copies what it returned."""
    known = {}

    @wraps(function)
    def answer(*args, **told):
        try:
            asked = pickle.dumps((args, told))
        except (AttributeError, TypeError, pickle.PicklingError):
            # a statistic without a name, or an open file, is not known again
            return function(*args, **told)
        if asked not in known:
            known[asked] = pickle.dumps(function(*args, **told))
        return pickle.loads(known[asked])

    return answer
