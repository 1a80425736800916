"""What runs on the far side of the fence: the slot process, its confinement, and the programs it forks.

Rule 1: standard library only, and nothing here imports the verifier: a slot is a fresh interpreter.
Rule 2: the slot never holds test data. Sources, inputs and outputs travel through descriptors that it hands to
        the program unread, so a program that searches its memory finds only itself.
"""
