"""What a run of nanonet code did, step by step: recorded once, then walked forwards and backwards."""

from nanonet.teach.trace.debugger import Debugger, Target
from nanonet.teach.trace.model import Call, Change, Contribution, Node, Site, Step, Trace
from nanonet.teach.trace.record import trace, tracing
from nanonet.teach.trace.state import State, replayed
