"""How messages name a number of things."""


def counted(number: int, one: str, many: str = "") -> str:
    """Such as ``1 delivery`` and ``2 deliveries``; ``many`` is ``one`` with an s where it is left out."""
    return f"{number} {one if number == 1 else many or one + 's'}"
