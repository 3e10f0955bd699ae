"""A real Kubernetes control plane (kube-apiserver and etcd) for tests and the demo.

    with use() as cluster:
        cluster.kubectl("get", "namespaces")

`python -m dev.control_plane --help` lists what the command line offers.
"""

from dev.control_plane.binaries import BuildError
from dev.control_plane.cluster import Cluster, use
from dev.control_plane.kubeconfig import kubeconfig_for_service_account
from dev.control_plane.kubectl import Kubectl, KubectlError
from dev.control_plane.server import ControlPlane, StartError

__all__ = [
    "BuildError",
    "Cluster",
    "ControlPlane",
    "Kubectl",
    "KubectlError",
    "StartError",
    "kubeconfig_for_service_account",
    "use",
]
