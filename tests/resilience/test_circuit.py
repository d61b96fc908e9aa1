"""The circuit as a state machine: whatever happens in whatever order."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from podium.resilience.circuit import Circuit, Entry
from tests.resilience.timing import Time


class Calls(RuleBasedStateMachine):
    """Callers that enter, succeed, fail and leave; a plain account of what must hold beside the circuit."""

    def __init__(self) -> None:
        super().__init__()
        self.time = Time()
        self.circuit = Circuit(3, now=self.time.now, draw=self.time.draw)
        self.inside: list[Entry] = []
        self.in_a_row = 0

    @rule()
    def enter(self) -> None:
        state = self.circuit.state
        probing = "probe" in self.inside
        entry = self.circuit.enter()
        assert (
            entry
            == {
                "closed": "pass",
                "open": "refused",
                "half_open": "refused" if probing else "probe",
            }[state]
        )
        if entry != "refused":
            self.inside.append(entry)

    @precondition(lambda self: self.inside)
    @rule(data=st.data(), how=st.sampled_from(["succeed", "fail", "leave"]))
    def end(self, data: st.DataObject, how: str) -> None:
        entry = self.inside.pop(data.draw(st.integers(0, len(self.inside) - 1)))
        was = self.circuit.state
        getattr(self.circuit, how)(entry)
        now = self.circuit.state
        if entry == "probe":
            assert now == {"succeed": "closed", "fail": "open", "leave": "half_open"}[how]
            self.in_a_row = 0
        elif was != "closed":
            assert now == was, "who passed before it opened changes nothing any more"
        elif how == "fail":
            self.in_a_row += 1
            assert (now != "closed") == (self.in_a_row == 3)
        else:
            self.in_a_row = 0 if how == "succeed" else self.in_a_row
            assert now == "closed"
        if now != "closed":
            self.in_a_row = 0

    @rule(seconds=st.floats(0, 40))
    def wait(self, seconds: float) -> None:
        self.time.pass_by(seconds)

    @invariant()
    def one_probe_at_the_most(self) -> None:
        assert self.inside.count("probe") <= 1

    @invariant()
    def it_is_never_shut_for_longer_than_said(self) -> None:
        assert 0 <= self.circuit.left <= 30


TestCalls = Calls.TestCase
TestCalls.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


@given(st.lists(st.booleans(), max_size=200))
def test_without_a_threshold_it_never_opens(outcomes: list[bool]) -> None:
    time = Time()
    circuit = Circuit(0, now=time.now, draw=time.draw)
    for outcome in outcomes:
        entry = circuit.enter()
        assert entry == "pass"
        (circuit.succeed if outcome else circuit.fail)(entry)
    assert circuit.state == "closed"


def test_half_of_many_failing_opens_it_though_never_in_a_row() -> None:
    time = Time()
    circuit = Circuit(5, now=time.now, draw=time.draw)
    for _ in range(9):
        circuit.succeed("pass")
        circuit.fail("pass")
    assert circuit.enter() == "pass"
    circuit.succeed("pass")
    circuit.fail("pass")
    assert circuit.enter() == "refused"


def test_failures_of_long_ago_do_not_weigh() -> None:
    time = Time()
    circuit = Circuit(5, now=time.now, draw=time.draw)
    for _ in range(100):
        circuit.succeed("pass")
        circuit.fail("pass")
        time.pass_by(4)
    assert circuit.state == "closed"


@given(outage=st.floats(0, 3600), share=st.floats(0, 1))
def test_recovery_is_seen_within_a_sixth_of_the_outage(outage: float, share: float) -> None:
    time = Time(share=share)
    circuit = Circuit(1, now=time.now, draw=time.draw)
    circuit.fail("pass")
    began = time.now()
    while time.now() - began < outage:
        time.pass_by(circuit.left)
        entry = circuit.enter()
        assert entry == "probe"
        circuit.fail(entry)
    healed = time.now()
    time.pass_by(circuit.left)
    assert circuit.enter() == "probe"
    assert time.now() - healed <= min(max((healed - began) / 6, 1), 30) + 1e-6  # floats round
