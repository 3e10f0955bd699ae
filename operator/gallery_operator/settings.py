"""Settings of `gallery-operator run`, from flags and from the environment (a flag wins)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LEAST_POLL = 15
_DURATION = re.compile(r"(\d{1,6})([smhd])")


def seconds(duration: str) -> float:
    """Return the seconds of a duration such as 30m; raises ValueError, saying how durations are written."""
    match = _DURATION.fullmatch(duration)
    if match is None:
        msg = "a duration is a whole number with s, m, h or d, such as 30m"
        raise ValueError(msg)
    return float(int(match[1]) * _UNITS[match[2]])


def _check_duration(text: str) -> str:
    seconds(text)
    return text


Duration = Annotated[str, AfterValidator(_check_duration)]


class Settings(BaseSettings):
    """Run the operator.

    Every flag can be given in the environment, too: --log-level as GALLERY_OPERATOR_LOG_LEVEL.
    """

    model_config = SettingsConfigDict(
        env_prefix="GALLERY_OPERATOR_",
        cli_prog_name="gallery-operator run",
        cli_kebab_case=True,
        cli_avoid_json=True,
        cli_hide_none_type=True,
        cli_implicit_flags=True,
        use_attribute_docstrings=True,
        extra="ignore",
    )

    namespaces: Annotated[str, Field(examples=["team-a,team-b"])] = ""
    """Namespaces to watch, separated by commas. Empty: all of them (needs cluster-wide rights)."""
    subscription_id: str | None = None
    """Azure subscription of Galleries that name none."""
    cluster_id: Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9._-]+$")] | None = None
    """What the owner tag in Azure calls this cluster. Unset: the uid of the namespace kube-system. Set it when the
    operator may not read that namespace, or when a cluster is rebuilt and its galleries stay."""
    kubeconfig: Path | None = None
    """Kubeconfig file. Unset: the pod's service account, else $KUBECONFIG or the default file."""

    cloud: Literal["Public", "China", "USGovernment"] = "Public"
    """Azure cloud."""
    arm_endpoint: str | None = None
    """Azure Resource Manager's URL, for a cloud that is none of the three; needs --authority-host."""
    authority_host: str | None = None
    """URL of the authority that issues tokens for --arm-endpoint."""
    arm_audience: str | None = None
    """Audience of tokens for --arm-endpoint. Unset: the endpoint itself."""
    ca_file: Path | None = None
    """PEM file of the authority that signed the certificates of --arm-endpoint and --authority-host."""

    namespace_credentials: bool = True
    """Whether namespaces may bring credentials of their own in Secrets. Off: Secrets are never asked for."""
    tenancy_file: Path | None = None
    """YAML file: which namespaces may use which identities and subscriptions. Unset: all may use all."""

    workers: Annotated[int, Field(ge=1, le=128)] = 24
    """Objects reconciled at the same time."""
    resync: Duration = "30m"
    """How often Azure is compared with objects that did not change. Short times cost Azure requests."""
    poll: Duration = "15s"
    """The shortest time between two looks at something that runs in Azure; 15s at least."""
    arm_share: Annotated[float, Field(gt=0, le=100)] = 0.95
    """The share of Azure's documented request limits that the operator uses; above 1 where Azure raised yours."""

    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """Port of /healthz, /readyz and /metrics; 0 takes a free one and logs it."""
    log_format: Literal["json", "text"] = "json"
    """Format of log lines."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severity that is logged."""
    grace: Duration = "15s"
    """How long running reconciles may go on after SIGTERM; below the pod's terminationGracePeriodSeconds."""
    clock_file: Path | None = None
    """For demos and tests: a file with an accelerated clock instead of the system's."""

    @property
    def namespace_list(self) -> tuple[str, ...]:
        """The namespaces to watch; none: all."""
        return tuple(dict.fromkeys(each.strip() for each in self.namespaces.split(",") if each.strip()))

    @model_validator(mode="after")
    def _endpoints_come_together(self) -> Settings:
        if (self.arm_endpoint is None) != (self.authority_host is None):
            msg = "arm-endpoint and authority-host are set together, or neither"
            raise ValueError(msg)
        if self.arm_endpoint is None and (self.arm_audience or self.ca_file):
            msg = "arm-audience and ca-file are for an explicit arm-endpoint"
            raise ValueError(msg)
        if seconds(self.poll) > seconds(self.resync):
            msg = "poll is not longer than resync"
            raise ValueError(msg)
        if seconds(self.poll) < _LEAST_POLL:
            msg = f"poll is {_LEAST_POLL}s or longer: Azure counts every look"
            raise ValueError(msg)
        return self
