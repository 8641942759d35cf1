"""What a day may be like."""

MOST_OF_A_TRIP = 500.0


def is_too_dear(revenue: float, trips: int) -> bool:
    if trips == 0:
        return False
    return revenue / trips > MOST_OF_A_TRIP
