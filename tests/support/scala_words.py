"""What Scala says otherwise in its two versions: 2.12 of Spark 3, 2.13 of Spark 4."""

from __future__ import annotations

import re
from importlib.metadata import version

IS_213 = int(version("pyspark").partition(".")[0]) >= 4


def in_this_scala(text: str) -> str:
    """What Scala 2.12 says, as the installed Spark's Scala does: `n: Int = 1` is `val n: Int = 1`, `defined class A` is `class A`."""
    if not IS_213:
        return text
    text = re.sub(r"^(?=\w+: \S.* = )", "val ", text, flags=re.MULTILINE)
    return re.sub(r"^defined (?=class |object |trait )", "", text, flags=re.MULTILINE).replace(
        "WrappedArray", "ArraySeq"
    )
