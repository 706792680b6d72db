"""What the room access makes of its values, without a warehouse."""
