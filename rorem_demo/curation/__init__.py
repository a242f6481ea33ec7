"""Curating: triplets made by a remover and sorted by the discriminator, RORem's stage 3.

candidates   photos with masks that may be tested
recipe       what a round is asked for, and the band a score falls into
rounds       rounds kept in a folder, each cut into shards          -> rows
work         a candidate tested: removed, scored, its pictures kept -> row
team         the processes that share a round
merging      all rounds as folders in RORem's layout, and the table of the paper
dataset      the same as datasets on the Hub
curate       the recipe, from top to bottom
"""
