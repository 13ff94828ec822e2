"""What sources say of items without asking them about every item of the catalogue."""
