"""Settings, use cases by capability, and the two faces over them, views and shell: docs/architecture.md draws the floors."""
