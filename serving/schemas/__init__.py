"""What requests and answers hold: strict types, unknown keys refused, every length bounded."""
