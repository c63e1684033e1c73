"""The operations of the REST interface and their addresses."""

from rest_framework.routers import SimpleRouter

from errorqueue.api.bulk import BulkPlans, BulkRuns
from errorqueue.api.causes import Causes
from errorqueue.api.incidents import Incidents
from errorqueue.api.records import FailedRecords

router = SimpleRouter()
router.register("failed-records", FailedRecords, basename="failed-records")
router.register("causes", Causes, basename="causes")
router.register("incidents", Incidents, basename="incidents")
router.register("bulk-plans", BulkPlans, basename="bulk-plans")
router.register("bulk-runs", BulkRuns, basename="bulk-runs")
