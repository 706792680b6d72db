"""What `platform-assets doctor` looks at: each module checks one area of a configuration, and changes nothing of it."""
