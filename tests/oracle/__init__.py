"""The random histories that are put to the calculator (`tests.oracle.rules`) and to the system."""
