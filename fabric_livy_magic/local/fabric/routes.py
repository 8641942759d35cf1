"""The routes of Fabric's dialect."""

from __future__ import annotations

from tornado.web import Application

from fabric_livy_magic.local.fabric.batches import BatchesHandler, BatchHandler
from fabric_livy_magic.local.fabric.folders import folder_routes
from fabric_livy_magic.local.fabric.fresh_lakehouses import FreshLakehouseHandler, FreshLakehousesHandler
from fabric_livy_magic.local.fabric.handler import FabricHandler, Unknown
from fabric_livy_magic.local.fabric.high_concurrency import AcquireHandler, HighConcurrencyHandler
from fabric_livy_magic.local.fabric.items import item_routes
from fabric_livy_magic.local.fabric.lakehouse_changes import lakehouse_routes
from fabric_livy_magic.local.fabric.lookups import lookup_routes
from fabric_livy_magic.local.fabric.monitoring import monitoring_routes
from fabric_livy_magic.local.fabric.notebook_changes import notebook_routes
from fabric_livy_magic.local.fabric.onelake import Store
from fabric_livy_magic.local.fabric.onelake_blobs import BlobHandler
from fabric_livy_magic.local.fabric.operations import operation_routes
from fabric_livy_magic.local.fabric.sessions import ResetTimeoutHandler, SessionHandler, SessionsHandler
from fabric_livy_magic.local.fabric.spark_settings import spark_settings_routes
from fabric_livy_magic.local.fabric.statements import CancelHandler, StatementHandler, StatementsHandler
from fabric_livy_magic.local.server.server import Server
from fabric_livy_magic.local.web.handler import log_refused


def livy_routes() -> list[tuple[str, type[FabricHandler]]]:
    """Two slashes are allowed: Microsoft's sample for applications joins `…/v1/` and `/workspaces/…`."""
    base = (
        r"/v1//?workspaces/(?P<workspace_id>[^/]+)/lakehouses/(?P<lakehouse_id>[^/]+)"
        r"/(?i:livyapi)/versions/(?P<version>[^/]+)"
    )
    session = rf"{base}/sessions/(?P<session_id>[^/]+)"
    acquired = rf"{base}/highConcurrencySessions"
    repl = rf"{acquired}/(?P<session_id>[^/]+)/repls/(?P<repl_id>[^/]+)"
    return [
        (rf"{base}/sessions", SessionsHandler),
        (session, SessionHandler),
        (rf"{session}/reset-timeout", ResetTimeoutHandler),
        (rf"{base}/batches", BatchesHandler),
        (rf"{base}/batches/(?P<batch_id>[^/]+)", BatchHandler),
        (acquired, AcquireHandler),
        (rf"{acquired}/(?P<hc_id>[^/]+)", HighConcurrencyHandler),
        *(
            route
            for owner in (session, repl)
            for route in (
                (rf"{owner}/statements", StatementsHandler),
                (rf"{owner}/statements/(?P<statement_id>[^/]+)", StatementHandler),
                (rf"{owner}/statements/(?P<statement_id>[^/]+)/cancel", CancelHandler),
            )
        ),
    ]


def make_app(server: Server) -> Application:
    shared = {"server": server}
    return Application(
        [
            *(
                (rf"{path}/?", handler, shared)
                for routes in (
                    livy_routes,
                    monitoring_routes,
                    lookup_routes,
                    lakehouse_routes,
                    notebook_routes,
                    folder_routes,
                    item_routes,
                    spark_settings_routes,
                    operation_routes,
                )
                for path, handler in routes()
            ),
            (r"/onelake/?((?<=/).*|$)", BlobHandler, shared),
            (r"/embedded/freshLakehouses", FreshLakehousesHandler, shared),
            (r"/embedded/freshLakehouses/(?P<lakehouse_id>[^/]+)", FreshLakehouseHandler, shared),
        ],
        default_handler_class=Unknown,
        default_handler_args=shared,
        log_function=log_refused,
        compress_response=False,
        onelake=Store(),
    )
