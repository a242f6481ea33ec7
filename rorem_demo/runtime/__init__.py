"""Where models live: catalogue, pool, devices, weights."""
