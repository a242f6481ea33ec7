"""Annotating: results that wait for a human yes or no, one after the other, as the paper's annotators had them.

feeds       a folder in RORem's layout, or a Hub dataset of triplets   -> rows
items       a row, read and checked                                    -> Item
annotating  who gets which item, and what they say of it
"""
