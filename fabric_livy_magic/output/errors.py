"""The whole of a remote error, folded below its short form: `<details>` needs no script, so it opens in an untrusted notebook as well."""

from __future__ import annotations

import html

from fabric_livy_magic.errors import StatementError, short_remote_error, whole_remote_error
from fabric_livy_magic.output.bundles import Bundle

WORTH_FOLDING = 4  # lines: a header or two are in no short form
MOST_SHOWN = 30_000  # characters: a saved notebook holds it with each failed cell


def whole_error_bundle(error: StatementError) -> Bundle:
    """Empty where the short form says all of it."""
    whole = whole_remote_error(error)
    short = set(short_remote_error(error).split("\n"))
    more = sum(line.strip() != "" and line not in short for line in whole.split("\n"))
    if more < WORTH_FOLDING:
        return {}
    lines = f"{more:,} more lines"
    shown = whole if len(whole) <= MOST_SHOWN else f"{whole[:MOST_SHOWN]}\n… the rest: %livy error"
    return {
        "text/html": '<details style="font-size:12px"><summary style="cursor:pointer;opacity:.75">'
        f"The whole error ({lines})</summary>"
        f'<pre style="white-space:pre-wrap;font-size:12px">{html.escape(shown)}</pre></details>',
        "text/plain": f"`%livy error` shows the whole error ({lines}).",
    }
