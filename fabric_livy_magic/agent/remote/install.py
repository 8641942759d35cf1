"""The statement that installs the agent in a session: this file, and below it one call, which the client adds."""


def _fabric_livy_install(package, sources):  # type: ignore[no-untyped-def]
    """`sources`: {name of a module: its text}, `package` among them. Does nothing where the package is installed already.

    It runs in the user's namespace, so it uses no name of it, and no builtin that a name of it may shadow.
    """
    import builtins
    import importlib.abc
    import importlib.machinery
    import sys

    sys._getframe(1).f_globals.pop("_fabric_livy_install", None)
    if package in sys.modules:
        return

    class Sources(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
        def find_spec(self, name, path=None, target=None):  # type: ignore[no-untyped-def]
            if name in sources:
                return importlib.machinery.ModuleSpec(name, self, is_package=name == package)
            return None

        def is_package(self, name):  # type: ignore[no-untyped-def]
            return name == package

        def get_source(self, name):  # type: ignore[no-untyped-def]
            return sources[name]

        def get_code(self, name):  # type: ignore[no-untyped-def]
            return builtins.compile(sources[name], "<" + name + ">", "exec", dont_inherit=True)

    sys.meta_path.append(Sources())
    importlib.import_module(package).provided_names.prepare()
