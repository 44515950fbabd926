"""An API in memory and stores on it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from gitops_core.model.applications import Owner
from gitops_core.state.kubernetes import KubernetesStore, StoreSettings
from gitops_core.testing.clock import VirtualClock

_SPEC = importlib.util.spec_from_file_location("config_maps", Path(__file__).parent / "config_maps.py")
config_maps = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(config_maps)


@pytest.fixture
def api():
    return config_maps.ConfigMaps()


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def make(api, clock):
    """Makes one more store on the same state, as another process would."""

    def make(owner=Owner("example.org", "engine"), **settings):
        return KubernetesStore(api, owner, "state", settings=StoreSettings(**{"lease": 60.0, **settings}), clock=clock)

    return make


@pytest.fixture
def store(make):
    return make()
