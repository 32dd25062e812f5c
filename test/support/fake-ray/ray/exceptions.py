class RayError(Exception):
    pass


def __getattr__(name):
    """Each kind of error that there is."""
    if not name.endswith("Error"):
        raise AttributeError(name)
    kind = type(name, (RayError,), {})
    globals()[name] = kind
    return kind
