"""The home page: what each person is here for, in figures, lists and charts."""
