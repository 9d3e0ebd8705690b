"""Which faults a simulated bank still has to show, and which it has shown.

Belongs here: counting them, in the bank's journal, so that a bank started again goes on counting.
"""

from pipelines.simulation.bank.behaviour import Misbehaviour, Rule, rule_for
from pipelines.simulation.bank.journal import Journal


class Faults:
    """The rules of one bank; not for two threads at a time."""

    def __init__(self, rules: tuple[Rule, ...], journal: Journal) -> None:
        self._rules = rules
        self._journal = journal
        self._shown: dict[int, int] = {}
        for line in journal.lines:
            if line["event"] == "misbehaved":
                self._shown[line["rule"]] = self._shown.get(line["rule"], 0) + 1

    def due(self, fault: Misbehaviour, *subjects: str) -> Rule | None:
        """The rule by which that fault is to be shown now, without counting it; None: there is none."""
        found = self._found(fault, *subjects)
        return None if found is None else found[1]

    def show(self, fault: Misbehaviour, *subjects: str) -> Rule | None:
        """The rule by which that fault is shown now, counted as once; None: there is none."""
        found = self._found(fault, *subjects)
        if found is None:
            return None
        number, rule = found
        self._shown[number] = self._shown.get(number, 0) + 1
        line = {"event": "misbehaved", "rule": number, "fault": fault, "subject": subjects[0]}
        self._journal.add([line])
        return rule

    def shown(self) -> list[tuple[str, str]]:
        """Faults shown so far, with the name of the file, in order."""
        lines = [line for line in self._journal.lines if line["event"] == "misbehaved"]
        return [(line["fault"], line["subject"]) for line in lines]

    def _found(self, fault: Misbehaviour, *subjects: str) -> tuple[int, Rule] | None:
        found = rule_for(self._rules, fault, *subjects)
        if found is None:
            return None
        limit = found[1].limit
        return None if limit is not None and self._shown.get(found[0], 0) >= limit else found
