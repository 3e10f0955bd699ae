"""Kubeconfig files: the key to a cluster, so readable by their owner only."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import yaml

from dev.control_plane.kubectl import Kubectl


def write_private(target: Path, text: str) -> Path:
    """Write `text` to `target` with mode 0600 from its first byte on."""
    target.unlink(missing_ok=True)
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    return target


def write_kubeconfig(target: Path, *, url: str, ca: bytes, user: str, token: str) -> Path:
    """Write a kubeconfig file for one server (`ca` in PEM) and one user with a bearer token."""
    cluster = {"server": url, "certificate-authority-data": base64.b64encode(ca).decode()}
    return _write(target, cluster, user=user, token=token, namespace="default")


def kubeconfig_for_service_account(
    kubeconfig: Path, namespace: str, name: str, target: Path, *, hours: int = 1
) -> Path:
    """Write to `target` a kubeconfig file for the cluster of `kubeconfig` that acts as a service account.

    The token comes from the TokenRequest API and is valid for `hours`. Returns `target`.
    Raises KubectlError when the account does not exist or the user of `kubeconfig` may not ask.
    """
    kubectl = Kubectl(kubeconfig)
    token = kubectl("create", "token", name, f"--namespace={namespace}", f"--duration={hours}h").strip()
    config = kubectl.json("config", "view", "--raw", "--flatten", "--minify")
    return _write(target, config["clusters"][0]["cluster"], user=name, token=token, namespace=namespace)


def _write(target: Path, cluster: dict[str, str], *, user: str, token: str, namespace: str) -> Path:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cluster", "cluster": cluster}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": user, "context": {"cluster": "cluster", "user": user, "namespace": namespace}}],
        "current-context": user,
    }
    return write_private(target, yaml.safe_dump(config, sort_keys=False))
