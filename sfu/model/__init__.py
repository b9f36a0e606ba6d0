"""Rooms, participants, tracks and who is in which slot: pure and synchronous. Methods return intents; others apply them.

An id is a small integer, given once in the life of a room and never again, so that an old id can mean nobody else.
"""
