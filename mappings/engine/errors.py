"""What can be wrong with a document, and what one value can refuse."""


class DocumentError(ValueError):
    """The document itself is wrong: a path, a condition, a transform."""


class Unfit(ValueError):
    """A value does not fit; carries the rule, the remedy and what is allowed."""

    def __init__(
        self, rule: str, remedy: str = "", allowed: tuple[str, ...] = ()
    ) -> None:
        super().__init__(rule)
        self.rule = rule
        self.remedy = remedy
        self.allowed = allowed
