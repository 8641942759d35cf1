import os.path

ran_in = os.path.dirname(__file__)
