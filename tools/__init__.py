"""Tools of the build, run before there is an environment."""
