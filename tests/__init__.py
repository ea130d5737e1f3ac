"""Tests by cost: unit, service, contract, system; and architecture, which holds the house together."""
