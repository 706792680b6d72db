"""What is observed of an instance for alerts, and the sensor that has it told."""
