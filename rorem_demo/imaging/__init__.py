"""Pure arrays: uint8 RGB images and boolean masks, and what is true of any of them."""
