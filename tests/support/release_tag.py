"""Whether a tag is the one of this version. `python -m tests.support.release_tag v1.2.3` ends with 1 where it is not."""

from __future__ import annotations

import sys

from fabric_livy_magic import __version__

if __name__ == "__main__":
    if sys.argv[1:] != [f"v{__version__}"]:
        sys.exit(f"The version is {__version__}, so its tag is v{__version__}, not {' '.join(sys.argv[1:])}.")
