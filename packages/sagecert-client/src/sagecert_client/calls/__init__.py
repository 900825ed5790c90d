"""The calls, by subject: each function says what is sent, and with which type it is answered."""
