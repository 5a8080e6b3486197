"""VIII: what shows whether there are enough processes: how long requests take, how often processes start again."""
