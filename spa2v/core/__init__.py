"""The core: types, registry, host, runtime, pipeline. It never imports plugins."""
