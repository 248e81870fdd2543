"""A bug hunt: fifteen small programs, and in each the backward of one operation is wrong.

    from nanonet.teach.exercises import hunt
    print(hunt.get(3))                               # the program and its values
    with hunt.get(3).planted():                      # the engine with the bug
        loss = hunt.get(3).run()
    hunt.get(3).hint(1)
    hunt.get(3).answer("sigmoid", "sign")

Which operation it is and what is wrong with it stands nowhere: the gradient checker finds it out when somebody answers.
"""

from nanonet.teach.exercises.hunt.bug import Answer, Bug, get, hunts
from nanonet.teach.exercises.hunt.show import listing, open_in_debugger

__all__ = ["Answer", "Bug", "get", "hunts", "listing", "open_in_debugger"]
