"""Who is told of an incident: the alerts file, and the channels that it names for one incident."""
