"""Best of several: seeds and methods tried one after the other, ranked by the judge."""
