"""The only door to execnet: connections to hosts, and the suite's files on them.

Nothing is imported here: a forked agent needs ``forked`` and no more, and ``sync``, which only remote hosts need,
costs 50 ms.
"""
