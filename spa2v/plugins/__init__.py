"""The built-in components. registry.yaml names them."""
