"""The random histories that are put to the calculator (`sagecert_verify.rules`) and to the system."""
