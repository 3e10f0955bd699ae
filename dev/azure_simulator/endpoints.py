"""Where a simulator listens, and how to point the operator and the Azure CLI at it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Endpoints:
    """What a client needs to know; every value is text or a path."""

    url: str
    ca_file: Path
    tenant_id: str
    subscription_id: str
    client_id: str
    client_secret: str
    clock_file: Path

    def to_json(self) -> str:
        """Return the endpoints as one line of JSON."""
        return json.dumps({name: str(value) for name, value in asdict(self).items()})

    @classmethod
    def from_json(cls, text: str) -> Endpoints:
        """Read what `to_json` wrote.

        Raises TypeError or ValueError when it is something else.
        """
        values = json.loads(text)
        return cls(**{**values, "ca_file": Path(values["ca_file"]), "clock_file": Path(values["clock_file"])})

    def environment(self) -> dict[str, str]:
        """Return the environment variables that make the operator use this simulator."""
        return {
            "AZURE_TENANT_ID": self.tenant_id,
            "AZURE_CLIENT_ID": self.client_id,
            "AZURE_CLIENT_SECRET": self.client_secret,
            "GALLERY_OPERATOR_SUBSCRIPTION_ID": self.subscription_id,
            "GALLERY_OPERATOR_ARM_ENDPOINT": self.url,
            "GALLERY_OPERATOR_AUTHORITY_HOST": self.url,
            "GALLERY_OPERATOR_CA_FILE": str(self.ca_file),
            "GALLERY_OPERATOR_CLOCK_FILE": str(self.clock_file),
        }

    def az_commands(self) -> list[str]:
        """Return the commands that log the Azure CLI in."""
        login = f"az login --service-principal -u {self.client_id} -p {self.client_secret} --tenant {self.tenant_id}"
        return [
            f"export REQUESTS_CA_BUNDLE={self.ca_file} AZURE_CONFIG_DIR=$(mktemp -d)",
            "az config set core.instance_discovery=false",
            f"az cloud register -n simulator --endpoint-resource-manager {self.url}",
            "az cloud set -n simulator",
            login,
        ]
