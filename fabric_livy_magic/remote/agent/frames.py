"""Placeholder until the frames are merged."""


class Refused(Exception):
    pass


class NoArrow(Refused):
    pass


def preview(frame, rows):
    raise NoArrow()
