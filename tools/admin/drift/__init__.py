"""What differs between the two sides of the linked deals, and why: in which deals somebody has to do something."""
