"""Answers that replay history, in processes of their own: as of another moment, about people, about whole histories.

The serving process sends a question as bytes and passes the bytes of the answer on. A replay takes a while and has a
budget; it delays no other answer.
"""
