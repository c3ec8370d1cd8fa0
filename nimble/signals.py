"""What those above can listen to, since nothing here may name them."""

from django.dispatch import Signal

# A person signed in: `connection` can be used (again). Sent after the commit, from the request that signs in, so a
# listener must be quick; what it raises is logged and goes no further.
connected = Signal()
