"""
Pure decisions: what is wanted and what is there go in, a plan comes out.

In the order of a plan: :mod:`.request` (what it is made from), :mod:`.planner` (the whole), :mod:`.match` (whose is it),
:mod:`.annotations`, :mod:`.normalize` and :mod:`.declared` (what is compared), :mod:`.diff`, :mod:`.decide` (one object),
:mod:`.prune`, :mod:`.edges`, :mod:`.order` and :mod:`.dependencies` (what comes first), :mod:`.guards` (how much is too much),
:mod:`.records` (what the inventory learns).
"""
