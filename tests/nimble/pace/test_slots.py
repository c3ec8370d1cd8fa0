"""Two slots, one of them at most in the background."""

from hypothesis import given
from hypothesis import strategies as st

from nimble.pace import slots as slotting
from nimble.pace.slots import BACKGROUND, LIMIT, Slot

MOVES = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.booleans(), st.sampled_from(["take", "free"]), st.floats(0, 30)),
    max_size=60,
)  # fmt: skip


@given(MOVES)
def test_never_more_than_two_and_one_in_the_background(moves):
    slots, now = (), 1000.0
    for token, background, move, passed in moves:
        now += passed
        if move == "free":
            slots = slotting.freed(slots, token)
        else:
            slots = slotting.taken(slots, Slot(token, now + 20, background), now) or slots
        held = slotting.live(slots, now)
        assert len(held) <= LIMIT
        assert sum(slot.background for slot in held) <= BACKGROUND
        assert len({slot.token for slot in held}) == len(held)


@given(MOVES)
def test_person_gets_a_slot_exactly_while_it_is_not_full(moves):
    slots, now = (), 1000.0
    for token, background, _move, passed in moves:
        now += passed
        slots = slotting.taken(slots, Slot(token, now + 20, background), now) or slots
        free = slotting.taken(slots, Slot("new", now + 20), now) is not None
        assert free is (slotting.full_until(slots) <= now)


def test_reader_in_the_background_leaves_a_slot_to_people():
    slots = slotting.taken((), Slot("reader", 20, background=True), 0.0)
    assert slotting.taken(slots, Slot("another reader", 20, background=True), 0.0) is None
    assert slotting.taken(slots, Slot("person", 20), 0.0) is not None


def test_slot_of_a_killed_worker_lapses():
    slots = (Slot("dead", 20), Slot("dead, too", 25))
    assert slotting.taken(slots, Slot("alive", 60), 19.9) is None
    assert slotting.taken(slots, Slot("alive", 60), 20.1) == (Slot("dead, too", 25), Slot("alive", 60))


def test_own_slot_is_prolonged():
    slots = (Slot("a", 20), Slot("b", 25))
    assert slotting.taken(slots, Slot("a", 60), 10.0) == (Slot("b", 25), Slot("a", 60))
