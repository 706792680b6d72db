"""Assets that nobody may materialize for a while, and the failures in a row that bring a hold about."""
