"""Servers announce themselves on the local network, and clients find them (mDNS and DNS-SD).

`service_record` is what is announced, in the form that C distcc uses; `networks` says on which
interfaces, and whose addresses count.  `announcer` and `look` are programs of their own, so that
whatever anybody on the network sends reaches neither a server nor an agent: only their output does, and
that is bounded.
"""
