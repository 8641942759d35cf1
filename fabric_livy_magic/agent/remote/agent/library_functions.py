"""Functions of libraries that would show nothing in a session, replaced when user code imports them."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from typing import Any

from . import display, displays, ipython_stand_in, magics


def use_cells_shell(module: Any) -> None:
    """Libraries ask IPython's class for the shell as well."""
    shell = module.InteractiveShell
    shell.initialized = classmethod(lambda cls: magics.current_shell() is not None)
    shell.instance = classmethod(lambda cls, *arguments, **options: magics.current_shell())


def show_by_front_end(module: Any) -> None:
    """Plotly draws by its data, as in JupyterLab, where the user names no other way; its own default looks for a browser on the
    driver, or sends its script of 4 MB along."""
    own: Any = module.show
    renderers: Any = getattr(module, "renderers", None)
    if getattr(renderers, "default", "").endswith("+notebook") and "PLOTLY_RENDERER" not in os.environ:
        renderers.default = "plotly_mimetype"

    def show(figure: Any, *arguments: Any, renderer: Any = None, **options: Any) -> None:
        if renderer not in (None, "browser"):
            try:
                own(figure, *arguments, renderer=renderer, **options)
                return
            except Exception:  # noqa: BLE001, S110 - there is no such renderer, or it needs a library that is missing
                pass
        displays.display(figure)

    module.show = show


def use_text_bars(module: Any) -> None:
    """tqdm's bars for notebooks are widgets: where ipywidgets is missing, they would be an ImportError."""
    if getattr(module, "IProgress", None) is None:
        module.tqdm = module.tqdm_notebook = module.std_tqdm
        module.trange = module.tnrange = lambda *arguments, **options: module.std_tqdm(range(*arguments), **options)


# Module → what it has by other names now, or what changes it.
REPLACEMENTS: dict[str, Any] = {
    "matplotlib.pyplot": {"show": display.show_figures},
    "plotly.io": show_by_front_end,
    "tqdm.notebook": use_text_bars,
    "IPython": {"get_ipython": magics.current_shell},
    "IPython.core.getipython": {"get_ipython": magics.current_shell},
    "IPython.core.interactiveshell": use_cells_shell,
    "IPython.core.display": displays.OF_IPYTHON,  # before IPython 7.23
    "IPython.core.display_functions": displays.OF_IPYTHON,
    "IPython.display": displays.OF_IPYTHON,
}


class AfterImport(importlib.abc.MetaPathFinder):
    """Replaces them when user code imports the module; importing it in advance would cost seconds."""

    def __init__(self) -> None:
        self._searching = False

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name not in REPLACEMENTS or self._searching:
            return None
        self._searching = True
        try:
            spec = importlib.util.find_spec(name)  # by the other finders
        finally:
            self._searching = False
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: Any) -> None:
                execute(module)
                replace_in(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


class StandIns(importlib.abc.MetaPathFinder):
    """The last one: `from IPython.display import …` works where the session's Python has no IPython."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name not in ipython_stand_in.MODULES:
            return None
        return importlib.machinery.ModuleSpec(name, ipython_stand_in.Loader(), is_package=True)


def replace_in(module: Any) -> None:
    change = REPLACEMENTS[module.__name__]
    if callable(change):
        change(module)
        return
    for name, value in change.items():
        if name in vars(module) or not module.__name__.startswith("IPython"):
            setattr(module, name, value)


def patch_modules() -> None:
    for name in REPLACEMENTS:
        if name in sys.modules:
            replace_in(sys.modules[name])
    # An agent of another version may have been installed before; the newest one counts.
    own = (AfterImport.__name__, StandIns.__name__)
    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ not in own]
    sys.meta_path.insert(0, AfterImport())
    sys.meta_path.append(StandIns())
    for name in ipython_stand_in.MODULES:  # of that other agent, too
        if getattr(sys.modules.get(name), ipython_stand_in.MARK, False):
            del sys.modules[name]
