"""The console: pages for people. It asks the public interfaces of the services and holds no rule."""
