"""Runtime hooks of SnapStart, as the managed runtimes of Python have them.

Interface: docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html
"""

_before, _after = [], []


def register_before_snapshot(func, *args, **kwargs):
    """Has func called before a snapshot is taken, the last one registered first."""
    _before.append((func, args, kwargs))
    return func


def register_after_restore(func, *args, **kwargs):
    """Has func called after a restore, in the order of registration."""
    _after.append((func, args, kwargs))
    return func


def get_before_snapshot():
    return _before


def get_after_restore():
    return _after
