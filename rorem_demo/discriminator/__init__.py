"""The discriminator: says how likely a result shows a clean removal; trained from the feedback dataset."""
