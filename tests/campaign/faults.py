"""All faults of the campaign."""

from __future__ import annotations

from campaign import faults_network, faults_processes, faults_resources, faults_tests
from campaign.fault import Fault

FAULTS: tuple[Fault, ...] = (
    *faults_processes.FAULTS,
    *faults_tests.FAULTS,
    *faults_resources.FAULTS,
    *faults_network.FAULTS,
)
