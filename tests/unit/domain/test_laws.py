"""Laws of all plans: they converge, change nothing they are given, and survive whatever Azure says."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gallery_operator.api import names
from gallery_operator.api.image_version import ImageVersionStatus
from gallery_operator.domain import definitions, galleries, reports, resources, version_body, versions
from gallery_operator.domain.difference import ADDED, TARGET_REGIONS, difference, merge
from gallery_operator.domain.plan import Blocked, Create, Delete, Plan, Retire, Update, UpToDate
from gallery_operator.domain.replication import Repairs
from gallery_operator.domain.resources import Attempts
from tests.unit.domain import build
from tests.unit.domain.azure_model import apply_definition, apply_gallery, apply_version
from tests.unit.domain.build import NOW, OWNER, arm_definition, arm_gallery, arm_version, member, region
from tests.unit.domain.strategies import (
    DEFAULTS,
    DEFINITION_SPECS,
    GALLERY_SPECS,
    JUNK,
    VERSION_SPECS,
    broken,
    lifecycles,
    some,
)

JSON = dict[str, Any]
FOREIGN = {"theirs": "1"}
OTHER = member("9.0.0", regions=["West Europe", "East US 2", "West US 2", "North Europe", "Japan East"])

few = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def plan_version(spec: JSON, parent: JSON, observed: JSON | None) -> Plan:
    return versions.plan(build.situation(build.version(**spec), observed, OTHER, of=build.parents(**parent)))


def plan_definition(spec: JSON, parent: JSON, observed: JSON | None) -> Plan:
    del parent
    return definitions.plan(build.definition(**spec), "West Europe", observed, OWNER, Attempts(), NOW)


def plan_gallery(spec: JSON, parent: JSON, observed: JSON | None) -> Plan:
    del parent
    return galleries.plan(build.gallery(**spec), observed, OWNER, Attempts(), NOW)


Planner = Callable[[JSON, JSON, JSON | None], Plan]
Apply = Callable[[JSON, JSON | None, Any], JSON]

PARENTS = some(versionDefaults=DEFAULTS, lifecycle=lifecycles())
KINDS: dict[str, tuple[Planner, Apply, st.SearchStrategy[JSON], JSON]] = {
    "version": (
        plan_version,
        apply_version,
        VERSION_SPECS,
        arm_version(
            regions=[region(), region("East US 2")],
            replication={"West Europe": ("Completed", 100), "East US 2": ("Failed", 7)},
        ),
    ),
    "definition": (plan_definition, apply_definition, DEFINITION_SPECS, arm_definition(description="old")),
    "gallery": (plan_gallery, apply_gallery, GALLERY_SPECS, arm_gallery(description="old")),
}
kinds = st.sampled_from(sorted(KINDS))


def starts(kind: str) -> st.SearchStrategy[tuple[JSON, JSON, JSON | None]]:
    """Return (spec, parent, what Azure has): nothing, or what another spec made of it, tagged by others, too."""
    planner, apply, specs, _ = KINDS[kind]

    def made(spec: JSON) -> JSON:
        first = planner(spec, {}, None)
        assert isinstance(first, Create | Retire), first
        if isinstance(first, Retire):
            first = planner({**spec, "endOfLifeDate": None}, {}, None)
            assert isinstance(first, Create)
        answer = apply(first.body, None, NOW)
        return {**answer, "tags": {**answer.get("tags", {}), **FOREIGN}}

    return st.tuples(specs, PARENTS, st.none() | specs.map(made))


def steps_needed(step: Plan) -> int:
    """Return how many writes may pass until Azure is as wanted: one, but for what Azure makes only in several."""
    if not isinstance(step, Update):
        return 2  # its life begins only now: a lifecycle may want it out of latest from its first moment on
    if adds_regions(step):  # they come first; then each of the others may have to change its storage
        return 1 + 2 * len(step.body["properties"]["publishingProfile"]["targetRegions"])
    moved = sum(each.path.endswith("].storageAccountType") for each in step.changes)
    return max(1, 2 * moved)  # each of those regions leaves, and comes back


def adds_regions(step: Plan) -> bool:
    """Tell whether a step adds regions: they come even when another one must not change its storage."""
    return isinstance(step, Update) and any(
        each.rule == TARGET_REGIONS and each.wanted == ADDED for each in step.changes
    )


@few
@given(st.data())
def test_one_step_brings_azure_to_the_wish_where_azure_can(data: st.DataObject) -> None:
    kind = data.draw(kinds)
    planner, apply, _, _ = KINDS[kind]
    spec, parent, observed = data.draw(starts(kind))
    step = first = planner(spec, parent, observed)
    after, made = observed, 0
    while isinstance(step, Create | Update):
        after = apply(step.body, after, NOW)
        step, made = planner(spec, parent, after), made + 1
        assert made <= steps_needed(first), f"{first} -> {step}"
    only_added = made == 1 and adds_regions(first) and isinstance(step, Blocked) and step.reason == "StorageTypeDiffers"
    assert isinstance(step, UpToDate | Retire) or not made or only_added, f"{first} -> {step}"
    assert isinstance(step, UpToDate | Blocked | Retire)
    if observed is not None and after is not None:
        assert after["tags"]["theirs"] == "1"


@few
@given(st.data())
def test_planning_changes_nothing_it_is_given(data: st.DataObject) -> None:
    kind = data.draw(kinds)
    spec, parent, observed = data.draw(starts(kind))
    before = copy.deepcopy((spec, parent, observed))
    step = KINDS[kind][0](spec, parent, observed)
    kept = copy.deepcopy(step)
    if isinstance(step, Create | Update):
        # Nor does whoever changes the body afterwards.
        spoil(step.body)
    assert (spec, parent, observed) == before
    assert KINDS[kind][0](spec, parent, observed) == kept


def spoil(body: JSON) -> None:
    """Change a body everywhere."""
    for value in list(body.values()):
        if isinstance(value, dict):
            spoil(value)
    body["spoilt"] = True


@few
@given(st.data())
def test_a_body_holds_no_read_only_field_and_no_past_date(data: st.DataObject) -> None:
    kind = data.draw(kinds)
    spec, parent, observed = data.draw(starts(kind))
    step = KINDS[kind][0](spec, parent, observed)
    if not isinstance(step, Create | Update):
        return
    assert step.body.keys() <= {"location", "tags", "properties"}
    properties = step.body["properties"]
    hidden = {"provisioningState", "replicationStatus", "validationsProfile", "sharingStatus"}
    assert not properties.keys() & hidden
    date = {**properties, **properties.get("publishingProfile", {})}.get("endOfLifeDate")
    assert date is None or date > build.text(NOW)
    if kind == "version":
        assert properties["storageProfile"].keys() == {"source"}
        homes = {each["name"] for each in properties["publishingProfile"]["targetRegions"]}
        assert build.HOME in homes


@few
@given(st.data())
def test_the_order_of_regions_does_not_matter(data: st.DataObject) -> None:
    spec, parent, observed = data.draw(starts("version"))
    if "targetRegions" not in spec:
        return
    turned = {**spec, "targetRegions": data.draw(st.permutations(spec["targetRegions"]))}
    one, other = plan_version(spec, parent, observed), plan_version(turned, parent, observed)
    if isinstance(one, Update) and isinstance(other, Update):
        assert set(map(str, one.changes)) == set(map(str, other.changes))
    elif not isinstance(one, Create | Blocked):
        assert one == other
    assert type(one) is type(other)


@few
@given(st.data())
def test_nothing_differs_after_a_wish_was_merged(data: st.DataObject) -> None:
    spec, parent, _ = data.draw(starts("version"))
    found = data.draw(broken(KINDS["version"][3]))
    wanted = version_body.wish(
        build.version(**spec), build.parents(**parent), found, OWNER, leaves_latest=data.draw(st.booleans()), now=NOW
    ).body
    assert difference(wanted, merge(found, wanted)) == ()


HOSTILE = st.sampled_from([{}, {names.RETIRED: "by hand"}, {names.KEEP: "true"}])


@settings(few, max_examples=100)
@given(st.data())
def test_whatever_azure_says_a_version_is_planned_and_reported(data: st.DataObject) -> None:
    observed: JSON = data.draw(broken(KINDS["version"][3]) | st.dictionaries(st.text(max_size=5), JUNK, max_size=3))
    spec = data.draw(VERSION_SPECS)
    parent = {"lifecycle": data.draw(lifecycles()), "endOfLifeDate": data.draw(st.none() | st.just(build.text(NOW)))}
    wanted = build.version(annotations=data.draw(HOSTILE), **spec)
    of = build.situation(wanted, observed, OTHER, of=build.parents(**parent))
    step = versions.plan(of)
    assert not isinstance(step, Create)
    if isinstance(step, Delete | Retire):
        assert resources.owner_of(observed) == OWNER
    rows = reports.replication_status(of, None, Repairs())
    status = ImageVersionStatus(replication=rows, end_of_life=reports.end_of_life_status(of))
    assert reports.version_claims(of, step, status)[0].type == "Ready"
    assert reports.latest_by_region(of.relatives)
    assert reports.describe(step)


@few
@given(st.data())
def test_whatever_azure_says_definitions_and_galleries_are_planned(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["definition", "gallery"]))
    planner, _, specs, answer = KINDS[kind]
    observed: JSON = data.draw(broken(answer) | st.dictionaries(st.text(max_size=5), JUNK, max_size=3))
    step = planner(data.draw(specs), {}, observed)
    assert not isinstance(step, Create | Delete)
    resources.deletion(observed, OWNER, None)
