"""A live feed under a changed contract: what stands under which contract, what is left in clear, and a search for it.

| question | file |
|---|---|
| what has to become of each partition? | ``survey`` |
| what is still to be done of a reload that was interrupted? | ``note`` |
| which clear values are to be gone? | ``values`` |
| are they? | ``proof``, by ``needles`` in bytes and by ``tables`` in columns |

The runs are started by the command (``cli.reload_runs``); nothing here knows Dagster.
"""
