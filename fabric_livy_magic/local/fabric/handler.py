"""What requests of Fabric's API have in common: its error form, scopes, workspaces and lakehouses."""

from __future__ import annotations

from fabric_livy_magic.local.fabric import views
from fabric_livy_magic.local.lakehouse.workspaces import API_VERSION, MAY_RUN, Lakehouse, Workspace
from fabric_livy_magic.local.server.tokens import Caller
from fabric_livy_magic.local.web.answers import Refusal
from fabric_livy_magic.local.web.handler import Handler

READ_SCOPES = ("Lakehouse.Read.All", "Lakehouse.Execute.All")


class FabricHandler(Handler):
    async def _caller(self) -> Caller:
        caller = await super()._caller()
        if caller.is_application and not self.server.workspaces.service_principals:
            raise Refusal(
                403,
                "the tenant setting 'Service principals can use Fabric APIs' is off, so an application may not call",
                "ServicePrincipalsNotAllowed",
            )
        return caller

    @property
    def onelake(self) -> str:
        return f"{self.origin}/onelake"

    def need_scope(self, *scopes: str) -> None:
        """Raises a refusal where the token lists scopes and none of these is among them."""
        if not self.caller.may(*scopes):
            raise Refusal(
                403,
                "the caller does not have sufficient scopes to perform this operation: "
                f"{' or '.join(scopes)} is needed",
                "InsufficientScopes",
            )

    def query(self, name: str) -> str | None:
        """The argument as it was sent; None where it was not."""
        return self.get_query_argument(name, None, strip=False)

    def workspace(self, workspace_id: str) -> Workspace:
        workspace = self.server.workspaces.workspace(workspace_id)
        if workspace is None:
            raise Refusal(404, f"workspace {workspace_id} is not known", "WorkspaceNotFound")
        return workspace

    def changeable_workspace(self, workspace_id: str) -> Workspace:
        workspace = self.workspace(workspace_id)
        if workspace.role not in MAY_RUN:
            raise Refusal(
                403,
                f"the caller's role in the workspace is {workspace.role}; to change items needs Contributor or a higher one",
                "InsufficientPrivileges",
            )
        return workspace

    def answer_refusal(self, refusal: Refusal) -> None:
        self.set_header("x-ms-public-api-error-code", refusal.code)
        self.answer(views.error_view(refusal.code, refusal.message, self.request_id), refusal.status_code)


class LakehouseHandler(FabricHandler):
    """For paths of the Livy API of one lakehouse; `routes` names their parts."""

    lakehouse: Lakehouse

    async def prepare(self) -> None:
        await super().prepare()
        workspace_id, lakehouse_id, version = (
            str(self.path_kwargs[part]) for part in ("workspace_id", "lakehouse_id", "version")
        )
        workspace = self.workspace(workspace_id)
        lakehouse = workspace.lakehouse(lakehouse_id) or self.server.fresh_lakehouses.get(lakehouse_id)
        if lakehouse is None:
            raise Refusal(404, f"lakehouse {lakehouse_id} is not known", "SparkCoreItemNotFound")
        self.lakehouse = lakehouse
        if version != API_VERSION:
            raise Refusal(404, f"API version {version} is not known, only {API_VERSION}")
        self.need_scope(*(READ_SCOPES if self.request.method == "GET" else ("Lakehouse.Execute.All",)))
        if workspace.role not in MAY_RUN:
            raise Refusal(
                403,
                f"the caller's role in the workspace is {workspace.role}; Spark needs Contributor or a higher one",
                "InsufficientPrivileges",
            )


class Unknown(FabricHandler):
    async def prepare(self) -> None:
        await super().prepare()
        raise Refusal(404, f"there is nothing at {self.request.path}")
