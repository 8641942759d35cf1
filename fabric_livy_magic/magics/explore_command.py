"""`%livy explore`: charts and a profile of a table, or of a DataFrame of the session."""

from __future__ import annotations

import argparse
import time

from fabric_livy_magic.cells.explored_cells import profile_line
from fabric_livy_magic.magics.notebook import LivyNotebook
from fabric_livy_magic.output.bundles import show
from fabric_livy_magic.output.explored import cell_bundle, profile_bundle
from fabric_livy_magic.output.progress import has_person
from fabric_livy_magic.running.exploration import open_explored, profile_of


def explore(notebook: LivyNotebook, options: argparse.Namespace) -> None:
    """A view with controls; where nobody could use them, the profile as a table."""
    name, runner = " ".join(options.name), notebook.runner
    with notebook.progress() as progress:
        notebook.start_if_none(options.session, progress)
        if options.profile or not has_person(notebook.shell):
            began = time.monotonic()
            profile = runner.on_repl(lambda repl: profile_of(repl, name, progress), options.session, progress)
            progress.show(profile_bundle(profile, name, time.monotonic() - began))
            if not options.profile:
                show(cell_bundle(profile_line(name, options.session)))
            return
        from fabric_livy_magic.widgets.explore import ExploreView

        explored = runner.on_repl(lambda repl: open_explored(repl, name, progress), options.session, progress)
        session = runner.sessions.find(options.session).name
        ExploreView(runner, explored, session, options.session).show(progress)
