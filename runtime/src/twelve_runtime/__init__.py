"""What a twelve-factor app in Python asks of its platform."""
