"""Which mistake makes a wrong gradient: the given Jacobian against the right one."""
