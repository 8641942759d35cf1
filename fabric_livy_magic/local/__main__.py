"""`python -m fabric_livy_magic.local`: the same as `fabric-livy serve`."""

from __future__ import annotations

import argparse
import sys

from fabric_livy_magic.local.serve import add_serve_arguments, run_serve


def main() -> int:
    parser = argparse.ArgumentParser(prog="fabric-livy serve", description="Run the embedded Fabric.")
    add_serve_arguments(parser)
    return run_serve(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
