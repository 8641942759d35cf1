"""Creates the interpreters of a REPL: the correct ones, or with `quirks` those with Livy's bugs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fabric_livy_magic.forks import Forks
from fabric_livy_magic.local.interpreters.engines import Engine, JvmEngine, NoR, PythonEngine, ReplSpark
from fabric_livy_magic.local.interpreters.python_process import PythonProcess
from fabric_livy_magic.local.interpreters.scala import ScalaInterpreter
from fabric_livy_magic.local.interpreters.sql import SqlInterpreter
from fabric_livy_magic.local.spark.jvm import Jvm
from fabric_livy_magic.local.spark.settings import SessionFolders


def start_python(
    jvm: Jvm,
    folders: SessionFolders,
    repl_id: str,
    environment: Mapping[str, str],
    watch_group: Callable[[int], None],
    *,
    quirks: bool,
    forks: Forks | None,
) -> PythonProcess:
    if quirks:
        from fabric_livy_magic.local.interpreters.quirks.python_process import LivyPythonProcess

        return LivyPythonProcess(jvm, folders.repl(repl_id), folders, environment, watch_group)
    return PythonProcess(folders.repl(repl_id), folders, environment, watch_group, forks)


def make_engines(
    jvm: Jvm, spark: ReplSpark, python: PythonProcess, folders: SessionFolders, *, quirks: bool
) -> Mapping[str, Engine]:
    if quirks:
        from fabric_livy_magic.local.interpreters.quirks.engines import livy_engines

        return livy_engines(jvm, spark.session, python, folders)
    return {
        "pyspark": PythonEngine(jvm, python, spark),
        "spark": JvmEngine(jvm, spark, ScalaInterpreter(jvm, folders)),
        "sql": JvmEngine(jvm, spark, SqlInterpreter(jvm)),
        "sparkr": NoR(),
    }
