"""What the chart renders, and which values it refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import helm_python
import pytest
import yaml

from deploy.manifests import CHART
from gallery_operator import __version__
from gallery_operator.domain.tenancy import Tenancy
from gallery_operator.settings import Settings, seconds
from tests.packaging.rendering import Rendered
from tests.packaging.running import ROOT

Render = Callable[..., Rendered]

OWN = "gallery-operator.io"
UUID = "00000000-0000-0000-0000-000000000001"
KINDS = ["galleries", "imagedefinitions", "imageversions"]
#: Everything the operator may do, and nothing else; test_rights.py shows that it is enough.
RULES = [
    {"apiGroups": [OWN], "resources": KINDS, "verbs": ["get", "list", "watch", "patch"]},
    {"apiGroups": [OWN], "resources": ["imageversions"], "verbs": ["delete"]},
    {"apiGroups": [OWN], "resources": [f"{kind}/status" for kind in KINDS], "verbs": ["patch"]},
    {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create"]},
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "patch"]},
]
READ_CLUSTER_ID = {"apiGroups": [""], "resources": ["namespaces"], "resourceNames": ["kube-system"], "verbs": ["get"]}
CLUSTER_SCOPED = {"CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding"}
#: Settings that a chart has no use for: a pod has its own kubeconfig and clock; the others are values beside.
NOT_IN_SETTINGS = {"kubeconfig", "clock_file", "port", "namespaces", "namespace_credentials", "tenancy_file"}


def snake(name: str) -> str:
    return re.sub(r"([A-Z])", r"_\1", name).lower()


def leaves(values: dict[str, Any], at: str = "") -> set[str]:
    found = set()
    for name, value in values.items():
        found |= leaves(value, f"{at}{name}.") if isinstance(value, dict) and value else {f"{at}{name}"}
    return found


def test_helm_finds_nothing_wrong_with_the_chart() -> None:
    report = helm_python.lint(CHART, strict=True)
    assert report["errors"] == []
    assert [each for each in report["messages"] if each["severity"] > 1] == []


def test_chart_and_package_have_the_same_version(chart: helm_python.Chart) -> None:
    assert chart.metadata["appVersion"] == chart.version == __version__


# --- CRDs ---


def test_the_charts_crds_are_those_of_the_models() -> None:
    ours = {path.name: path.read_bytes() for path in (ROOT / "crds").glob("*.yaml")}
    assert {path.name: path.read_bytes() for path in (CHART / "files" / "crds").glob("*.yaml")} == ours, "make crds"


def test_crds_are_installed_unchanged_and_outlive_the_release(render: Render) -> None:
    installed = {each["metadata"]["name"]: each for each in render().of("CustomResourceDefinition")}
    for path in (ROOT / "crds").glob("*.yaml"):
        crd = yaml.safe_load(path.read_text(encoding="utf-8"))
        mine = installed.pop(crd["metadata"]["name"])
        assert mine["spec"] == crd["spec"]
        assert mine["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert installed == {}


def test_crds_go_with_the_release_only_when_asked(render: Render) -> None:
    crds = render(crds={"keep": False}).of("CustomResourceDefinition")
    assert len(crds) == 3
    assert not any("annotations" in each["metadata"] for each in crds)
    assert "deletes every Gallery" in render(crds={"keep": False}).notes


def test_crds_can_be_left_to_someone_else(render: Render) -> None:
    assert render(crds={"enabled": False}).of("CustomResourceDefinition") == []


# --- rights ---


def test_cluster_wide_the_operator_has_these_rights_only(render: Render) -> None:
    rendered = render()
    assert rendered.named("ClusterRole", "gallery-operator")["rules"] == [*RULES, READ_CLUSTER_ID]
    assert rendered.one("ClusterRoleBinding")["subjects"] == [
        {"kind": "ServiceAccount", "name": "gallery-operator", "namespace": "operators"}
    ]
    assert rendered.of("Role") == []


def test_with_a_cluster_id_it_reads_no_namespace(render: Render) -> None:
    rendered = render(settings={"clusterId": "prod-1"})
    assert rendered.named("ClusterRole", "gallery-operator")["rules"] == RULES


def test_with_namespaces_it_has_rights_in_them_only(render: Render) -> None:
    rendered = render(namespaces=["team-a", "team-b"], settings={"clusterId": "prod-1"})
    roles = {each["metadata"]["namespace"]: each["rules"] for each in rendered.of("Role")}
    assert roles == {"team-a": RULES, "team-b": RULES}
    bindings = {each["metadata"]["namespace"]: each["subjects"][0]["namespace"] for each in rendered.of("RoleBinding")}
    assert bindings == {"team-a": "operators", "team-b": "operators"}
    assert rendered.of("ClusterRoleBinding") == []
    assert rendered.environment()["GALLERY_OPERATOR_NAMESPACES"] == "team-a,team-b"


def test_without_credentials_of_namespaces_it_may_read_no_secret_and_does_not_try(render: Render) -> None:
    rendered = render(credentials={"perNamespace": False})
    assert rendered.named("ClusterRole", "gallery-operator")["rules"] == [*RULES[:-1], READ_CLUSTER_ID]
    assert rendered.environment()["GALLERY_OPERATOR_NAMESPACE_CREDENTIALS"] == "false"


def test_someone_without_cluster_rights_can_install_it_for_namespaces(render: Render) -> None:
    rendered = render(
        namespaces=["team-a"],
        settings={"clusterId": "prod-1"},
        crds={"enabled": False},
        rbac={"aggregate": False},
    )
    assert rendered.kinds().isdisjoint(CLUSTER_SCOPED)


def test_with_namespaces_the_cluster_has_to_be_named(render: Render) -> None:
    with pytest.raises(helm_python.HelmRenderError, match=r"settings\.clusterId: name this cluster"):
        render(namespaces=["team-a"])


def test_viewers_see_the_kinds_and_editors_change_them(render: Render) -> None:
    view = render().named("ClusterRole", "gallery-operator-view")
    edit = render().named("ClusterRole", "gallery-operator-edit")
    assert view["rules"] == [{"apiGroups": [OWN], "resources": KINDS, "verbs": ["get", "list", "watch"]}]
    assert view["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-view"] == "true"
    assert [rule["resources"] for rule in edit["rules"]] == [KINDS]  # not their status
    assert edit["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-edit"] == "true"


# --- the pod ---


def test_the_pod_keeps_to_the_restricted_profile(render: Render) -> None:
    pod = render().pod()
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert [each["mountPath"] for each in container["volumeMounts"]] == ["/tmp"]


def test_one_pod_at_a_time_writes_to_azure(render: Render) -> None:
    spec = render().one("Deployment")["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}


def test_the_pod_may_take_longer_to_end_than_its_reconciles(render: Render) -> None:
    assert render().pod()["terminationGracePeriodSeconds"] > 2 * seconds(Settings().grace)


def test_probes_ask_what_the_operator_answers(render: Render) -> None:
    (container,) = render().pod()["containers"]
    paths = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    assert paths == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}
    (port,) = container["ports"]
    assert (port["name"], port["containerPort"]) == ("http", 8080)


def test_the_service_reaches_the_pod(render: Render) -> None:
    rendered = render(service={"port": 9090})
    service, deployment = rendered.one("Service")["spec"], rendered.one("Deployment")["spec"]
    assert service["selector"] == deployment["selector"]["matchLabels"]
    assert service["selector"].items() <= deployment["template"]["metadata"]["labels"].items()
    assert service["ports"] == [{"name": "http", "port": 9090, "targetPort": "http"}]
    assert rendered.environment()["GALLERY_OPERATOR_PORT"] == "9090"


def test_a_digest_wins_over_a_tag(render: Render) -> None:
    digest = f"sha256:{'a' * 64}"
    assert render().pod()["containers"][0]["image"] == f"gallery-operator:{__version__}"
    pinned = render(image={"repository": "registry.example/go", "tag": "1.2.3", "digest": digest})
    assert pinned.pod()["containers"][0]["image"] == f"registry.example/go@{digest}"


def test_workload_identity_is_switched_on_by_a_client_id(render: Render) -> None:
    rendered = render(workloadIdentity={"clientId": "c-1", "tenantId": "t-1"})
    assert rendered.one("ServiceAccount")["metadata"]["annotations"] == {
        "azure.workload.identity/client-id": "c-1",
        "azure.workload.identity/tenant-id": "t-1",
    }
    labels = rendered.one("Deployment")["spec"]["template"]["metadata"]["labels"]
    assert labels["azure.workload.identity/use"] == "true"
    assert "No Azure credential" not in rendered.notes


def test_without_a_credential_the_notes_say_so(render: Render) -> None:
    rendered = render()
    assert "annotations" not in rendered.one("ServiceAccount")["metadata"]
    assert "No Azure credential is configured" in rendered.notes


def test_a_client_secret_comes_from_a_secret(render: Render) -> None:
    (container,) = render(credentialSecret="azure").pod()["containers"]
    assert container["envFrom"] == [{"secretRef": {"name": "azure"}}]


def test_monitoring_and_network_policy_come_when_asked(render: Render) -> None:
    assert render().kinds().isdisjoint({"ServiceMonitor", "NetworkPolicy"})
    scraped = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
    rendered = render(
        serviceMonitor={"enabled": True}, networkPolicy={"enabled": True, "egressPorts": [443], "metricsFrom": scraped}
    )
    labels = rendered.one("Service")["metadata"]["labels"]
    assert rendered.one("ServiceMonitor")["spec"]["selector"]["matchLabels"].items() <= labels.items()
    policy = rendered.one("NetworkPolicy")["spec"]
    assert policy["ingress"] == [{"ports": [{"port": "http"}], "from": scraped}]
    assert [each["port"] for each in policy["egress"][0]["ports"]] == [53, 53, 443]


# --- tenancy ---


def test_without_tenancy_nothing_is_mounted(render: Render) -> None:
    rendered = render()
    assert rendered.of("ConfigMap") == []
    assert "GALLERY_OPERATOR_TENANCY_FILE" not in rendered.environment()


def test_tenancy_rules_reach_the_operator_as_they_are(render: Render) -> None:
    rules = [{"namespaces": ["team-a", "ci-*"], "ownIdentity": True, "subscriptions": [UUID]}]
    rendered = render(tenancy={"enabled": True, "rules": rules})
    (config_map,) = rendered.of("ConfigMap")
    (volume,) = [each for each in rendered.pod()["volumes"] if each["name"] == "tenancy"]
    assert volume["configMap"]["name"] == config_map["metadata"]["name"]
    (file,) = config_map["data"]
    mounts = {each["name"]: each["mountPath"] for each in rendered.pod()["containers"][0]["volumeMounts"]}
    assert rendered.environment()["GALLERY_OPERATOR_TENANCY_FILE"] == f"{mounts['tenancy']}/{file}"
    assert yaml.safe_load(config_map["data"][file]) == rules
    assert Tenancy.parse(config_map["data"][file]).refusal_of_subscription("ci-1", UUID) is None


def test_no_rules_at_all_allow_nothing(render: Render) -> None:
    (config_map,) = render(tenancy={"enabled": True}).of("ConfigMap")
    assert Tenancy.parse(config_map["data"]["tenancy.yaml"]).refusal_of_own_identity("team-a") is not None


def test_other_rules_restart_the_pod(render: Render) -> None:
    def template(*namespaces: str) -> Any:
        rules = [{"namespaces": list(namespaces)}]
        return render(tenancy={"enabled": True, "rules": rules}).one("Deployment")["spec"]["template"]["metadata"]

    assert template("team-a") == template("team-a")
    assert template("team-a") != template("team-b")


# --- settings ---


def test_the_chart_knows_every_setting(chart: helm_python.Chart) -> None:
    assert {snake(name) for name in chart.values["settings"]} == set(Settings.model_fields) - NOT_IN_SETTINGS


def test_the_charts_defaults_are_those_of_the_operator(render: Render, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in render().environment().items():
        monkeypatch.setenv(name, value)
    assert Settings() == Settings.model_construct(**{name: f.default for name, f in Settings.model_fields.items()})


def test_settings_arrive_as_they_are_meant(render: Render, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "workers": 128,
        "armShare": 1.5,
        "resync": "2h",
        "armEndpoint": "https://arm.example",
        "logLevel": "DEBUG",
    }
    rendered = render(settings={**values, "authorityHost": "https://login.example", "clusterId": "007"})
    for name, value in rendered.environment().items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert (settings.workers, settings.arm_share, settings.resync) == (128, 1.5, "2h")
    assert (settings.arm_endpoint, settings.cluster_id, settings.log_level) == ("https://arm.example", "007", "DEBUG")


# --- what is refused ---

NONSENSE: list[tuple[str, dict[str, Any]]] = [
    ("a misspelt value", {"replicaCount": 3}),
    ("a misspelt setting", {"settings": {"loglevel": "DEBUG"}}),
    ("an unknown cloud", {"settings": {"cloud": "Mars"}}),
    ("no worker", {"settings": {"workers": 0}}),
    ("too many workers", {"settings": {"workers": 1000}}),
    ("a duration without a unit", {"settings": {"resync": "30"}}),
    ("a subscription's name for its id", {"settings": {"subscriptionId": "production"}}),
    ("a cluster id with a slash", {"settings": {"clusterId": "a/b"}}),
    ("an endpoint without TLS", {"settings": {"armEndpoint": "http://arm.example"}}),
    ("an endpoint with a path", {"settings": {"authorityHost": "https://login.example/tenant"}}),
    ("a share of nothing", {"settings": {"armShare": 0}}),
    ("the tag latest", {"image": {"tag": "latest"}}),
    ("a digest that is none", {"image": {"digest": "sha256:abc"}}),
    ("namespaces as text", {"namespaces": "team-a,team-b"}),
    ("a namespace twice", {"namespaces": ["a", "a"]}),
    ("no namespace's name", {"namespaces": ["Team A"]}),
    ("a privileged port", {"service": {"port": 80}}),
    ("a number as an annotation", {"podAnnotations": {"a": 1}}),
    ("text for a switch", {"crds": {"keep": "no"}}),
    ("a tenancy rule for nobody", {"tenancy": {"rules": [{"ownIdentity": True}]}}),
    (
        "a subscription's name in a tenancy rule",
        {"tenancy": {"rules": [{"namespaces": ["a"], "subscriptions": ["b"]}]}},
    ),
    ("a misspelt tenancy rule", {"tenancy": {"rules": [{"namespaces": ["a"], "subscription": []}]}}),
]


@pytest.mark.parametrize("values", [each for _, each in NONSENSE], ids=[name for name, _ in NONSENSE])
def test_nonsense_is_refused_with_the_place(chart: helm_python.Chart, values: dict[str, Any]) -> None:
    name = next(iter(values))
    with pytest.raises(helm_python.HelmValuesError, match=name):
        chart.validate_schema(values)


def test_the_schema_knows_every_value_and_no_other(chart: helm_python.Chart) -> None:
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))

    def known(node: dict[str, Any], at: str = "") -> set[str]:
        found = set()
        for name, child in node["properties"].items():
            found |= known(child, f"{at}{name}.") if "properties" in child else {f"{at}{name}"}
        return found

    assert {each for each in known(schema) if each != "global"} == {
        re.sub(r"^(resources\.(?:requests|limits))\..*", r"\1", each) for each in leaves(chart.values)
    }


def test_the_charts_readme_lists_every_value_with_its_default(chart: helm_python.Chart) -> None:
    readme = (CHART / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([^`]+)` \| `([^`]*)` \| \S", readme, re.MULTILINE))
    assert set(rows) == leaves(chart.values)
    for name, default in rows.items():
        value: Any = chart.values
        for part in name.split("."):
            value = value[part]
        assert json.loads(default) == value, name
