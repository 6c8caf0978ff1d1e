"""Tests against the API server that ``KWATCH_E2E_KUBECONFIG`` names."""
