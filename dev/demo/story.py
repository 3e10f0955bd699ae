"""The life of an image version in ten steps. Each step does something and verifies what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dev.azure_simulator import FailRegion
from dev.demo.manifests import PREFIX
from dev.demo.stage import JSON, KINDS, Stage

_READY = ("True", "Replicated")
_RETIRED = ("True", "Retired")
_LAST_GOOD = "it is the last good version of its image definition"
_DISK_ERROR = "Replication failed in this region due to 'a simulated disk error'"
#: What a resync reads: the paths end so.
_COMPARED = ("galleries/platform", "images/ubuntu-24-04", "images/ubuntu-24-04/versions")


def start(stage: Stage) -> None:
    """CRDs, account and rights come from the chart; the operator is a process of its own that has no others."""
    stage.installation.install()
    kinds = stage.kubectl("get", "crds", "--output=name").split()
    ours = [each for each in kinds if each.endswith(".gallery-operator.io")]
    stage.verify("the chart installed the CRDs: galleries, imagedefinitions, imageversions", len(ours), 3)
    account = stage.installation.account(stage.account)
    stage.operator.start()
    stage.verify("the operator runs as a process of its own, and says that it is ready", stage.operator.ready(), True)
    elsewhere = "get secrets --namespace=kube-system"
    questions = {"patch imageversions/status": "yes", "create imageversions": "no", elsewhere: "no"}
    answers = {
        each: stage.kubectl("auth", "can-i", *each.split(), f"--kubeconfig={account}", check=False).strip()
        for each in questions
    }
    stage.verify(
        "it has the rights of the chart's ServiceAccount: it may report, but not publish, nor read secrets elsewhere",
        answers,
        questions,
    )
    stage.verify("Azure holds no gallery yet", stage.azure.resources(), [])


def publish(stage: Stage) -> None:
    """Gallery, image definition and first version in one apply: each waits for its parent."""
    stage.follow("1.0.0", "{.status.replication.summary}")
    stage.run("apply -f examples/quickstart/")
    stage.eventually(
        "Azure was sent the gallery, the image definition and the version, in this order and once each",
        stage.writes,
        ["PUT platform", "PUT ubuntu-24-04", "PUT 1.0.0"],
    )
    stage.verify("waiting for a parent is no error: there is no Warning event", stage.warnings(), [])


def replicate(stage: Stage) -> None:
    """Its regions complete one after the other, and the status says so."""
    stage.run(f"wait --for=condition=Ready imageversion/{PREFIX}1.0.0 --timeout=60s", table=True)
    stage.eventually("kubectl wait returned: 1.0.0 is Ready", lambda: stage.condition("1.0.0"), _READY)
    stage.eventually("its regions went from 0/3 to 3/3", lambda: _ends(stage.followed("1.0.0")), ("0/3", "3/3"))
    stage.tell.note(" → ".join(stage.followed("1.0.0")))
    _verify_regions(stage, "1.0.0")
    stage.verify("three PUTs were enough", len(stage.writes()), 3)


def supersede(stage: Stage) -> None:
    """A newer version takes over."""
    stage.eventually("1.0.0 is latest", lambda: _latest(stage, "1.0.0"), {"1.0.0": True, "definition": "1.0.0"})
    stage.manifests.new_version("1.0.1", "ubuntu-2404-20261108", like="1.0.0")
    stage.run("apply -f examples/quickstart/imageversion-1.0.1.yaml")
    stage.eventually("1.0.1 is Ready", lambda: stage.condition("1.0.1"), _READY, table=True)
    stage.eventually(
        "latest moved from 1.0.0 to 1.0.1, on both versions and on the image definition",
        lambda: _latest(stage, "1.0.0", "1.0.1"),
        {"1.0.0": False, "1.0.1": True, "definition": "1.0.1"},
    )


def change(stage: Stage) -> None:
    """One PUT for each change; none when there is nothing to change."""
    regions = stage.manifests.spec("1.0.1")["targetRegions"]
    _change(stage, "a region is added", [*regions, {"name": "uksouth"}])
    _change(stage, "a region gets more replicas", [*regions, {"name": "uksouth", "replicas": 3}])
    latest = dict.fromkeys(("westeurope", "northeurope", "eastus2", "uksouth"), "1.0.1")
    stage.eventually("1.0.1 is latest in all its regions", lambda: _latest_by_region(stage), (False, latest))
    before, mark = stage.revisions(), stage.mark()
    for hour in range(1, 4):
        stage.advance(hours=1)
        stage.eventually(
            f"resync {hour}: gallery, image definition and versions were compared with Azure",
            lambda: [each for each in _COMPARED if _reads(stage, each, mark) < hour],  # noqa: B023 - called at once
            [],
        )
    stage.verify("nothing was sent to Azure", stage.writes(mark), [])
    stage.verify("nothing was written to Kubernetes", stage.revisions(), before)


def mend(stage: Stage) -> None:
    """What others change in Azure is put right, and told."""
    mark = stage.mark()
    profile = stage.profile_in_azure("1.0.1")
    targets = [
        {**each, "regionalReplicaCount": 5} if each["name"] == "West Europe" else each
        for each in profile["targetRegions"]
    ]
    stage.azure.tamper(stage.gallery_id, {"tags": {"team": "somebody-else"}})
    stage.azure.tamper(stage.version_id("1.0.1"), {"properties": {"publishingProfile": {"targetRegions": targets}}})
    stage.tell.note("someone gives the gallery's tag team another value, and 1.0.1 five replicas in West Europe")
    stage.advance(hours=1)
    stage.eventually("the tag is put right", lambda: stage.gallery_tags().get("team"), "platform")
    stage.eventually(
        "the replicas are put right", lambda: stage.regions_in_azure("1.0.1")["westeurope"], ("Completed", 100, 2)
    )
    stage.eventually("1.0.1 is Ready again", lambda: stage.condition("1.0.1"), _READY)
    told = "the difference is named in an Event of the"
    _eventually_told(stage, f"{told} gallery", "platform", "tags.team: somebody-else -> platform")
    _eventually_told(
        stage, f"{told} version", f"{PREFIX}1.0.1", "targetRegions[westeurope].regionalReplicaCount: 5 -> 2"
    )
    stage.verify("one PUT each did it", sorted(stage.writes(mark)), ["PUT 1.0.1", "PUT platform"])


def retire(stage: Stage) -> None:
    """The lives of both versions end: policy retires the one that may go, and keeps the last good one."""
    mark = stage.mark()
    _end_life(stage, stage.azure.now() + timedelta(days=14))
    stage.advance(days=14, hours=1)
    stage.eventually(
        "1.0.0 is excluded from latest", lambda: stage.profile_in_azure("1.0.0")["excludeFromLatest"], True, table=True
    )
    stage.eventually("its status says Expired", lambda: _life(stage, "1.0.0").get("stage"), "Expired")
    stage.advance(days=7)
    stage.eventually("1.0.0 is deleted in Azure", lambda: stage.exists_in_azure("1.0.0"), False, table=True)
    stage.eventually("its object stays, and is Ready as Retired", lambda: stage.condition("1.0.0"), _RETIRED)
    stage.eventually(
        f"1.0.1 stays, though its date has passed, too; its status says why: {_LAST_GOOD}",
        lambda: _life(stage, "1.0.1").get("keptBecause"),
        _LAST_GOOD,
    )
    stage.advance(days=1, hours=1)
    stage.eventually("after removeRetiredAfter the object of 1.0.0 goes, too", lambda: stage.version("1.0.0"), {})
    stage.run("apply -f examples/quickstart/")
    stage.eventually("applied again, 1.0.0 is Retired at once", lambda: stage.condition("1.0.0"), _RETIRED, table=True)
    stage.verify(
        "all that 1.0.0 took: a PUT for its date, a PUT to exclude it, a DELETE; it was not published again",
        stage.writes(mark, r"versions/1\.0\.0$"),
        ["PUT 1.0.0", "PUT 1.0.0", "DELETE 1.0.0"],
    )
    stage.verify("1.0.1 took a PUT for its date", stage.writes(mark, r"versions/1\.0\.1$"), ["PUT 1.0.1"])


def repair(stage: Stage) -> None:
    """A region fails: the version before serves until the repair is done."""
    mark = stage.mark()
    stage.azure.fault(FailRegion(match=r"versions/1\.0\.2$", region="eastus2", details=_DISK_ERROR))
    stage.follow("1.0.2", '{.status.conditions[?(@.type=="Ready")].message}')
    stage.manifests.new_version("1.0.2", "ubuntu-2404-20261115", like="1.0.1")
    stage.run("apply -f examples/quickstart/imageversion-1.0.2.yaml")
    stage.eventually("1.0.2 is Ready in the end", lambda: stage.condition("1.0.2"), _READY, table=True)
    failure = f"eastus2 ({_DISK_ERROR})"
    fact = "its status named region and reason"
    stage.tell.note(stage.eventually_told(fact, lambda: stage.followed("1.0.2"), failure))
    _verify_regions(stage, "1.0.2")
    stage.eventually(
        "one PUT published 1.0.2, one repaired it; 1.0.1 was the last good one till then, and is now retired",
        lambda: stage.writes(mark),
        ["PUT 1.0.2", "PUT 1.0.2", "DELETE 1.0.1"],
    )
    stage.eventually("1.0.1 is Retired", lambda: stage.condition("1.0.1"), _RETIRED)


def kill(stage: Stage) -> None:
    """SIGKILL while Azure creates, updates and deletes: what was begun ends, once."""
    for version, image in (("1.0.3", "ubuntu-2404-20261122"), ("1.0.4", "ubuntu-2404-20261129")):
        stage.manifests.new_version(version, image, like="1.0.2")
    regions = stage.manifests.spec("1.0.2")["targetRegions"]
    stage.manifests.edit("1.0.2", targetRegions=[{**each, "replicas": 4} for each in regions])
    at_work = {"1.0.2": "Updating", "1.0.3": "Creating", "1.0.4": "Creating"}
    _kill_during(stage, "apply -f examples/quickstart/", at_work, "PUT")
    stage.eventually(
        "all three are Ready", lambda: {each: stage.condition(each) for each in at_work}, dict.fromkeys(at_work, _READY)
    )
    _verify_regions(stage, "1.0.2")

    file = "examples/quickstart/imageversion-1.0.4.yaml"
    _kill_during(stage, f"delete --wait=false -f {file}", {"1.0.4": "Deleting"}, "DELETE")
    stage.eventually("the object of 1.0.4 is gone", lambda: stage.version("1.0.4"), {})
    stage.manifests.file("1.0.4").unlink()


def clean_up(stage: Stage) -> None:
    """All at once: children go before their parents."""
    mark = stage.mark()
    stage.run("delete -f examples/quickstart/ --timeout=60s", table=True)
    gone = stage.writes(mark)
    stage.verify(
        "versions, image definition and gallery left Azure in this order, asked once each",
        [*sorted(gone[:-2]), *gone[-2:]],
        ["DELETE 1.0.2", "DELETE 1.0.3", "DELETE ubuntu-24-04", "DELETE platform"],
    )
    stage.verify("nothing is left in Azure", stage.azure.resources(), [])
    stage.verify("nothing is left in Kubernetes", stage.kubectl("get", KINDS, "--output=name"), "")
    stage.verify("there was no Warning event in the whole story", stage.warnings(), [])


@dataclass(frozen=True)
class Step:
    """One step of the story."""

    title: str
    act: Callable[[Stage], None]


STEPS = (
    Step("The operator starts", start),
    Step("Publish a version", publish),
    Step("Replicate it to three regions", replicate),
    Step("A newer version becomes latest", supersede),
    Step("Change regions and replicas", change),
    Step("Someone changes things in Azure behind our back", mend),
    Step("A version reaches the end of its life", retire),
    Step("A region fails in Azure", repair),
    Step("The operator is killed, twice", kill),
    Step("Delete everything in one go", clean_up),
)


def _change(stage: Stage, what: str, regions: list[dict[str, object]]) -> None:
    mark = stage.mark()
    stage.manifests.edit("1.0.1", targetRegions=regions)
    stage.run("apply -f examples/quickstart/imageversion-1.0.1.yaml")
    stage.eventually(f"{what}: 1.0.1 is Ready again", lambda: stage.condition("1.0.1"), _READY, table=True)
    stage.verify("it took exactly one PUT", stage.writes(mark), ["PUT 1.0.1"])
    _verify_regions(stage, "1.0.1")


def _end_life(stage: Stage, end: datetime) -> None:
    """Give 1.0.0 and 1.0.1 the same end-of-life date."""
    date = end.strftime("%Y-%m-%dT%H:%M:%SZ")
    for version in ("1.0.0", "1.0.1"):
        stage.manifests.edit(version, endOfLifeDate=date)
    stage.run("apply -f examples/quickstart/")
    stage.eventually(
        f"1.0.0 and 1.0.1 are Ready with a new end of life, {date}, which Azure knows",
        lambda: [_dated(stage, version) for version in ("1.0.0", "1.0.1")],
        [(date[:19], *_READY)] * 2,
    )
    stage.eventually(
        "the image definition announces what is to come: both are to leave latest",
        lambda: sorted((each["version"], each["action"]) for each in stage.definition_status().get("nextActions", ())),
        [("1.0.0", "ExcludeFromLatest"), ("1.0.1", "ExcludeFromLatest")],
    )


def _dated(stage: Stage, version: str) -> tuple[str, str, str]:
    return (str(stage.profile_in_azure(version).get("endOfLifeDate"))[:19], *stage.condition(version))


def _kill_during(stage: Stage, command: str, states: dict[str, str], method: str) -> None:
    """Kill the operator as soon as Azure is at work, and start it while Azure still is."""
    mark = stage.mark()
    sent = sorted(f"{method} {version}" for version in states)
    with stage.slow_motion():
        stage.run(command)
        doing = ", ".join(f"{version} is {state}" for version, state in states.items())
        stage.eventually(f"Azure is at work: {doing}", lambda: _states(stage, states), states)
        stage.operator.kill()
        stage.tell.command("kill -9 <the operator>")
        with stage.tell.waiting("the operator starts again"):
            stage.operator.start()
        stage.verify("the operator is back, and Azure is still at work", _states(stage, states), states)
    stage.eventually("Azure is done", lambda: set(_states(stage, states).values()) - {"Succeeded", None}, set())
    stage.verify(f"it was asked once: {', '.join(sent)}", sorted(stage.writes(mark)), sent)


def _states(stage: Stage, versions: Iterable[str]) -> dict[str, str | None]:
    return {version: stage.state_in_azure(version) for version in versions}


def _latest(stage: Stage, *versions: str) -> dict[str, object]:
    """Return what the versions and the definition say of latest."""
    found: dict[str, object] = {each: stage.status(each).get("latest") for each in versions}
    return found | {"definition": stage.definition_status().get("latestVersion")}


def _latest_by_region(stage: Stage) -> tuple[object, dict[str, str]]:
    """Return whether 1.0.0 claims to be latest, and what the definition says of each region."""
    rows = stage.definition_status().get("latestByRegion", ())
    return stage.status("1.0.0").get("latest"), {row["name"]: row["version"] for row in rows}


def _verify_regions(stage: Stage, version: str) -> None:
    reported = stage.regions(version)
    shown = ", ".join(f"{name} {replicas}" for name, (_, _, replicas) in reported.items())
    stage.verify(
        f"state, progress and replicas of each region are as Azure has them: {shown}",
        reported,
        stage.regions_in_azure(version),
    )


def _reads(stage: Stage, path: str, mark: int) -> int:
    return len(stage.azure.journal(f"^GET .*{path}$", after=mark))


def _eventually_told(stage: Stage, fact: str, name: str, part: str) -> None:
    stage.tell.note(stage.eventually_told(fact, lambda: stage.events(name), part))


def _ends(values: Sequence[str]) -> tuple[str, str] | None:
    """Return the first and the last value."""
    return (values[0], values[-1]) if values else None


def _life(stage: Stage, version: str) -> JSON:
    life: JSON = stage.status(version).get("endOfLife", {})
    return life
