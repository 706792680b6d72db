"""The main example, on every flight that left New York in 2013: land it, materialize the year, watch it live."""
