"""Who may do what: access tokens and the rules for making and joining rooms. Time is an argument."""
