"""The whole engine under everything at once: a state machine over the real database and the sandbox's real HTTP.

People edit, create and delete here and in Nimble, records are hidden there, answers are lost, refused and late, tokens
die, workers are killed at named points, pulls stand still with a page in hand, leases lapse, messages come twice.

`known`: what the machine remembers of a sequence. `here`, `nimble`, `workers`: what may happen. `invariants`, `rest`:
what must hold after every step, and in the end. `points`: where somebody is killed or stands still. `world`: the
database and the sandbox that every sequence begins with. How a failing one is seen again: docs/development.md.
"""
