"""The limits that ARM sets to the tags of every resource.

Documented are the limits, and recorded the code for forbidden characters; the other codes and the texts are [?].
"""

from __future__ import annotations

from dev.azure_simulator import errors

_MOST = 50
_LONGEST_NAME, _LONGEST_VALUE = 512, 256
_FORBIDDEN = "<>%&\\?/"


def checked(tags: object) -> dict[str, str]:
    """Return the tags of a request.

    Raises ArmError 400 when one of them is malformed, or there are too many.
    """
    if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        raise errors.invalid_request_content("tags must be an object of strings")
    if len(tags) > _MOST:
        raise errors.invalid_tags("TagCountLimitExceeded", f"{len(tags)} tags were provided; at most {_MOST} can be.")
    if len({name.casefold() for name in tags}) < len(tags):
        raise errors.invalid_request_content("tag names are compared without regard to case, and one comes twice")
    for name, value in tags.items():
        _check(name, value)
    return dict(tags)


def _check(name: str, value: str) -> None:
    if any(character in _FORBIDDEN or ord(character) < ord(" ") for character in name):
        text = f"The tag names '{name[:100]}' have reserved characters '<,>,%,&,\\,?,/' or control characters."
        raise errors.invalid_tags("InvalidTagNameCharacters", text)
    if not 0 < len(name) <= _LONGEST_NAME:
        text = f"The tag name '{name[:100]}' must have 1 to {_LONGEST_NAME} characters."
        raise errors.invalid_tags("InvalidTagName", text)
    if len(value) > _LONGEST_VALUE:
        text = f"The value of tag '{name[:100]}' must have at most {_LONGEST_VALUE} characters."
        raise errors.invalid_tags("InvalidTagValue", text)
