"""Names that the API server, Azure and users see: one place for each string."""

from __future__ import annotations

from typing import Final

GROUP: Final = "gallery-operator.io"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"

#: Kind -> plural, as in the REST path.
PLURALS: Final = {"Gallery": "galleries", "ImageDefinition": "imagedefinitions", "ImageVersion": "imageversions"}

FINALIZER: Final = f"{GROUP}/azure-cleanup"
FIELD_MANAGER: Final = "gallery-operator"

PAUSED: Final = f"{GROUP}/paused"
RECONCILE_REQUESTED_AT: Final = f"{GROUP}/reconcile-requested-at"
RETIRED: Final = f"{GROUP}/retired"
KEEP: Final = f"{GROUP}/keep"
BYPASS_SOFT_DELETE: Final = f"{GROUP}/bypass-soft-delete"
#: Written ahead by the operator: the failed incarnation that is deleted to be created once more.
RECREATED: Final = f"{GROUP}/recreated"
#: Written by the operator under driftPolicy Report: the wish (a digest) that Azure has met.
APPLIED: Final = f"{GROUP}/applied"

#: The Secret with the credential of its namespace, unless a Gallery names another one.
DEFAULT_CREDENTIAL: Final = f"{FIELD_MANAGER}-credential"
#: Finalizer and label of a Secret with a credential that something needs.
CREDENTIAL_FINALIZER: Final = f"{GROUP}/credential-in-use"
CREDENTIAL_LABEL: Final = f"{GROUP}/credential"
CREDENTIAL_IN_USE: Final = "in-use"

#: The Azure tag that names the object in charge: `<cluster id>/<namespace>/<name>`.
OWNER_TAG: Final = "gallery-operator.owner"
#: The Azure tag that says the resource existed before its object did.
ADOPTED_TAG: Final = "gallery-operator.adopted"
