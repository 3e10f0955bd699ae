"""What the simulator's tests share: a raw HTTP client that shows status and headers as they are, and request bodies."""

from __future__ import annotations

import copy
from typing import Any

import requests

from dev.azure_simulator import AzureSimulator, Endpoints, source_id

Json = dict[str, Any]

API_VERSION = "2026-03-03"
GROUP = "images-rg"
IMAGE = source_id("Microsoft.Compute/images", "ubuntu-2404-20261101")


def get_token(endpoints: Endpoints, **changes: str) -> requests.Response:
    """Ask the token endpoint for a token; `changes` replace or add form fields, and `tenant`."""
    form = {
        "grant_type": "client_credentials",
        "client_id": endpoints.client_id,
        "client_secret": endpoints.client_secret,
        "scope": f"{endpoints.url}/.default",
    }
    form |= changes
    tenant = form.pop("tenant", endpoints.tenant_id)
    session = requests.Session()
    session.trust_env = False
    url = f"{endpoints.url}/{tenant}/oauth2/v2.0/token"
    return session.post(url, data=form, verify=str(endpoints.ca_file), timeout=30)


class Http:
    """A client that follows nothing and repeats nothing. Paths are ARM ids."""

    def __init__(self, endpoints: Endpoints) -> None:
        self.url = endpoints.url
        self.subscription = f"/subscriptions/{endpoints.subscription_id}"
        self.galleries = f"{self.subscription}/resourceGroups/{GROUP}/providers/Microsoft.Compute/galleries"
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = str(endpoints.ca_file)
        self.session.headers["Authorization"] = f"Bearer {get_token(endpoints).json()['access_token']}"

    def send(
        self, method: str, path: str, body: Any = None, *, api: str = API_VERSION, **query: str
    ) -> requests.Response:
        """Send a request to a path, or to a whole URL with its own query."""
        if path.startswith("https://"):
            return self.session.request(method, path, timeout=30)
        parameters = {"api-version": api, **{f"${name}": value for name, value in query.items()}}
        return self.session.request(method, self.url + path, params=parameters, json=body, timeout=30)

    def get(self, path: str, **query: str) -> requests.Response:
        return self.send("GET", path, **query)

    def put(self, path: str, body: Any, **query: str) -> requests.Response:
        return self.send("PUT", path, body, **query)

    def patch(self, path: str, body: Any, **query: str) -> requests.Response:
        return self.send("PATCH", path, body, **query)

    def delete(self, path: str, **query: str) -> requests.Response:
        return self.send("DELETE", path, **query)


def refusal(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def message(answer: requests.Response) -> str:
    return str(answer.json()["error"]["message"])


def options(simulator: AzureSimulator) -> dict[str, Any]:
    """Arguments of the SDK's management clients."""
    endpoints = simulator.endpoints
    return {
        "subscription_id": endpoints.subscription_id,
        "base_url": endpoints.url,
        "credential_scopes": [f"{endpoints.url}/.default"],
        "connection_verify": str(endpoints.ca_file),
        "retry_total": 0,
    }


def credential_options(simulator: AzureSimulator) -> dict[str, Any]:
    """Arguments of azure-identity's ClientSecretCredential."""
    endpoints = simulator.endpoints
    return {
        "tenant_id": endpoints.tenant_id,
        "client_id": endpoints.client_id,
        "client_secret": endpoints.client_secret,
        "authority": endpoints.url,
        "disable_instance_discovery": True,
        "connection_verify": str(endpoints.ca_file),
    }


def gallery(**properties: Any) -> Json:
    return {"location": "westeurope", "properties": properties}


def definition(**properties: Any) -> Json:
    identifier = {"publisher": "example", "offer": "linux", "sku": "ubuntu"}
    required = {"osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V2", "identifier": identifier}
    return {"location": "westeurope", "properties": required | properties}


def version(*regions: str, source: Json | None = None, **publishing: Any) -> Json:
    """A version from a managed image in these regions (default: westeurope)."""
    targets = [{"name": region, "storageAccountType": "Standard_LRS"} for region in regions or ("westeurope",)]
    profile = {"targetRegions": targets, "replicaCount": 1, **publishing}
    storage = source or {"source": {"id": IMAGE}}
    return {"location": "westeurope", "properties": {"publishingProfile": profile, "storageProfile": storage}}


def changed(body: Json, path: str, value: Any) -> Json:
    """Return a copy of a body with another value at a dotted path; numbers are list positions."""
    copied = copy.deepcopy(body)
    *parents, last = path.split(".")
    place: Any = copied
    for name in parents:
        place = place[int(name)] if name.isdigit() else place.setdefault(name, {})
    place[int(last) if last.isdigit() else last] = value
    return copied
