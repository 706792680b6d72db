"""The ways to tell people, one in each file. None imports a library before it is used."""
