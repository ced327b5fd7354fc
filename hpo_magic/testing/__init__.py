"""Tests that every sampler, executor and storage must pass, and fakes for tests."""
