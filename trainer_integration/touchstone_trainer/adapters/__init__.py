"""The reward hooks of training frameworks, one module for each. Import the module of yours.

Rule 1: a hook turns its framework's words into `Sample`s and `Scored`s into its framework's words; it computes nothing.
Rule 2: a framework is imported when its hook runs, never when the module is read. `trl_trainer` and `verl_algorithms`
        are loaded by their frameworks alone and begin with them.
Rule 3: what a framework is told of a response without a reward stands at the head of its module.
"""
