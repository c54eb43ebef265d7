"""What broke, whose fault it is, whether to try again and where: decisions about failures, as values.

Nothing here knows pytest, a clock or a die: the time and random numbers are arguments. A run in which nothing fails
does not import it.
"""
