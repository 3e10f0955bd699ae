"""A running control plane: kube-apiserver and etcd, on free ports, with a data folder of their own."""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Self

import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from dev.control_plane import binaries, supervisor
from dev.control_plane.kubeconfig import write_kubeconfig, write_private
from dev.control_plane.progress import step

HOST = "127.0.0.1"

#: Seconds until /readyz must answer; three are usual, a loaded machine may need many.
START_TIMEOUT = 120.0

#: Answered when the server serves, its bootstrap roles exist, and so do the namespaces that everyone takes for granted.
READY_PATHS = ("/readyz", "/api/v1/namespaces/default", "/api/v1/namespaces/kube-system")


class StartError(Exception):
    """The control plane did not start; the message ends with the tails of its logs."""


class ControlPlane:
    """A running kube-apiserver with its etcd. `stop` it, or use it as a context manager.

    It ends with the process that started it, however that process ends.
    `url` is the server's, `ca_file` what to verify it with, and `kubeconfig` a file that makes its reader an admin.
    There is no controller manager: namespaces never finish terminating, and have no default service account.
    """

    url: str
    ca_file: Path
    kubeconfig: Path

    def __init__(self, programs: binaries.Binaries, folder: Path, *, temporary: bool) -> None:
        """Start `programs` in `folder`, an existing one; callers want `start`, which also waits until they serve."""
        self._folder = folder
        self._temporary = temporary
        self._port = _reserve_port()
        self.url = f"https://{HOST}:{self._port.getsockname()[1]}"
        self.ca_file = folder / "ca.crt"
        self.kubeconfig = folder / "kubeconfig"
        self._token = secrets.token_urlsafe(32)
        self._prepare()
        self._supervisor = self._launch(programs)

    @classmethod
    def start(cls, folder: Path | None = None, *, quiet: bool = False) -> Self:
        """Start a control plane and return it when it is ready; build its programs first where there are none.

        `folder` keeps data and logs, also after `stop`; without it they go to a temporary folder that `stop` removes.
        Raises BuildError or StartError.
        """
        programs = binaries.find_or_build(quiet=quiet)
        temporary = folder is None
        folder = folder or Path(tempfile.mkdtemp(prefix="gallery-operator-control-plane-"))
        folder.mkdir(parents=True, exist_ok=True)
        plane = cls(programs, folder.resolve(), temporary=temporary)
        try:
            with step("Starting kube-apiserver and etcd", quiet=quiet):
                plane._wait_until_ready()
        except BaseException:
            plane.stop()
            raise
        return plane

    def stop(self) -> None:
        """Stop the processes and remove the temporary folder; harmless when repeated."""
        if self._supervisor.stdin:
            self._supervisor.stdin.close()
        self._supervisor.wait()
        self._port.close()
        if self._temporary:
            shutil.rmtree(self._folder, ignore_errors=True)

    def wait(self) -> None:
        """Return when the control plane has ended. Raises StartError when it ended by itself."""
        if self._supervisor.wait() != 0:
            raise StartError(f"the control plane ended by itself{self._log_tails()}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _prepare(self) -> None:
        """Write the keys, the certificates, the administrator's token, and the kubeconfig file."""
        authority = trustme.CA()
        certificate = authority.issue_cert(HOST, "localhost")
        authority.cert_pem.write_to_path(self.ca_file)
        certificate_chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
        (self._folder / "server.crt").write_bytes(certificate_chain)
        write_private(self._folder / "server.key", certificate.private_key_pem.bytes().decode())
        write_private(self._folder / "service-accounts.key", _new_signing_key())
        write_private(self._folder / "tokens.csv", f'{self._token},admin,admin,"system:masters"\n')
        write_kubeconfig(self.kubeconfig, url=self.url, ca=authority.cert_pem.bytes(), user="admin", token=self._token)

    def _launch(self, programs: binaries.Binaries) -> subprocess.Popen[bytes]:
        port = self._port.getsockname()[1]
        plan = {
            "processes": [
                {"command": [str(programs.etcd), *_etcd_flags()], "log": "etcd.log"},
                {"command": [str(programs.kube_apiserver), *_apiserver_flags(port)], "log": "kube-apiserver.log"},
            ],
            "folder": str(self._folder),
            "remove": str(self._folder) if self._temporary else None,
        }
        return subprocess.Popen(
            [sys.executable, "-I", "-S", supervisor.__file__, json.dumps(plan)],
            cwd=self._folder,
            stdin=subprocess.PIPE,  # held open as long as this process lives
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us; the processes are then stopped in their order
        )

    def _wait_until_ready(self) -> None:
        context = ssl.create_default_context(cafile=str(self.ca_file))
        deadline = time.monotonic() + START_TIMEOUT
        pending = list(READY_PATHS)
        while pending:
            if self._supervisor.poll() is not None:
                raise StartError(f"the control plane ended while starting{self._log_tails()}")
            if time.monotonic() > deadline:
                raise StartError(f"{pending[0]} did not answer within {START_TIMEOUT:.0f} s{self._log_tails()}")
            if self._answers(pending[0], context):
                pending.pop(0)
            else:
                time.sleep(0.1)

    def _answers(self, path: str, context: ssl.SSLContext) -> bool:
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {self._token}"})
        try:
            with urllib.request.urlopen(request, context=context, timeout=5):
                return True
        except OSError:  # refused, not ready (HTTPError is an OSError, too), or timed out
            return False

    def _log_tails(self, lines: int = 15) -> str:
        tails = ""
        for log in sorted(self._folder.glob("*.log")):
            tail = log.read_text(errors="replace").splitlines()[-lines:]
            tails += "\n".join([f"\n--- {log.name}", *(line[:300] for line in tail)])
        return tails


def _reserve_port() -> socket.socket:
    """Return a socket that keeps a free port for us: nobody without SO_REUSEPORT gets it, but kube-apiserver does.

    The kernel never picks a port for anyone that is bound already, so two control planes cannot meet either.
    """
    reservation = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    reservation.bind((HOST, 0))
    return reservation


def _new_signing_key() -> str:
    """Return a new private key (PEM) that signs service account tokens."""
    return (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        .decode()
    )


def _etcd_flags() -> list[str]:
    """Return etcd's flags. It listens on sockets in the data folder (its working folder), not on the network."""
    return [
        "--data-dir=etcd",
        "--listen-client-urls=unix://etcd.sock",
        "--advertise-client-urls=http://localhost:2379",  # must be given and look so, but only other members ask for it
        "--listen-peer-urls=unix://peer.sock",
        "--unsafe-no-fsync",  # data that lives no longer than a test
        "--log-level=warn",
    ]


def _apiserver_flags(port: int) -> list[str]:
    return [
        "--etcd-servers=unix://etcd.sock",
        f"--bind-address={HOST}",
        f"--secure-port={port}",
        "--permit-port-sharing",  # with the socket that reserves the port
        "--shutdown-watch-termination-grace-period=1s",  # or open watches would hold up the end
        "--cert-dir=.",
        "--tls-cert-file=server.crt",
        "--tls-private-key-file=server.key",
        "--service-account-issuer=https://localhost",
        "--service-account-key-file=service-accounts.key",
        "--service-account-signing-key-file=service-accounts.key",
        "--token-auth-file=tokens.csv",
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--disable-admission-plugins=ServiceAccount",  # it needs the controller manager
    ]
