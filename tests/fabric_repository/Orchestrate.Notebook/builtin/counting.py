def plus_one(value):
    return value + 1
