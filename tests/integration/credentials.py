"""What tests of credentials share: Secrets, applications that Azure knows, and who sent what."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from dev.azure_simulator.seeds import (
    FOREIGN_SUBSCRIPTION_ID,
    OTHER_TENANT_ID,
)
from gallery_operator.api import names
from tests.integration.driving import JSON, Driver
from tests.integration.scenes import Scene

Start = Callable[..., Awaitable[Driver]]

APP = "66666666-7777-8888-9999-aaaaaaaaaaaa"
OTHER_APP = "66666666-7777-8888-9999-bbbbbbbbbbbb"
SECRET = "a~client.secret_of-40-characters-or-so"
DEFAULT = names.DEFAULT_CREDENTIAL
HALF_A_MINUTE = timedelta(seconds=31)


def put(scene: Scene, name: str = DEFAULT, **data: str | bytes) -> None:
    """Create a Secret, or give it other values."""
    encoded = {
        key: base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()
        for key, value in data.items()
    }
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": encoded}
    scene.cluster.kubectl("apply", "--server-side", "-n", scene.namespace, "-f", "-", input=json.dumps(secret))


def client_secret(client: str = APP, value: str = SECRET, tenant: str = OTHER_TENANT_ID, **more: str) -> dict[str, str]:
    return {"AZURE_TENANT_ID": tenant, "AZURE_CLIENT_ID": client, "AZURE_CLIENT_SECRET": value, **more}


def app(scene: Scene, client: str = APP, **more: Any) -> None:
    """Let Azure know an application that may use nothing but the other tenant's subscription."""
    more = {"secret": SECRET, "subscriptions": [FOREIGN_SUBSCRIPTION_ID], **more}
    scene.azure.add_app(client, OTHER_TENANT_ID, **more)


def by_workload_identity(scene: Scene) -> dict[str, Any]:
    app(scene, secret=None)
    scene.azure.trust("https://issuer.example", "system:serviceaccount:ops:operator", APP)
    return {"AUTH_MODE": "WorkloadIdentity", "AZURE_TENANT_ID": OTHER_TENANT_ID, "AZURE_CLIENT_ID": APP}


def gallery_in(subscription: str, name: str = "platform", group: str = "images-rg") -> str:
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/galleries/{name}"


def senders(scene: Scene, match: str = "") -> set[str]:
    """Who sent requests since the journal was cleared."""
    return {each.client_id for each in scene.azure.journal(match)}


def metadata_of(scene: Scene, name: str = DEFAULT) -> JSON:
    found: JSON = scene.cluster.kubectl.json("get", "secret", name, "-n", scene.namespace)["metadata"]
    return found


def held(scene: Scene, name: str = DEFAULT) -> bool:
    return names.CREDENTIAL_FINALIZER in metadata_of(scene, name).get("finalizers", [])


def secrets(scene: Scene) -> list[str]:
    return scene.cluster.kubectl("get", "secret", "-n", scene.namespace, "-o", "name").split()


async def some_rounds(scene: Scene, driver: Driver, rounds: int = 3) -> None:
    """Go on for a while, where nothing is ever settled: what is waited for does not come."""
    for _ in range(rounds):
        await driver.round()
        scene.azure.advance(HALF_A_MINUTE)
