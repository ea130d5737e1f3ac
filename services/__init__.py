"""The services: one package each, all of the same anatomy. They never import each other."""
