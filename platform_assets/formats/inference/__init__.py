"""A first contract from a sample file: its beginning is read, the type of each column found, the contract written."""
