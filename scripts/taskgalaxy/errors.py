"""The one kind of error that a user is meant to read."""

from __future__ import annotations


class UserError(Exception):
    """Something in the user's hands is wrong: says where, what, and what to do about it.

    Scripts print it without a traceback; everything else that is raised is a defect of ours.
    """

    def __init__(self, where: str, what: str, fix: str) -> None:
        super().__init__(f"{where}: {what}. {fix[:1].upper()}{fix[1:]}{'' if fix.endswith('.') else '.'}")
        self.where = where
        self.what = what
        self.fix = fix

    def __reduce__(self) -> tuple[type[UserError], tuple[str, str, str]]:
        """Sent from another process, it is the same error."""
        return UserError, (self.where, self.what, self.fix)
