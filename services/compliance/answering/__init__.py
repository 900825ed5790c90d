"""Answers that replay history, in processes of their own: as of another moment, about people, about whole histories.

The process that serves hands a question over as bytes and passes the bytes of the answer on. What is read and derived
for it takes a while and has a budget; it holds up nobody else.
"""
