"""What an administrator does once, by `cosell.py provision` and `cosell.py doctor`. None of it goes to Azure."""
